import { array, boolean, element, number, record, string, type InferFields } from '../schema/field.ts';
import { isLoopback } from '../settings/setting-values.ts';
import { authenticationFields } from './authentication-fields.ts';
import type { PluginSchema } from './plugin-schema.ts';

/** Algorithms with public keys: a shared secret would let every service that knows it make tokens. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;

const fields = {
  issuer: string({
    required: true,
    check: checkIssuer,
    description: 'The issuer, exactly as tokens name it in `iss`; https, or http on loopback.',
  }),
  audience: array(string(element), {
    default: [],
    description: 'Audiences of which a token must name one; empty: any.',
  }),
  scopes_required: array(string({ ...element, check: checkScope }), {
    default: [],
    description: 'Scopes that a token must have, all of them.',
  }),
  consumer_claim: string({ required: true, default: 'sub', description: 'The claim that names the consumer.' }),
  consumer_by: string({
    required: true,
    default: 'username',
    oneOf: ['username', 'custom_id', 'id'],
    description: 'The field of the consumer that the claim holds.',
  }),
  anonymous: authenticationFields.anonymous,
  clock_skew: number({
    required: true,
    default: 60,
    between: [0, 3_600],
    description: 'Seconds that the clocks of issuer and node may differ.',
  }),
  algorithms: array(string({ ...element, oneOf: algorithms }), {
    required: true,
    default: ['RS256', 'ES256', 'PS256', 'EdDSA'],
    lenMin: 1,
    description: 'Algorithms that may sign tokens.',
  }),
  jwks_ttl: number({
    required: true,
    default: 300,
    between: [1, 86_400],
    description: 'Seconds after which the keys of the issuer are fetched again.',
  }),
  hide_credentials: boolean({
    required: true,
    default: false,
    description: 'Takes the token out of the request, so that neither services nor records see it.',
  }),
} as const;

export type OidcBearerConfig = InferFields<typeof fields>;

/** Recognises consumers by the access tokens of an OpenID issuer. */
export const oidcBearerSchema: PluginSchema<OidcBearerConfig> = {
  name: 'oidc-bearer',
  version: '0.1.0',
  priority: 1440,
  protocols: ['grpc', 'grpcs', 'http', 'https'],
  scopes: ['service', 'route'],
  requiredToUnderstand: true,
  config: record(fields, { required: true }),
};

/** OpenID Connect Discovery section 3: no query and no fragment. */
function checkIssuer(text: string): string | undefined {
  if (!URL.canParse(text)) return 'expected a URL';
  const { username, password, search, hash } = new URL(text);
  if (!isSafeUrl(text)) return 'expected https, or http on loopback';
  const isPlain = username === '' && password === '' && search === '' && hash === '' && !/[?#\s]/.test(text);
  return isPlain ? undefined : 'expected a URL without user, query and fragment';
}

/** Returns whether what a URL answers cannot be changed on its way: https, or http within this machine. */
export function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname.replaceAll(/^\[|\]$/g, '')));
}

/** RFC 6749 section 3.3. */
function checkScope(text: string): string | undefined {
  return /^[!#-[\]-~]+$/.test(text)
    ? undefined
    : 'expected a scope: visible ASCII without blanks, quotes and backslashes';
}
