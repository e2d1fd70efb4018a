import { array, boolean, record, type InferFields } from '../schema/field.ts';
import { authenticationFields, headerName, runOnPreflight } from './authentication-fields.ts';
import type { PluginSchema } from './plugin-schema.ts';

const fields = {
  key_names: array(headerName, {
    required: true,
    default: ['apikey'],
    lenMin: 1,
    description: 'Names of the headers, query arguments and fields of the body that may hold the key.',
  }),
  hide_credentials: authenticationFields.hide_credentials,
  anonymous: authenticationFields.anonymous,
  key_in_header: boolean({ required: true, default: true, description: 'Looks for the key in headers.' }),
  key_in_query: boolean({ required: true, default: true, description: 'Looks for the key in the query.' }),
  key_in_body: boolean({
    required: true,
    default: false,
    description: 'Looks for the key in bodies that are forms or JSON objects.',
  }),
  run_on_preflight: runOnPreflight,
  realm: authenticationFields.realm,
} as const;

export type KeyAuthConfig = InferFields<typeof fields>;

/** Recognises consumers by a key. */
export const keyAuthSchema: PluginSchema<KeyAuthConfig> = {
  name: 'key-auth',
  version: '0.1.0',
  priority: 1250,
  protocols: ['grpc', 'grpcs', 'http', 'https'],
  scopes: ['service', 'route'],
  requiredToUnderstand: true,
  config: record(fields, { required: true }),
};
