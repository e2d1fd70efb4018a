import { compileFault } from '../schema/regex.ts';
import { array, boolean, element, number, record, string, type InferFields } from '../schema/field.ts';
import { headerName } from './authentication-fields.ts';
import type { PluginSchema } from './plugin-schema.ts';

const methods = ['GET', 'HEAD', 'PUT', 'PATCH', 'POST', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'] as const;

const fields = {
  origins: array(string({ ...element, check: (text) => (text === '*' ? undefined : compileFault(text)) }), {
    description: 'Origins that may read answers: texts or regular expressions; `*`, or none: all.',
  }),
  headers: array(headerName, { description: 'Headers that a preflight allows; those that it asks for, without it.' }),
  exposed_headers: array(headerName, { description: 'Headers of answers that scripts may read.' }),
  methods: array(string({ ...element, oneOf: methods }), {
    default: [...methods],
    description: 'Methods that a preflight allows.',
  }),
  max_age: number({ description: 'Seconds for which a browser may keep the answer to a preflight.' }),
  credentials: boolean({ required: true, default: false, description: 'Lets browsers send cookies and logins.' }),
  private_network: boolean({
    required: true,
    default: false,
    description: 'Lets public pages reach this private network.',
  }),
  preflight_continue: boolean({
    required: true,
    default: false,
    description: 'Leaves preflights to the plugins and the service behind.',
  }),
} as const;

export type CorsConfig = InferFields<typeof fields>;

/** Tells browsers which pages may use a route (the Fetch standard's CORS protocol). */
export const corsSchema: PluginSchema<CorsConfig> = {
  name: 'cors',
  version: '0.1.0',
  priority: 2000,
  protocols: ['grpc', 'grpcs', 'http', 'https'],
  scopes: ['service', 'route'],
  requiredToUnderstand: true,
  config: record(fields, { required: true }),
};
