import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { KafkaError } from '../client.ts';
import type { Sasl } from '../producer.ts';

type OauthSasl = Extract<Sasl, { mechanism: 'OAUTHBEARER' }>;

export interface TokenSource {
  /** A token that is good for a while yet. @throws KafkaError */
  get(): Promise<string>;
  /** The broker would not have it: the next one is fetched anew. */
  forget(token: string): void;
}

const tokenTimeoutMs = 5000;
const answerBytesMax = 256 * 1024;
/** A token is fetched anew when less than this part of its life is left. */
const renewAtLifePart = 0.2;
/** Where the endpoint names no life (RFC 6749 section 5.1 leaves it optional). */
const defaultLifeMs = 300_000;
/** The form of a token (RFC 6750 section 2.1); anything else could change the message that it is put into. */
const tokenForm = /^[A-Za-z0-9\-._~+/]+=*$/;

/**
 * Tokens by the client credentials grant (RFC 6749 section 4.4), kept until shortly before they expire, one request in
 * flight. Verification of the endpoint's certificate is switched off only when the configuration says so.
 */
export function createTokenSource(sasl: OauthSasl): TokenSource {
  let token: { readonly value: string; readonly renewAtMs: number } | null = null;
  let pending: Promise<string> | null = null;

  async function load(): Promise<string> {
    const { token: value, lifeMs } = await fetchToken(sasl);
    token = { value, renewAtMs: performance.now() + lifeMs * (1 - renewAtLifePart) };
    return value;
  }

  return {
    get() {
      if (token !== null && performance.now() < token.renewAtMs) return Promise.resolve(token.value);
      pending ??= load().finally(() => {
        pending = null;
      });
      return pending;
    },
    forget(value) {
      if (token?.value === value) token = null;
    },
  };
}

async function fetchToken(sasl: OauthSasl): Promise<{ token: string; lifeMs: number }> {
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  if (sasl.scopes.length > 0) form.set('scope', sasl.scopes.join(' '));
  // Basic credentials are form-encoded first (RFC 6749 section 2.3.1).
  const basic = Buffer.from(`${encodeURIComponent(sasl.clientId)}:${encodeURIComponent(sasl.clientSecret)}`);
  const { status, body } = await postForm(sasl, form.toString(), `Basic ${basic.toString('base64')}`);
  const answer = parseObject(body);
  if (status !== 200) {
    // Codes of RFC 6749 section 5.2 are worth telling; free text could hold anything.
    const code = typeof answer['error'] === 'string' && /^[a-z_]{1,40}$/.test(answer['error']) ? answer['error'] : '';
    const busy = status >= 500 || status === 429 || status === 408;
    throw tokenError(`the token endpoint answered ${status} ${code}`.trimEnd(), busy);
  }
  const value = answer['access_token'];
  if (typeof value !== 'string' || !tokenForm.test(value)) {
    throw tokenError('the token endpoint answered without a usable access_token', false);
  }
  const lifeMs = Number(answer['expires_in']) * 1000;
  return { token: value, lifeMs: Number.isFinite(lifeMs) && lifeMs > 0 ? lifeMs : defaultLifeMs };
}

/** By node:http because fetch cannot leave a certificate unverified; follows no redirect, so that the secret stays. */
function postForm(sasl: OauthSasl, form: string, authorization: string): Promise<{ status: number; body: Buffer }> {
  const url = new URL(sasl.tokenEndpointUrl);
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void =>
      reject(tokenError(`the token endpoint cannot be reached${why(cause)}`, true, cause));
    const sent = request(url, {
      method: 'POST',
      headers: { authorization, accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
      // Tokens are fetched seldom: no connection is kept.
      agent: false,
      signal: AbortSignal.timeout(tokenTimeoutMs),
      ...(url.protocol === 'https:' ? { rejectUnauthorized: sasl.tokenEndpointTlsVerify } : {}),
    });
    sent.on('error', fail);
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > answerBytesMax) response.destroy(new Error('the answer is too long'));
      });
      response.on('error', fail);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
    });
    sent.end(form);
  });
}

/** The code only: messages of the runtime may hold the address, and with it credentials that a URL can carry. */
function why(cause: Error): string {
  if (cause.name === 'TimeoutError' || cause.name === 'AbortError') return `: no answer within ${tokenTimeoutMs} ms`;
  return 'code' in cause && typeof cause.code === 'string' ? `: ${cause.code}` : '';
}

function parseObject(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    // Judged by what is missing then.
    return {};
  }
}

function tokenError(message: string, retriable: boolean, cause?: unknown): KafkaError {
  return new KafkaError(retriable ? 'CONNECTION_FAILED' : 'AUTHENTICATION_FAILED', message, {
    retriable,
    wire: 'untouched',
    cause,
  });
}
