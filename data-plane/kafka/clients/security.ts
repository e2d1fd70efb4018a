import { KafkaError } from '../client.ts';
import type { Sasl, Tls } from '../producer.ts';

type OauthSasl = Extract<Sasl, { mechanism: 'OAUTHBEARER' }>;

const tokenTimeoutMs = 5000;
/** A token is fetched anew when less than this part of its life is left. */
const renewAtLifePart = 0.2;
/** Where the endpoint names no life (RFC 6749 section 5.1 leaves it optional). */
const defaultLifeMs = 300_000;

/** The options for node:tls; both libraries hand them through. */
export function tlsOptions(tls: Tls): Record<string, unknown> {
  return {
    rejectUnauthorized: tls.verify,
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(tls.certificate === null ? {} : { cert: tls.certificate }),
    ...(tls.key === null ? {} : { key: tls.key }),
  };
}

/**
 * Tokens by the client credentials grant (RFC 6749 section 4.4), kept until shortly before they expire, one request in
 * flight. Verification of the endpoint's certificate is switched off only when the configuration says so.
 */
export function createTokenSource(sasl: OauthSasl): () => Promise<string> {
  let token: { readonly value: string; readonly renewAtMs: number } | null = null;
  let pending: Promise<string> | null = null;

  async function load(): Promise<string> {
    const { token: value, lifeMs } = await fetchToken(sasl);
    token = { value, renewAtMs: performance.now() + lifeMs * (1 - renewAtLifePart) };
    return value;
  }

  return () => {
    if (token !== null && performance.now() < token.renewAtMs) return Promise.resolve(token.value);
    pending ??= load().finally(() => {
      pending = null;
    });
    return pending;
  };
}

async function fetchToken(sasl: OauthSasl): Promise<{ token: string; lifeMs: number }> {
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  if (sasl.scopes.length > 0) form.set('scope', sasl.scopes.join(' '));
  // Basic credentials are form-encoded first (RFC 6749 section 2.3.1).
  const basic = Buffer.from(`${encodeURIComponent(sasl.clientId)}:${encodeURIComponent(sasl.clientSecret)}`);
  if (!sasl.tokenEndpointTlsVerify) {
    throw tokenError('token_endpoint_tls_verify false is not supported', false);
  }
  let response: Response;
  try {
    response = await fetch(sasl.tokenEndpointUrl, {
      method: 'POST',
      headers: { authorization: `Basic ${basic.toString('base64')}`, accept: 'application/json' },
      body: form,
      signal: AbortSignal.timeout(tokenTimeoutMs),
    });
  } catch (cause) {
    throw tokenError('the token endpoint cannot be reached', true, cause);
  }
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) {
    throw tokenError(`the token endpoint answered ${response.status}`, response.status >= 500);
  }
  const value = typeof body === 'object' && body !== null && 'access_token' in body ? body.access_token : undefined;
  if (typeof value !== 'string') throw tokenError('the token endpoint answered without access_token', false);
  const expires = typeof body === 'object' && body !== null && 'expires_in' in body ? Number(body.expires_in) : NaN;
  return { token: value, lifeMs: Number.isFinite(expires) && expires > 0 ? expires * 1000 : defaultLifeMs };
}

function tokenError(message: string, retriable: boolean, cause?: unknown): KafkaError {
  return new KafkaError(retriable ? 'CONNECTION_FAILED' : 'AUTHENTICATION_FAILED', message, {
    retriable,
    wire: 'untouched',
    cause,
  });
}
