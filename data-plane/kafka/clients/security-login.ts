import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { createTokenSource, TokenError, type TokenSource } from '../../http-client/token-source.ts';
import { KafkaError } from '../kafka-error.ts';
import type { Sasl } from '../producer-types.ts';

/** Sends one message of the login to the broker and resolves with its answer (SaslAuthenticate, KIP-152). */
export type LoginExchange = (message: Buffer) => Promise<Buffer>;

/** Logs one connection in. @throws KafkaError AUTHENTICATION_FAILED, and whatever the exchange throws, unchanged. */
export type Login = (exchange: LoginExchange) => Promise<void>;

type PlainSasl = Extract<Sasl, { mechanism: 'PLAIN' }>;
type ScramSasl = Extract<Sasl, { tokenauth: boolean }>;
type OauthSasl = Extract<Sasl, { mechanism: 'OAUTHBEARER' }>;

/** The least of RFC 7677, and a bound for what a broker may make this node compute. */
const scramIterations = { min: 4096, max: 1_000_000 } as const;
const digests = {
  'SCRAM-SHA-256': { name: 'sha256', bytes: 32 },
  'SCRAM-SHA-512': { name: 'sha512', bytes: 64 },
} as const;
const gs2Header = 'n,,';
/** Bounds one request for a token. */
const tokenTimeoutMs = 5_000;
/** Separates the parts of an OAUTHBEARER message (RFC 7628 section 3.1). */
const partEnd = '\u0001';

const derive = promisify(pbkdf2);

/**
 * The messages of a login, for both clients; what is shared between connections (a token) is kept inside.
 *
 * Our own because neither library sends the extension of delegation tokens, both take a connection that breaks during a
 * login for a refused one, and neither sees a broker's refusal of an OAUTHBEARER token.
 */
export function createLogin(sasl: Sasl): Login {
  if (sasl.mechanism === 'PLAIN') return (exchange) => loginPlain(sasl, exchange);
  if (sasl.mechanism === 'OAUTHBEARER') return createOauthLogin(sasl);
  return (exchange) => loginScram(sasl, exchange);
}

/** Returns the settings of a login that no broker could understand: their path below `config` and the reason. */
export function unsupportedLogin(sasl: Sasl | null): { readonly field: string; readonly reason: string }[] {
  if (sasl?.mechanism === 'PLAIN') {
    return [
      ...(sasl.username.includes('\0') ? [{ field: 'authentication.user', reason: 'PLAIN cannot send a NUL' }] : []),
      ...(sasl.password.includes('\0')
        ? [{ field: 'authentication.password', reason: 'PLAIN cannot send a NUL' }]
        : []),
    ];
  }
  if (sasl?.mechanism !== 'OAUTHBEARER') return [];
  // KIP-342: keys of letters, `auth` is the token's own; printable values.
  return Object.entries(sasl.extensions)
    .filter(([key, value]) => key === 'auth' || !/^[A-Za-z]+$/.test(key) || !/^[\x21-\x7e \t\r\n]+$/.test(value))
    .map(([key]) => ({
      field: `authentication.oauthbearer.extensions.${key}`,
      reason: 'the key of a SASL extension is letters other than "auth", its value printable ASCII',
    }));
}

/** RFC 4616. */
async function loginPlain({ username, password }: PlainSasl, exchange: LoginExchange): Promise<void> {
  await exchange(Buffer.from(`\0${username}\0${password}`));
}

/** RFC 5802, without channel binding, as Kafka has it; with `tokenauth` by a delegation token (KIP-48). */
async function loginScram(sasl: ScramSasl, exchange: LoginExchange): Promise<void> {
  const { name, bytes } = digests[sasl.mechanism];
  const hmac = (key: Buffer, data: string): Buffer => createHmac(name, key).update(data).digest();

  const nonce = randomBytes(24).toString('base64url');
  const user = sasl.username.replaceAll('=', '=3D').replaceAll(',', '=2C');
  const first = `n=${user},r=${nonce}${sasl.tokenauth ? ',tokenauth=true' : ''}`;
  const challenge = (await exchange(Buffer.from(`${gs2Header}${first}`))).toString();
  const attributes = scramAttributes(challenge);
  const serverNonce = attributes.get('r') ?? '';
  const salt = Buffer.from(attributes.get('s') ?? '', 'base64');
  const iterations = Number(attributes.get('i'));
  if (!serverNonce.startsWith(nonce) || serverNonce.length === nonce.length || salt.length === 0) {
    throw loginError('the broker answered the login with a wrong challenge');
  }
  if (!(iterations >= scramIterations.min && iterations <= scramIterations.max)) {
    throw loginError(`the broker asks for ${iterations} iterations of SCRAM, outside 4096 to 1000000`);
  }

  const salted = await derive(sasl.password, salt, iterations, bytes, name);
  const final = `c=${Buffer.from(gs2Header).toString('base64')},r=${serverNonce}`;
  const transcript = `${first},${challenge},${final}`;
  const clientKey = hmac(salted, 'Client Key');
  const signature = hmac(createHash(name).update(clientKey).digest(), transcript);
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
  const verdict = scramAttributes((await exchange(Buffer.from(`${final},p=${proof.toString('base64')}`))).toString());
  if (verdict.has('e')) throw loginError('the broker refused the login');
  const expected = hmac(hmac(salted, 'Server Key'), transcript);
  const proven = Buffer.from(verdict.get('v') ?? '', 'base64');
  if (proven.length !== expected.length || !timingSafeEqual(proven, expected)) {
    throw loginError('the broker did not prove that it knows the password');
  }
}

function scramAttributes(message: string): Map<string, string> {
  return new Map(message.split(',').map((attribute) => [attribute.slice(0, 1), attribute.slice(2)]));
}

/** RFC 7628, with SASL extensions (KIP-342). */
function createOauthLogin(sasl: OauthSasl): Login {
  const tokens = tokenSourceOf(sasl);
  const extensions = Object.entries(sasl.extensions)
    .map(([key, value]) => `${partEnd}${key}=${value}`)
    .join('');
  return async (exchange) => {
    const token = await fetchToken(tokens);
    try {
      const refusal = await exchange(Buffer.from(`n,,${partEnd}auth=Bearer ${token}${extensions}${partEnd}${partEnd}`));
      if (refusal.length === 0) return;
      // The reason comes as a challenge; the failure itself only after this answer to it (section 3.2.3).
      await exchange(Buffer.from(partEnd));
      throw loginError('the broker refused the token');
    } catch (error) {
      // Whatever is wrong with it: the next attempt gets another one.
      if (error instanceof KafkaError && error.kafkaName === 'AUTHENTICATION_FAILED') tokens.drop(token);
      throw error;
    }
  };
}

function tokenSourceOf(sasl: OauthSasl): TokenSource {
  return createTokenSource({
    settings: {
      tokenEndpoint: sasl.tokenEndpointUrl,
      grantType: 'client_credentials',
      clientAuth: 'client_secret_basic',
      jwtAlgorithm: 'HS512',
      clientId: sasl.clientId,
      clientSecret: sasl.clientSecret,
      username: null,
      password: null,
      scopes: sasl.scopes,
      audience: [],
      headers: {},
      postArgs: {},
      timeoutMs: tokenTimeoutMs,
      // Tokens are fetched seldom.
      keepAlive: false,
      sslVerify: sasl.tokenEndpointTlsVerify,
      proxies: { http: null, https: null, except: null },
    },
  });
}

/** Fetches a token. @throws KafkaError, retriable while the endpoint is out of reach or busy. */
async function fetchToken(tokens: TokenSource): Promise<string> {
  try {
    return await tokens.get();
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    if (!error.isTransient) throw loginError(error.message, error);
    throw new KafkaError('CONNECTION_FAILED', error.message, { retriable: true, wire: 'untouched', cause: error });
  }
}

function loginError(message: string, cause?: unknown): KafkaError {
  return new KafkaError('AUTHENTICATION_FAILED', message, { retriable: false, wire: 'untouched', cause });
}
