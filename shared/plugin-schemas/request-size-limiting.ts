import { boolean, integer, record, string, type InferFields } from '../schema/field.ts';
import type { PluginSchema } from './plugin-schema.ts';

const fields = {
  allowed_payload_size: integer({ default: 128, description: 'The largest body, in `size_unit`.' }),
  size_unit: string({
    required: true,
    default: 'megabytes',
    oneOf: ['megabytes', 'kilobytes', 'bytes'],
    description: 'The unit of the size; a kilobyte has 1,024 bytes.',
  }),
  require_content_length: boolean({
    required: true,
    default: false,
    description: 'Refuses requests that do not say how long they are.',
  }),
} as const;

export type RequestSizeLimitingConfig = InferFields<typeof fields>;

/** Refuses large bodies. */
export const requestSizeLimitingSchema: PluginSchema<RequestSizeLimitingConfig> = {
  name: 'request-size-limiting',
  version: '0.1.0',
  priority: 951,
  protocols: ['grpc', 'grpcs', 'http', 'https'],
  scopes: ['service', 'route', 'consumer'],
  requiredToUnderstand: true,
  config: record(fields, { required: true }),
};
