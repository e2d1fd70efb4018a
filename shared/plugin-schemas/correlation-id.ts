import { checkHeaderName } from '../schema/header-name.ts';
import { boolean, record, string, type InferFields } from '../schema/field.ts';
import type { PluginSchema } from './plugin-schema.ts';

const fields = {
  header_name: string({
    default: 'Kong-Request-ID',
    check: checkHeaderName,
    description: 'The header that holds the identifier.',
  }),
  generator: string({
    required: true,
    default: 'uuid#counter',
    oneOf: ['uuid', 'uuid#counter', 'tracker'],
    description: 'How identifiers are made.',
  }),
  echo_downstream: boolean({ required: true, default: false, description: 'Puts the header into answers, too.' }),
} as const;

export type CorrelationIdConfig = InferFields<typeof fields>;

/** Gives each request an identifier. */
export const correlationIdSchema: PluginSchema<CorrelationIdConfig> = {
  name: 'correlation-id',
  version: '0.1.0',
  priority: 100_001,
  protocols: ['grpc', 'grpcs', 'http', 'https'],
  scopes: ['service', 'route', 'consumer'],
  config: record(fields, { required: true }),
};
