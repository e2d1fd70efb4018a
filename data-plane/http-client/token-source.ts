import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { proxyFor, type ProxySettings } from './forward-proxy.ts';
import { createHttpClient, type HttpAnswer } from './http-client.ts';

/** A token whose answer names no lifetime (RFC 6749 section 5.1 leaves it optional) is used for this long. */
const defaultLifetimeSeconds = 300;
/** A token is renewed when less than this part of its lifetime is left, and at most this long before it expires. */
const renewPart = 0.2;
const renewSecondsMax = 60;
/** An answer is not read beyond this size: a token is a few kilobytes. */
const answerBytesMax = 256 * 1024;
/** How long the client's own assertion is valid. */
const assertionSeconds = 60;
/** The form of a bearer token (RFC 6750 section 2.1); anything else could change the message that it is put into. */
const tokenForm = /^[A-Za-z0-9\-._~+/]+=*$/;

/** How an access token is fetched. */
export interface OAuthSettings {
  readonly tokenEndpoint: string;
  readonly grantType: 'client_credentials' | 'password';
  readonly clientAuth: 'client_secret_post' | 'client_secret_basic' | 'client_secret_jwt' | 'none';
  readonly jwtAlgorithm: 'HS256' | 'HS512';
  readonly clientId: string | null;
  readonly clientSecret: string | null;
  readonly username: string | null;
  readonly password: string | null;
  readonly scopes: readonly string[];
  readonly audience: readonly string[];
  /** Further headers and form fields of the request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly postArgs: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly keepAlive: boolean;
  readonly sslVerify: boolean;
  readonly proxies: ProxySettings;
}

export interface TokenSource {
  /** Returns the access token, cached, with one request in flight. @throws TokenError */
  get(): Promise<string>;
  /** Forgets the token, which was refused. */
  drop(token: string): void;
  close(): void;
}

/** No token could be fetched. The message names no secret. */
export class TokenError extends Error {
  /** Whether the endpoint was out of reach or busy, rather than refused the client. */
  readonly isTransient: boolean;

  constructor(message: string, isTransient: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'TokenError';
    this.isTransient = isTransient;
  }
}

/** Creates a source of access tokens by RFC 6749: the client_credentials grant (4.4) and the password grant (4.3). */
export function createTokenSource(deps: {
  readonly settings: OAuthSettings;
  readonly now?: () => number;
}): TokenSource {
  const { settings, now = () => performance.now() } = deps;
  const { tokenEndpoint, timeoutMs, sslVerify, keepAlive, proxies } = settings;
  const proxy = proxyFor(tokenEndpoint, proxies);
  const client = createHttpClient(tokenEndpoint, { sslVerify, keepAlive, proxy, answerBytesMax });
  let cached: { readonly token: string; readonly untilMs: number } | undefined;
  let inFlight: Promise<string> | undefined;

  async function fetchToken(): Promise<string> {
    const { headers, body } = await tokenRequest(settings);
    let answer;
    try {
      answer = await client.send({ url: tokenEndpoint, method: 'POST', headers, body, timeoutMs });
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'no answer';
      throw new TokenError(`the token endpoint cannot be reached: ${reason}`, true, error);
    }
    const { token, lifetimeSeconds } = readToken(answer);
    const marginSeconds = Math.min(renewSecondsMax, lifetimeSeconds * renewPart);
    cached = { token, untilMs: now() + (lifetimeSeconds - marginSeconds) * 1000 };
    return token;
  }

  return {
    get() {
      if (cached !== undefined && now() < cached.untilMs) return Promise.resolve(cached.token);
      inFlight ??= fetchToken().finally(() => {
        inFlight = undefined;
      });
      return inFlight;
    },
    drop(token) {
      if (cached?.token === token) cached = undefined;
    },
    close: () => client.close(),
  };
}

async function tokenRequest(settings: OAuthSettings): Promise<{ headers: Record<string, string>; body: string }> {
  const { grantType, clientAuth, clientId, clientSecret, username, password, scopes, audience } = settings;
  const form = new URLSearchParams({ grant_type: grantType });
  if (grantType === 'password') {
    form.set('username', username ?? '');
    form.set('password', password ?? '');
  }
  if (scopes.length > 0) form.set('scope', scopes.join(' '));
  for (const each of audience) form.append('audience', each);
  for (const [name, value] of Object.entries(settings.postArgs)) form.set(name, value);
  const headers: Record<string, string> = {
    ...Object.fromEntries(Object.entries(settings.headers).map(([name, value]) => [name.toLowerCase(), value])),
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
  };
  if (clientAuth !== 'client_secret_basic' && clientId !== null) form.set('client_id', clientId);
  switch (clientAuth) {
    case 'client_secret_basic': {
      // RFC 6749 section 2.3.1: both are form-encoded before they are joined.
      const pair = `${formEncode(clientId ?? '')}:${formEncode(clientSecret ?? '')}`;
      headers['authorization'] = `Basic ${Buffer.from(pair).toString('base64')}`;
      break;
    }
    case 'client_secret_post':
      if (clientSecret !== null) form.set('client_secret', clientSecret);
      break;
    case 'client_secret_jwt':
      form.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
      form.set('client_assertion', await clientAssertion(settings));
      break;
    case 'none':
      break;
  }
  return { headers, body: form.toString() };
}

/** Signs a token by which the client proves who it is, valid for one request (RFC 7523 section 3). */
function clientAssertion({ clientId, clientSecret, jwtAlgorithm, tokenEndpoint }: OAuthSettings): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: jwtAlgorithm, typ: 'JWT' })
    .setIssuer(clientId ?? '')
    .setSubject(clientId ?? '')
    .setAudience(tokenEndpoint)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime(`${assertionSeconds} s`)
    .sign(new TextEncoder().encode(clientSecret ?? ''));
}

function formEncode(text: string): string {
  return new URLSearchParams({ x: text }).toString().slice(2);
}

function readToken({ status, body }: HttpAnswer): { token: string; lifetimeSeconds: number } {
  const fields: object = typeof body === 'object' && body !== null ? body : {};
  if (status !== 200) {
    const code = 'error' in fields ? fields.error : undefined;
    // Only codes of RFC 6749 section 5.2 are told: an endpoint might repeat what it was sent.
    const named = typeof code === 'string' && knownErrors.has(code) ? ` (${code})` : '';
    const isBusy = status >= 500 || status === 429 || status === 408;
    throw new TokenError(`the token endpoint answered ${status}${named}`, isBusy);
  }
  const token = 'access_token' in fields ? fields.access_token : undefined;
  if (typeof token !== 'string' || !tokenForm.test(token)) {
    throw new TokenError('the token endpoint answered without a usable access_token', false);
  }
  const lifetime = Number('expires_in' in fields ? fields.expires_in : defaultLifetimeSeconds);
  return { token, lifetimeSeconds: Number.isFinite(lifetime) && lifetime > 0 ? lifetime : defaultLifetimeSeconds };
}

const knownErrors = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
]);
