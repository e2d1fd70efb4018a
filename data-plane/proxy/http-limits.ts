/** Bounds of an HTTP/1.1 connection that have no setting. Over a bound the request is refused and the connection closed. */
export const httpLimits = {
  /** Request line and headers together; more is 431. */
  headerBytesMax: 32 * 1024,
  /** Header lines of one request; more is 431. */
  headersMax: 200,
  /** From the first byte of a request (or the connection's start) to the end of its headers; later is 408. */
  headersTimeoutMs: 15_000,
  /** From the first byte of a request to the last of its body; later is 408. */
  requestTimeoutMs: 60_000,
  /** How often the two above are looked at: they are late by up to this much. */
  timeoutCheckMs: 1_000,
  /** A connection without a request is closed after this time. Longer than the 60 s of usual balancers, which must close first. */
  idleTimeoutMs: 75_000,
  /** Requests of one connection; the last answer says `Connection: close`. */
  requestsPerConnectionMax: 100_000,
  /** A declared body up to this size that nobody read is skipped, so that the connection can be kept. */
  skippedBodyBytesMax: 64 * 1024,
  /** How long a connection that is closed before its body was read goes on taking bytes, so that the answer arrives. */
  lingerMs: 1_000,
} as const;

/** Limits of one listener; tests shorten them. */
export type HttpLimits = { readonly [Name in keyof typeof httpLimits]: number };
