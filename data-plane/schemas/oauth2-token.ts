import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { OAuth2Settings } from './encoder.ts';
import { proxyFor } from './forward-proxy.ts';
import { createHttpClient, type HttpAnswer } from './http-request.ts';

/** A token without expires_in is used for this long. */
const defaultLifetimeSeconds = 300;
/** A token is given up this long before it expires, or at a tenth of its life before, whichever is less. */
const marginSecondsMax = 30;
/** How long the client's own assertion is good. */
const assertionSeconds = 60;

export interface TokenSource {
  /** The access token: cached, one request in flight. @throws Error with a message that names no secret. */
  get(): Promise<string>;
  /** Forgets the token, which was refused. */
  drop(token: string): void;
  close(): void;
}

/** Access tokens by RFC 6749: the client_credentials grant (4.4) and the password grant (4.3). */
export function createTokenSource(deps: {
  readonly settings: OAuth2Settings;
  readonly now?: () => number;
}): TokenSource {
  const { settings, now = () => performance.now() } = deps;
  const { tokenEndpoint, timeoutMs, sslVerify, keepAlive, proxies } = settings;
  const client = createHttpClient(tokenEndpoint, { sslVerify, keepAlive, proxy: proxyFor(tokenEndpoint, proxies) });
  let cached: { readonly token: string; readonly untilMs: number } | undefined;
  let inFlight: Promise<string> | undefined;

  async function fetchToken(): Promise<string> {
    let answer;
    try {
      const { headers, body } = await tokenRequest(settings);
      answer = await client.send({ url: tokenEndpoint, method: 'POST', headers, body, timeoutMs });
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'no answer';
      throw new Error(`the token endpoint cannot be used: ${reason}`, { cause: error });
    }
    const { token, lifetimeSeconds } = readToken(answer);
    const marginSeconds = Math.min(marginSecondsMax, lifetimeSeconds / 10);
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

async function tokenRequest(settings: OAuth2Settings): Promise<{ headers: Record<string, string>; body: string }> {
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
  const body = form.toString();
  headers['content-length'] = String(Buffer.byteLength(body));
  return { headers, body };
}

/** Proves the client by a token of its own, good for one request (RFC 7523 section 3). */
function clientAssertion({ clientId, clientSecret, jwtAlgorithm, tokenEndpoint }: OAuth2Settings): Promise<string> {
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
    // Only the codes of RFC 6749 section 5.2 and their like: an endpoint might repeat what it was sent.
    const named = typeof code === 'string' && knownErrors.has(code) ? ` (${code})` : '';
    throw new Error(`the token endpoint answered ${status}${named}`);
  }
  const token = 'access_token' in fields ? fields.access_token : undefined;
  // What stands in a header must be visible ASCII (RFC 6750 section 2.1).
  if (typeof token !== 'string' || !/^[!-~]+$/.test(token)) {
    throw new Error('the answer of the token endpoint holds no usable access_token');
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
