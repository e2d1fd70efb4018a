import { integer, record, string, type InferFields } from '../schema/field.ts';
import type { PluginSchema } from './plugin-schema.ts';

const fields = {
  secret_v1: string({
    required: true,
    referenceable: true,
    encrypted: true,
    description: 'The secret that is shared with the sender.',
  }),
  tolerance_second: integer({
    required: true,
    gt: -1,
    default: 300,
    description: 'How far the time of a webhook may be from now, in the past and in the future (s).',
  }),
} as const;

export type StandardWebhooksConfig = InferFields<typeof fields>;

/** Lets webhooks pass that are signed as Standard Webhooks says. */
export const standardWebhooksSchema: PluginSchema<StandardWebhooksConfig> = {
  name: 'standard-webhooks',
  version: '0.1.0',
  priority: 760,
  protocols: ['grpc', 'grpcs', 'http', 'https'],
  scopes: ['service', 'route'],
  requiredToUnderstand: true,
  config: record(fields, { required: true }),
};
