import { record, string, type InferFields } from '../schema/field.ts';
import { authenticationFields } from './authentication-fields.ts';
import type { PluginSchema } from './plugin-schema.ts';

const fields = {
  anonymous: authenticationFields.anonymous,
  hide_credentials: authenticationFields.hide_credentials,
  realm: string({ required: true, default: 'service', description: 'The realm of the header WWW-Authenticate.' }),
} as const;

export type BasicAuthConfig = InferFields<typeof fields>;

/** Recognises consumers by a user name and a password (RFC 7617). */
export const basicAuthSchema: PluginSchema<BasicAuthConfig> = {
  name: 'basic-auth',
  version: '0.1.0',
  priority: 1100,
  protocols: ['grpc', 'grpcs', 'http', 'https'],
  scopes: ['service', 'route'],
  requiredToUnderstand: true,
  config: record(fields, { required: true }),
};
