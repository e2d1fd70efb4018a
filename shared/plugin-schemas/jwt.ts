import { element, number, boolean, record, set, string, type FieldFault, type InferFields } from '../schema/field.ts';
import { authenticationFields, headerName, runOnPreflight } from './authentication-fields.ts';
import type { PluginSchema } from './plugin-schema.ts';

const fields = {
  uri_param_names: set(string(element), {
    default: ['jwt'],
    description: 'Names of query arguments that may hold the token.',
  }),
  cookie_names: set(string(element), { default: [], description: 'Names of cookies that may hold the token.' }),
  key_claim_name: string({
    default: 'iss',
    description: 'The claim, else the header parameter, that holds the key of a JWT credential.',
  }),
  secret_is_base64: boolean({
    required: true,
    default: false,
    description: 'The secrets of HS algorithms are base64 of the bytes that sign.',
  }),
  claims_to_verify: set(string({ ...element, oneOf: ['exp', 'nbf'] }), {
    description: 'Times of the token that must be there and hold.',
  }),
  anonymous: authenticationFields.anonymous,
  run_on_preflight: runOnPreflight,
  maximum_expiration: number({
    default: 0,
    between: [0, 31_536_000],
    description: 'Seconds that `exp` may lie ahead; 0: any. Needs `exp` in claims_to_verify.',
  }),
  header_names: set(headerName, {
    default: ['authorization'],
    description: 'Names of headers that may hold `Bearer` and the token.',
  }),
  realm: authenticationFields.realm,
} as const;

export type JwtConfig = InferFields<typeof fields>;

/** Recognises consumers by a signed token (RFC 7519). */
export const jwtSchema: PluginSchema<JwtConfig> = {
  name: 'jwt',
  version: '0.1.0',
  priority: 1450,
  protocols: ['grpc', 'grpcs', 'http', 'https'],
  scopes: ['service', 'route'],
  requiredToUnderstand: true,
  config: record(fields, { required: true, checks: [checkExpiration] }),
};

/** A bound of `exp` means nothing for tokens that need none. */
function checkExpiration({ maximum_expiration: most, claims_to_verify: claims }: Readonly<Record<string, unknown>>) {
  const isVerified = Array.isArray(claims) && claims.includes('exp');
  const faults: FieldFault[] = [];
  if (typeof most === 'number' && most > 0 && !isVerified) {
    faults.push({ path: [], message: "failed conditional validation given value of field 'maximum_expiration'" });
    faults.push({ path: ['claims_to_verify'], message: 'expected to contain: exp' });
  }
  return faults;
}
