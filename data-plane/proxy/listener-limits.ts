/** Bounds of the listeners for requests that a setting changes; the setting's default stands here. */
export const listenerBounds = {
  /** Open connections of one port; one more is closed at once. */
  connectionsMax: 10_000,
  /** Memory for bodies that are not complete yet, over all requests of a node; beyond it a request is answered 503. */
  requestBodiesMaxBytes: 256 * 1024 * 1024,
  /** A client that takes nothing of its answer for this long is disconnected. */
  sendTimeoutMs: 30_000,
  /** From the start of a connection to its first byte, and the bound of a TLS handshake. */
  handshakeTimeoutMs: 10_000,
  /** From the first byte of a request (or the connection's start) to the end of its headers; later is 408. */
  headerTimeoutMs: 10_000,
  /** For a body that is read whole, from its request on; for one that streams to a service, without a byte. Later is 408. */
  bodyTimeoutMs: 60_000,
  /** A connection without a request is closed after this time. */
  idleTimeoutMs: 60_000,
  /** Open streams of one HTTP/2 connection; one more is refused. */
  http2StreamsMax: 100,
} as const;

/** Bounds of the listeners for requests that have no setting. */
const listenerConstants = {
  /** Request line and headers together; more is 431. */
  headerBytesMax: 32 * 1024,
  /** Header lines of one request; more is 431. */
  headersMax: 200,
  /** Requests of one HTTP/1.1 connection that wait for their answers; beyond it reading pauses. */
  pipelinedMax: 16,
  /** Requests of one connection; the last answer says `Connection: close`. */
  requestsPerConnectionMax: 100_000,
  /** A declared body up to this size that nobody read is skipped, so that the connection can be kept. */
  skippedBodyBytesMax: 64 * 1024,
  /** How long a connection goes on taking bytes behind its last answer, so that the answer arrives (RFC 9112, 9.6). */
  lingerMs: 1_000,
  /** How long a draining node leaves a connection without a request open for one more request. */
  drainIdleMs: 1_000,
  /** How often timeouts are looked at: each is late by up to this much. */
  checkMs: 1_000,
} as const;

export const listenerLimits = { ...listenerBounds, ...listenerConstants };

/** The bounds that have a setting. */
export type ListenerBounds = { readonly [Name in keyof typeof listenerBounds]: number };
/** All limits of a listener; tests shorten them. */
export type ListenerLimits = { readonly [Name in keyof typeof listenerLimits]: number };

/** A limit's name in metrics and logs: the setting's name, or the constant's. */
export type LimitName =
  | 'connections_max'
  | 'pipelined_max'
  | 'request_bodies_max'
  | 'send_timeout'
  | 'handshake_timeout'
  | 'header_timeout'
  | 'body_timeout'
  | 'idle_timeout'
  /** A service sent nothing over a switched connection, nor did its client. */
  | 'read_timeout'
  | 'header_bytes_max'
  | 'headers_max'
  | 'http2_streams_max'
  | 'http2_resets_max'
  | 'http2_settings_max'
  | 'http2_pings_max'
  | 'http2_priorities_max';
