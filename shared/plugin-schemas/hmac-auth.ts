import { array, boolean, element, number, record, string, type InferFields } from '../schema/field.ts';
import { authenticationFields, headerName } from './authentication-fields.ts';
import type { PluginSchema } from './plugin-schema.ts';

export const hmacAlgorithms = ['hmac-sha1', 'hmac-sha256', 'hmac-sha384', 'hmac-sha512'] as const;
export type HmacAlgorithm = (typeof hmacAlgorithms)[number];

/** Names that stand for the first line of a request in the list of signed headers. */
export const requestParts = ['@request-target', 'request-line'] as const;

const fields = {
  hide_credentials: authenticationFields.hide_credentials,
  clock_skew: number({
    default: 300,
    gt: 0,
    description: 'Seconds that the date of a request may differ from the clock of the node.',
  }),
  anonymous: authenticationFields.anonymous,
  validate_request_body: boolean({
    required: true,
    default: false,
    description: 'Compares the header Digest with the SHA-256 of the body.',
  }),
  enforce_headers: array(string({ ...element, check: checkSignedName }), {
    default: [],
    description: 'Headers that every client must sign; @request-target and request-line stand for the first line.',
  }),
  algorithms: array(string({ ...element, oneOf: hmacAlgorithms }), {
    default: [...hmacAlgorithms],
    description: 'Algorithms that may sign.',
  }),
  realm: authenticationFields.realm,
} as const;

export type HmacAuthConfig = InferFields<typeof fields>;

/** Recognises consumers by an HMAC over parts of the request. */
export const hmacAuthSchema: PluginSchema<HmacAuthConfig> = {
  name: 'hmac-auth',
  version: '0.1.0',
  priority: 1030,
  protocols: ['grpc', 'grpcs', 'http', 'https'],
  scopes: ['service', 'route'],
  requiredToUnderstand: true,
  config: record(fields, { required: true }),
};

function checkSignedName(name: string): string | undefined {
  return requestParts.some((part) => part === name) ? undefined : headerName.check?.(name);
}
