import type { Duplex, Readable } from 'node:stream';
import type { Outcome, RequestError } from '../../shared/errors.ts';
import type { RequestSpan } from '../tracing/tracing.ts';
import type { HeaderList } from './header-list.ts';
import type { Trial } from './trial.ts';

/** How the request arrived; `grpc*` is HTTP/2 with `content-type: application/grpc*`. */
export type Protocol = 'http' | 'https' | 'grpc' | 'grpcs';

/** The consumer that an authentication plugin recognised. */
export interface ExchangeConsumer {
  readonly id: string;
  readonly username: string | null;
  readonly customId: string | null;
}

/** The credential by which a consumer was recognised. */
export interface ExchangeCredential {
  readonly id: string;
}

/** Places of a request whose values no log shows. */
export interface SecretPlaces {
  /** Names in lower case. */
  readonly headers: ReadonlySet<string>;
  /** Names of arguments of the query. */
  readonly args: ReadonlySet<string>;
}

/** The matched route, as plugins see it. */
export interface ExchangeRoute {
  readonly id: string;
  readonly name: string | null;
  readonly serviceId: string | null;
  readonly serviceName: string | null;
  /** Named and numbered captures of the route's regular expression. */
  readonly captures: Readonly<Record<string, string>>;
}

/** Parts of a request that a plugin has replaced for whoever comes after. */
export interface ForwardAs {
  readonly method?: string;
  /** The whole path of the upstream request, in place of the service's and the request's. */
  readonly path?: string;
  /** The Host header of the upstream request. */
  readonly host?: string;
}

/**
 * One client request and its answer in flight. It knows nothing of node:http: HTTP/1.1, HTTP/2 and gRPC listeners each
 * make their own.
 */
export interface Exchange {
  /** Monotonic milliseconds (performance.now) at which the head of the request had arrived; deadlines count from here. */
  readonly receivedAtMs: number;
  /** The client's own deadline (gRPC), in the same clock: no record of the request is sent after it. */
  readonly deadlineMs?: number | undefined;
  /** The number of a message in its gRPC call, from 0; undefined for a request that is one record's source as a whole. */
  readonly messageIndex?: number;
  /** Sent as X-Request-Id with every answer, and as `request_id` in error answers. */
  readonly requestId: string;
  readonly protocol: Protocol;
  /** Upper case. */
  readonly method: string;
  /** Path with query: as received, unless a plugin took a credential out of it. */
  readonly target: string;
  /** Path with query as received. */
  readonly receivedTarget: string;
  /** Normalised path, without the query. */
  readonly path: string;
  /** Raw query without `?`, '' when there is none. */
  readonly query: string;
  /** Host header or :authority, lower case, without the port; '' when absent. */
  readonly host: string;
  /** The port named in the Host header, else the listener's. */
  readonly port: number;
  /** Server name of the TLS handshake, lower case; '' when it named none; undefined on a cleartext connection. */
  readonly sni: string | undefined;
  readonly headers: HeaderList;
  /** The client's address, found through trusted proxies. */
  readonly clientAddress: string;
  /** The address of the connection's other end: the client, or the proxy before it. */
  readonly peerAddress: string;
  /** Whether that address is in trusted_ips, so that its X-Forwarded-* headers are believed. */
  readonly isPeerTrusted: boolean;
  /** `1.1` or `2.0`, for the Via header. */
  readonly httpVersion: string;
  /** The protocols that the client asks to switch to (header Upgrade); undefined where its connection cannot be switched. */
  readonly upgrade?: string | undefined;

  /** Set in a trial: the request must send nothing and count nowhere. */
  readonly trial?: Trial | undefined;

  /** Set by the spine after the match. */
  route: ExchangeRoute | undefined;
  /** Set by the spine where requests are traced. */
  span: RequestSpan | undefined;
  /** Set by an authentication plugin. */
  consumer: ExchangeConsumer | undefined;
  /** The credential that the consumer gave; undefined for an anonymous one. */
  credential: ExchangeCredential | undefined;
  /** Set by authentication plugins: where credentials stand that stay in the request. */
  secrets?: SecretPlaces;
  /** Set when a service answered: the time from the request to the head of its answer, in milliseconds. */
  upstreamLatencyMs: number | undefined;
  /** What a service and a record get in place of the request's own; set by a plugin. */
  forwardAs?: ForwardAs;

  /**
   * The whole body as received (content encoding not decoded). A second call gives the same buffer.
   * @throws RequestError BODY_TOO_LARGE above the node's request_body_max, BODY_INVALID when the client broke off.
   */
  readBody(): Promise<Buffer>;

  /**
   * Returns the body as it arrives, with back-pressure and without a bound; null where there is none; the whole where
   * `readBody` was called before.
   */
  openBody(): Readable | Promise<Buffer> | null;
  /** Replaces the query, also in `target`, for everybody who comes after: without a credential that stood in it. */
  rewriteQuery(query: string): void;
  /** Replaces the body, with its Content-Length, for everybody who comes after. Call after `readBody`. */
  rewriteBody(body: Buffer): void;
  /** Calls the listener once, when the client goes away before its answer is complete. */
  onGone(listener: () => void): void;
  /** Sends an interim answer (1xx) where the client's protocol allows it. */
  inform(status: number, headers: readonly string[]): void;
}

/** An exchange as its listener hands it to the spine: it can be answered, once. */
export interface OpenExchange extends Exchange {
  /** The client went away; an answer reaches nobody. */
  readonly clientGone: boolean;
  /**
   * Publishes the request message by message, where it is a gRPC call, and resolves with the answer of the whole call.
   * Undefined where the body is published as one. @throws (rejects) RequestError when the call cannot be read at all
   */
  readonly publishMessages?: ((publish: PublishMessage) => Promise<Answer>) | undefined;
  /** Ends a call whose messages are published at the next one: the node is shutting down. Those before get their verdicts. */
  readonly endMessages?: () => void;
  /** Hands the answer to the connection. @throws when a header's name or value is not legal; nothing was sent then. */
  respond(answer: Answer): void;
}

/** Answers one message of a call, a failed one too. Never rejects. */
export type PublishMessage = (message: Exchange) => Promise<Answer>;

/** The answer that goes back to the client. Listeners add framing, Date, X-Request-Id and connection headers. */
export interface Answer {
  readonly status: number;
  /** Flat list: name, value, name, value. */
  readonly headers: readonly string[];
  readonly body: string | Buffer | Readable;
  /** The headers name the length of the body already, or that of the body that HEAD leaves out. */
  readonly isFramed?: boolean;
  /** Returns the trailers as a flat list; called once the body has ended. */
  readonly trailers?: () => readonly string[];
  /** The service switched protocols (status 101): behind the head, bytes go both ways until one side ends. */
  readonly tunnel?: Tunnel;
  /** The answer ends the connection (shutting down, unread body). */
  readonly closeConnection?: boolean;
  /** The part of the body that tells of the request's records, for metrics, logs and protocols that do not show the body. */
  readonly result?: RecordResult;
}

/** The service's side of a connection that was switched to another protocol. */
export interface Tunnel {
  readonly socket: Duplex;
  /** The connection ends when nothing passed either way for this long. */
  readonly idleMs: number;
}

/** The state of knowledge about the records of a request. */
export interface RecordResult {
  readonly outcome: Outcome;
  /** Why no record was published, or not all were. */
  readonly error?: RequestError;
  /** The number of records, where the body holds many. */
  readonly count?: number;
  /** The topic, and the place in it, where there is one record. */
  readonly topic?: string;
  readonly partition?: number;
  readonly offset?: string;
  /** How many messages of a call are acked from the first on, without a gap. */
  readonly acked?: number;
  /** As `acked`, where records are accepted only. */
  readonly accepted?: number;
}
