import type { Logger } from '../../shared/log.ts';
import { pacedLog } from '../../shared/paced-log.ts';
import type { Credentials } from './credentials.ts';
import type { Answer, Exchange, ExchangeConsumer } from './exchange.ts';
import type { PluginInstance } from './plugin-definition.ts';
import { plainAnswer } from './standard-answers.ts';

/** The verdict of an authentication plugin about a request. */
export type Authentication =
  | {
      readonly kind: 'recognised';
      readonly consumer: ExchangeConsumer;
      /** `name` goes into X-Credential-Identifier. */
      readonly credential: { readonly id: string; readonly name: string };
    }
  | {
      readonly kind: 'refused';
      readonly status: number;
      /** Kong's words; quotes nothing of the request. */
      readonly message: string;
      readonly headers?: readonly string[];
      /** Members that the body has in place of `message`. */
      readonly errors?: Readonly<Record<string, string>>;
    }
  /** Nothing can be said about the credential now: an anonymous consumer does not stand for it. */
  | {
      readonly kind: 'unavailable';
      readonly status: number;
      readonly message: string;
      readonly headers: readonly string[];
    };

export interface AuthenticationOptions {
  /** Id or username of the consumer that stands for requests without a valid credential; null: those are refused. */
  readonly anonymous: string | null;
  readonly credentials: Credentials;
  readonly log: Logger;
  readonly authenticate: (exchange: Exchange) => Authentication | Promise<Authentication>;
  /** Takes the credential out of a request that another plugin has recognised already, where it is to be hidden. */
  readonly hide?: ((exchange: Exchange) => void) | undefined;
  /** Headers and arguments that may hold a credential, where logs cannot know them. */
  readonly secrets?: { readonly headers: readonly string[]; readonly args: readonly string[] };
  /** False lets OPTIONS requests pass without a credential. */
  readonly runsOnPreflight?: boolean;
}

/**
 * Makes the access phase of an authentication plugin. Several in one chain must all succeed. Where they name an anonymous
 * consumer, one that succeeded is enough.
 */
export function authenticationAccess(options: AuthenticationOptions): NonNullable<PluginInstance['access']> {
  const { anonymous, credentials, authenticate, hide, runsOnPreflight = true } = options;
  const tellSecrets = options.secrets && compileTellSecrets(options.secrets.headers, options.secrets.args);
  const warn = pacedLog((event, message, fields) => options.log.warn(event, message, fields));

  function settle(exchange: Exchange, result: Authentication): Answer | undefined {
    if (result.kind === 'recognised') {
      recognise(exchange, result.consumer, result.credential);
      return undefined;
    }
    if (anonymous === null || result.kind === 'unavailable') return refusal(exchange, result);
    const consumer = credentials.consumer(anonymous);
    if (consumer !== undefined) {
      recognise(exchange, consumer, undefined);
      return undefined;
    }
    warn('anonymous_missing', 'The anonymous consumer of a plugin is not there', { anonymous });
    return plainAnswer(exchange, 500, 'An unexpected error occurred');
  }

  return (exchange) => {
    tellSecrets?.(exchange);
    if (!runsOnPreflight && exchange.method === 'OPTIONS') return undefined;
    if (anonymous !== null && exchange.credential !== undefined) {
      hide?.(exchange);
      return undefined;
    }
    const result = authenticate(exchange);
    return result instanceof Promise ? result.then((late) => settle(exchange, late)) : settle(exchange, result);
  };
}

function refusal(exchange: Exchange, result: Exclude<Authentication, { readonly kind: 'recognised' }>): Answer {
  const answer = plainAnswer(exchange, result.status, result.message, result.headers);
  if (result.kind === 'unavailable' || result.errors === undefined) return answer;
  return { ...answer, body: JSON.stringify({ ...result.errors, request_id: exchange.requestId }) };
}

/** Compiles how logs are told which headers and arguments hold a credential, whether or not it is a right one. */
function compileTellSecrets(headers: readonly string[], args: readonly string[]): (exchange: Exchange) => void {
  const own = { headers: new Set(headers.map((name) => name.toLowerCase())), args: new Set(args) };
  return (exchange) => {
    const { secrets } = exchange;
    exchange.secrets =
      secrets === undefined
        ? own
        : {
            headers: new Set([...secrets.headers, ...own.headers]),
            args: new Set([...secrets.args, ...own.args]),
          };
  };
}

/** Tells the exchange, and whoever is behind it, which consumer sends the request. Without a credential it is anonymous. */
export function recognise(
  exchange: Exchange,
  consumer: ExchangeConsumer,
  credential: { readonly id: string; readonly name: string } | undefined,
): void {
  exchange.consumer = consumer;
  exchange.credential = credential;
  const { headers } = exchange;
  headers.set('X-Consumer-ID', consumer.id);
  setOrRemove(exchange, 'X-Consumer-Username', consumer.username);
  setOrRemove(exchange, 'X-Consumer-Custom-ID', consumer.customId);
  setOrRemove(exchange, 'X-Credential-Identifier', credential?.name ?? null);
  setOrRemove(exchange, 'X-Anonymous-Consumer', credential === undefined ? 'true' : null);
}

/** Sets a header that says who sends the request. Names and ids may hold any character; each byte of their UTF-8 is a character of the header. */
export function setOrRemove({ headers }: Exchange, name: string, value: string | null): void {
  headers.remove(name.toLowerCase());
  if (value !== null) headers.set(name, asHeaderValue(value));
}

function asHeaderValue(text: string): string {
  const bytes = Buffer.from(text).toString('latin1');
  // oxlint-disable-next-line no-control-regex
  return bytes.replaceAll(/[\x00-\x1f\x7f]/g, ' ');
}

/** Makes the challenge of a 401: the scheme, with the realm where one is configured, and other parameters. */
export function challenge(
  scheme: string,
  realm: string | null,
  others: Readonly<Record<string, string>> = {},
): readonly string[] {
  const parameters = Object.entries({ ...(realm === null ? {} : { realm }), ...others });
  // quoted-string of RFC 9110 section 5.6.4
  const written = parameters.map(([name, value]) => `${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`);
  return ['WWW-Authenticate', written.length === 0 ? scheme : `${scheme} ${asHeaderValue(written.join(', '))}`];
}

/** Makes the challenge of RFC 6750 section 3. */
export function bearerChallenge(
  realm: string | null,
  others: { readonly error?: string; readonly scope?: string } = {},
): readonly string[] {
  return challenge('Bearer', realm, others);
}
