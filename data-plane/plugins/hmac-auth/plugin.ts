import { createHmac, hash } from 'node:crypto';
import {
  hmacAlgorithms,
  hmacAuthSchema,
  type HmacAlgorithm,
  type HmacAuthConfig,
} from '../../../shared/plugin-schemas/hmac-auth.ts';
import { authenticationAccess, challenge, type Authentication } from '../../plugin-api/authentication.ts';
import { hideLogins, loginHeaders } from '../../plugin-api/authorization-header.ts';
import { isSameSecret } from '../../plugin-api/constant-time.ts';
import type { Credentials } from '../../plugin-api/credentials.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import type { PluginDefinition } from '../../plugin-api/plugin-definition.ts';
import { clientSignatureOf, type ClientSignature } from './parse-signature.ts';
import { signingString } from './signing-string.ts';

/** Recognises consumers by an HMAC over parts of the request. */
export const hmacAuth: PluginDefinition<HmacAuthConfig> = {
  version: hmacAuthSchema.version,
  priority: hmacAuthSchema.priority,
  publishes: false,
  create(config, { credentials, log }) {
    const authenticate = compileAuthenticate(config, credentials);
    const { anonymous } = config;
    const hide = config.hide_credentials ? hideLogins : undefined;
    const access = authenticationAccess({ anonymous, credentials, log, authenticate, hide });
    return { kind: 'created', instance: { access } };
  },
};

function compileAuthenticate(config: HmacAuthConfig, credentials: Credentials) {
  const { validate_request_body: validatesBody, hide_credentials: hides } = config;
  const isOnTime = compileIsOnTime(config);
  const isAcceptable = compileIsAcceptable(config);
  const headers = challenge('hmac', config.realm);
  const refused = (message: string): Authentication => ({ kind: 'refused', status: 401, message, headers });
  const noSignature = refused('Unauthorized');
  const noDate = refused(
    'HMAC signature cannot be verified, a valid date or x-date header is required for HMAC Authentication',
  );
  const unverifiable = refused('HMAC signature cannot be verified');
  const mismatch = refused('HMAC signature does not match');

  function judge(exchange: Exchange): Authentication | Promise<Authentication> {
    if (!loginHeaders.some((name) => exchange.headers.get(name) !== undefined)) return noSignature;
    if (!isOnTime(exchange)) return noDate;
    const given = clientSignatureOf(exchange);
    const algorithm = hmacAlgorithms.find((name) => name === given?.algorithm);
    if (given === undefined || algorithm === undefined || !isAcceptable(given)) return unverifiable;
    const found = credentials.find('hmacauth_credentials', given.username);
    const { secret = null, id = '' } = found?.credential ?? {};
    // A credential whose secret was cleared signs nothing: with an empty one everybody could.
    if (found === undefined || secret === null || secret === '') return unverifiable;
    const isSignedAs = (names: readonly string[]) =>
      isSameSecret(given.signature, hmacOf(algorithm, secret, signingString(exchange, names)));
    // Kong's page asks for names in lower case; Kong itself signs them as they are written.
    const lower = given.headers.map((name) => name.toLowerCase());
    if (!isSignedAs(given.headers) && (isEqual(lower, given.headers) || !isSignedAs(lower))) return mismatch;
    const { consumer } = found;
    const recognised: Authentication = { kind: 'recognised', consumer, credential: { id, name: given.username } };
    if (!validatesBody) return recognised;
    return exchange.readBody().then((body) => (isDigestOf(exchange, body) ? recognised : mismatch));
  }

  return (exchange: Exchange): Authentication | Promise<Authentication> => {
    const result = judge(exchange);
    if (hides) hideLogins(exchange);
    return result;
  };
}

function isEqual(a: readonly string[], b: readonly string[]): boolean {
  return a.every((name, index) => name === b[index]);
}

/** Header values are characters that stand for bytes; secrets are UTF-8. */
function hmacOf(algorithm: HmacAlgorithm, secret: string, text: string): Buffer {
  return createHmac(algorithm.slice('hmac-'.length), secret).update(text, 'latin1').digest();
}

/** Compiles whether the date of a request, `X-Date` before `Date`, is near enough. */
function compileIsOnTime({ clock_skew: skew }: HmacAuthConfig): (exchange: Exchange) => boolean {
  const skewMs = (skew ?? 300) * 1_000;
  return ({ headers }) => {
    const [date, ...more] = headers.get('x-date') === undefined ? headers.all('date') : headers.all('x-date');
    if (date === undefined || more.length > 0) return false;
    // The clock of HTTP dates has whole seconds.
    return Math.abs(Math.floor(Date.now() / 1_000) * 1_000 - httpDateMs(date)) <= skewMs;
  };
}

/** The forms of RFC 9110 section 5.6.7; Date.parse alone takes many others, such as a year. */
const httpDate =
  /^(?:[A-Z][a-z]+, \d{2}[ -][A-Z][a-z]{2}[ -]\d{2,4} \d{2}:\d{2}:\d{2} GMT|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4})$/;

/** Returns milliseconds since 1970; NaN where the text is no date. */
function httpDateMs(text: string): number {
  if (!httpDate.test(text)) return Number.NaN;
  return Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
}

/** Compiles whether the algorithm is allowed and everything is signed that must be. */
function compileIsAcceptable({
  algorithms,
  enforce_headers: enforced,
}: HmacAuthConfig): (given: ClientSignature) => boolean {
  const allowed = new Set<string>(algorithms ?? hmacAlgorithms);
  const required = (enforced ?? []).map((name) => name.toLowerCase());
  return ({ algorithm, headers }) => {
    if (!allowed.has(algorithm)) return false;
    const signed = new Set(headers.map((name) => name.toLowerCase()));
    return required.every((name) => signed.has(name));
  };
}

/** `Digest: SHA-256=…` of the body as received; it may be left out where there is no body. */
function isDigestOf({ headers }: Exchange, body: Buffer): boolean {
  const [digest, ...more] = headers.all('digest');
  if (digest === undefined) return body.length === 0;
  return more.length === 0 && isSameSecret(digest, `SHA-256=${hash('sha256', body, 'base64')}`);
}
