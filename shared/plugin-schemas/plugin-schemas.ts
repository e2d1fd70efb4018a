import { kafkaLogSchema } from './kafka-log.ts';
import { kafkaUpstreamSchema } from './kafka-upstream.ts';
import type { PluginSchemas } from './plugin-schema.ts';

/** All plugins that both planes know, by name. */
export const pluginSchemas = {
  'kafka-log': kafkaLogSchema,
  'kafka-upstream': kafkaUpstreamSchema,
} as const satisfies PluginSchemas;

export type PluginName = keyof typeof pluginSchemas;
