import { kafkaLogSchema } from './kafka-log.ts';
import { keyAuthSchema } from './key-auth.ts';
import { kafkaUpstreamSchema } from './kafka-upstream.ts';
import type { PluginSchemas } from './plugin-schema.ts';

/** All plugins that both planes know, by name. */
export const pluginSchemas = {
  'kafka-log': kafkaLogSchema,
  'kafka-upstream': kafkaUpstreamSchema,
  'key-auth': keyAuthSchema,
} as const satisfies PluginSchemas;

export type PluginName = keyof typeof pluginSchemas;
