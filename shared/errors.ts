/**
 * The knowledge about a record when its request is answered.
 *
 * acked: the brokers confirmed it. accepted: queued or handed to a socket, not confirmed. rejected: refused, never
 * written. not_sent: could not be sent, never written, not even later. unknown: it reached the wire and no verdict came.
 * partial: several records with different outcomes.
 */
export type Outcome = 'acked' | 'accepted' | 'rejected' | 'not_sent' | 'unknown' | 'partial';

interface ErrorKind {
  readonly status: number;
  readonly outcome: Outcome;
  readonly retryable: boolean;
  /** Answers carry Retry-After. */
  readonly retryAfter?: true;
}

/** The closed list of error codes of the proxy path. The class of the error sets status, outcome and retry. */
export const errorKinds = {
  BODY_INVALID: { status: 400, outcome: 'rejected', retryable: false },
  ARGUMENTS_TOO_MANY: { status: 400, outcome: 'rejected', retryable: false },
  KEY_INVALID: { status: 400, outcome: 'rejected', retryable: false },
  PARTITION_INVALID: { status: 400, outcome: 'rejected', retryable: false },
  TIMESTAMP_INVALID: { status: 400, outcome: 'rejected', retryable: false },
  IDEMPOTENCY_KEY_INVALID: { status: 400, outcome: 'rejected', retryable: false },
  IDEMPOTENCY_KEY_IN_USE: { status: 409, outcome: 'not_sent', retryable: true },
  TOPIC_INVALID: { status: 400, outcome: 'rejected', retryable: false },
  TOPIC_NOT_ALLOWED: { status: 403, outcome: 'rejected', retryable: false },
  TOPIC_AUTHORIZATION_FAILED: { status: 502, outcome: 'not_sent', retryable: true },
  TOPIC_NOT_FOUND: { status: 502, outcome: 'not_sent', retryable: true },
  BODY_TOO_LARGE: { status: 413, outcome: 'rejected', retryable: false },
  RECORD_TOO_LARGE: { status: 413, outcome: 'rejected', retryable: false },
  ENCODING_UNSUPPORTED: { status: 415, outcome: 'rejected', retryable: false },
  MEDIA_TYPE_UNSUPPORTED: { status: 415, outcome: 'rejected', retryable: false },
  SCHEMA_VALIDATION_FAILED: { status: 422, outcome: 'rejected', retryable: false },
  PARTIAL: { status: 500, outcome: 'partial', retryable: false },
  LUA_ERROR: { status: 500, outcome: 'not_sent', retryable: false },
  SCHEMA_NOT_FOUND: { status: 502, outcome: 'not_sent', retryable: true },
  SCHEMA_UNUSABLE: { status: 502, outcome: 'not_sent', retryable: true },
  SCHEMA_REGISTRY_UNAVAILABLE: { status: 503, outcome: 'not_sent', retryable: true, retryAfter: true },
  RATE_LIMIT_UNAVAILABLE: { status: 503, outcome: 'not_sent', retryable: true, retryAfter: true },
  PRODUCER_OVERLOADED: { status: 503, outcome: 'not_sent', retryable: true, retryAfter: true },
  KAFKA_UNAVAILABLE: { status: 503, outcome: 'not_sent', retryable: true, retryAfter: true },
  NOT_ENOUGH_REPLICAS: { status: 503, outcome: 'not_sent', retryable: true, retryAfter: true },
  PREDECESSOR_FAILED: { status: 503, outcome: 'not_sent', retryable: true, retryAfter: true },
  DELIVERY_UNKNOWN: { status: 504, outcome: 'unknown', retryable: true },
  SHUTTING_DOWN: { status: 503, outcome: 'not_sent', retryable: true },
  INTERNAL: { status: 500, outcome: 'not_sent', retryable: true },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorKinds;

/** One fault of a request's data, as it stands in `details` of the answer. */
export interface ErrorDetail {
  /** JSON Pointer (RFC 6901) into the request body. */
  readonly pointer?: string;
  readonly rule?: string;
  readonly expected?: string;
  readonly message?: string;
  /** The limit that was passed, with its unit in `unit`. */
  readonly limit?: number;
  readonly unit?: string;
}

export interface RequestErrorOptions {
  readonly details?: readonly ErrorDetail[];
  /** All faults there are, where `details` holds the first ones only. */
  readonly detailsTotal?: number;
  /** Replaces the status, outcome or retryable of the code's row where the contract distinguishes cases. */
  readonly status?: number;
  readonly outcome?: Outcome;
  readonly retryable?: boolean;
  readonly retryAfterSeconds?: number;
  /** The topic of the record, for logs. */
  readonly topic?: string;
  readonly cause?: unknown;
}

/** A request that cannot be served, in terms of the outcome contract. The message is one sentence for the client and holds no secret. */
export class RequestError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly outcome: Outcome;
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;
  readonly details: readonly ErrorDetail[] | undefined;
  readonly detailsTotal: number | undefined;
  readonly topic: string | undefined;

  constructor(code: ErrorCode, message: string, options: RequestErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const kind: ErrorKind = errorKinds[code];
    this.name = 'RequestError';
    this.code = code;
    this.outcome = options.outcome ?? kind.outcome;
    // Clients, proxies and webhook senders repeat a 503 blindly: it must mean that nothing was written.
    const mayRepeat = this.outcome === 'not_sent';
    this.status = options.status ?? (kind.status === 503 && !mayRepeat ? 504 : kind.status);
    this.retryable = options.retryable ?? kind.retryable;
    this.retryAfterSeconds = options.retryAfterSeconds ?? (kind.retryAfter && mayRepeat ? 1 : undefined);
    this.details = options.details;
    this.detailsTotal = options.detailsTotal;
    this.topic = options.topic;
  }
}
