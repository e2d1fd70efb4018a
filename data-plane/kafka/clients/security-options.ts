import type { Socket } from 'node:net';
import type { SASLOptions } from '@platformatic/kafka';
import { KafkaError } from '../kafka-error.ts';
import type { Sasl, Tls } from '../producer-types.ts';
import { createLogin, type Login } from './security-login.ts';

/** The longest time that a timer of Node.js can wait; a longer one would go off at once. */
const timerMaxMs = 2_147_483_647n;

/** The options for node:tls; both libraries hand them through. */
export function tlsOptions(tls: Tls): Record<string, unknown> {
  return {
    rejectUnauthorized: tls.verify,
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(tls.certificate === null ? {} : { cert: tls.certificate }),
    ...(tls.key === null ? {} : { key: tls.key }),
  };
}

/** Alerts by which a broker refuses the certificate that it was shown, or that it was shown none. */
const refusedByBroker = /_ALERT_(?:BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA|ACCESS_DENIED)$/;
/** Node.js's names for a broker's certificate that is not good. */
const refusedByUs =
  /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|ERR_TLS_CERT_)/;

/**
 * Watches a TLS socket for the refusal of a certificate, ours or the broker's: trying again does not help, as with a
 * refused login. The libraries tell less of it, or only that the connection closed.
 */
export function watchCertificates(socket: Socket): () => KafkaError | undefined {
  let refusal: KafkaError | undefined;
  socket.prependListener('error', (error) => {
    const code = 'code' in error ? String(error.code) : '';
    if (refusedByBroker.test(code)) refusal = refused(`the broker refuses the client certificate (${code})`, error);
    else if (refusedByUs.test(code)) refusal = refused(`the broker's certificate is not good: ${error.message}`, error);
  });
  return () => refusal;
}

interface KafkajsLogin {
  readonly mechanism: string;
  readonly authenticationProvider: (context: {
    saslAuthenticate: (exchange: {
      request: { encode: () => Promise<Buffer> };
      response: { decode: (sized: Buffer) => Promise<Buffer>; parse: (answer: Buffer) => Promise<Buffer> };
    }) => Promise<Buffer>;
  }) => { authenticate: () => Promise<void> };
}

/** The login as kafkajs's own hook for mechanisms takes it; messages bear their length in front there. */
export function kafkajsSasl(sasl: Sasl): KafkajsLogin {
  const login = createLogin(sasl);
  return {
    mechanism: sasl.mechanism,
    authenticationProvider: ({ saslAuthenticate }) => ({
      authenticate: () =>
        login((message) =>
          saslAuthenticate({
            request: { encode: () => Promise.resolve(withLength(message)) },
            response: {
              decode: (sized) => Promise.resolve(sized.subarray(4)),
              parse: (answer) => Promise.resolve(answer),
            },
          }).catch((error: unknown) => {
            throw error instanceof Error && error.name === 'KafkaJSProtocolError'
              ? refused(error.message, error)
              : error;
          }),
        ),
    }),
  };
}

function withLength(message: Buffer): Buffer {
  const sized = Buffer.allocUnsafe(4 + message.length);
  sized.writeInt32BE(message.length);
  message.copy(sized, 4);
  return sized;
}

type PlatformaticLogin = NonNullable<SASLOptions['authenticate']>;
type LoginAnswer = Parameters<Parameters<PlatformaticLogin>[6]>[1];

/** Login options of one connection; it is told how long each login is good for. */
export type PlatformaticSasl = (onSession: (lifetimeMs: number) => void) => SASLOptions;

/** The login as the hook of @platformatic/kafka takes it. */
export function platformaticSasl(sasl: Sasl): PlatformaticSasl {
  const login = createLogin(sasl);
  return (onSession) => ({ mechanism: sasl.mechanism, authenticate: authenticator(login, onSession) });
}

function authenticator(login: Login, onSession: (lifetimeMs: number) => void): PlatformaticLogin {
  return (_mechanism, connection, send, _user, _password, _token, callback) => {
    let last: LoginAnswer;
    const exchange = (message: Buffer): Promise<Buffer> =>
      new Promise((resolve, reject) => {
        send(connection, message, (error, answer) => {
          if (error !== null && error !== undefined) return reject(toLoginError(error));
          last = answer;
          resolve(answer?.authBytes ?? Buffer.alloc(0));
        });
      });
    login(exchange).then(
      () => {
        // It sets a timer by the session's lifetime.
        const sessionLifetimeMs = atMostTimer(last?.sessionLifetimeMs);
        onSession(sessionLifetimeMs === 0n ? Infinity : Number(sessionLifetimeMs));
        process.nextTick(callback, null, { ...last, sessionLifetimeMs });
      },
      (error: unknown) => process.nextTick(callback, error),
    );
  };
}

function atMostTimer(lifetimeMs = 0n): bigint {
  return lifetimeMs > timerMaxMs ? timerMaxMs : lifetimeMs;
}

/** A broker's answer is a refusal; anything else (a broken connection, a time-out) says nothing about the login. */
function toLoginError(error: Error): Error {
  if (!('response' in error) || typeof error.response !== 'object' || error.response === null) return error;
  const { response } = error;
  return refused('errorMessage' in response ? response.errorMessage : null, error);
}

function refused(reason: unknown, cause: Error): KafkaError {
  const message = typeof reason === 'string' && reason !== '' ? reason : 'the broker refused the login';
  return new KafkaError('AUTHENTICATION_FAILED', message, { retriable: false, wire: 'untouched', cause });
}
