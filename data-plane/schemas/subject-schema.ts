import { RequestError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { reasonOf, schemaError } from './schema-error.ts';
import { withinTime } from '../../shared/within-time.ts';

/** How long a failure is answered without asking again. */
export const failureKeptMs = 5_000;
/**
 * How long after it no request waits for the registry where an expired `latest` can be used: it most likely fails still,
 * and is asked in the background. What is known of it after a longer silence says nothing.
 */
export const failureRecentMs = 30_000;
/** The share of its ttl after which `latest` is asked for again in the background, before a request would wait. */
const refreshShare = 0.8;

/** Counted by whoever holds many subjects. */
export interface CacheCounts {
  hits: number;
  misses: number;
  /** An expired `latest` was used on because the registry could not be asked. */
  stale: number;
}

export interface SubjectSchema<T> {
  /** Returns what is cached and fresh; undefined when `load` must wait for it. Throws a failure that is kept. */
  current(): T | undefined;
  /** What is cached, fresh or not. */
  readonly served: T | undefined;
  /** Waits for the registry until the deadline (monotonic ms). @throws RequestError */
  load(deadlineMs: number): Promise<T>;
  /** Asks the registry in the background where there is no answer that holds, a kept failure included. */
  prefetch(): void;
}

export interface SubjectSchemaOptions<T> {
  readonly label: string;
  /** Infinity for a numbered version, which never changes. */
  readonly ttlMs: number;
  /** @param serving what was used until now, which may serve on */
  readonly fetch: (serving: T | undefined) => Promise<T>;
  /** How long a failure is answered without asking again. */
  readonly keptMs?: (error: RequestError) => number;
  readonly counts: CacheCounts;
  readonly logger: Logger;
  readonly now?: () => number;
}

/**
 * Creates the cached schema of one subject and version: one request in flight, `latest` at most `ttlMs` old, failures kept
 * for five seconds, an expired `latest` used on while the registry cannot be asked. It is not used once the registry was
 * last asked long ago: the next request waits for it, with all that come until it has answered or failed.
 */
export function createSubjectSchema<T>(options: SubjectSchemaOptions<T>): SubjectSchema<T> {
  const { ttlMs, counts, now = () => performance.now() } = options;
  const cell = createCell(options, now);
  return {
    get served() {
      return cell.value;
    },
    current() {
      const atMs = now();
      const { value } = cell;
      if (value !== undefined && atMs < cell.freshUntilMs) {
        counts.hits++;
        if (atMs >= cell.refreshAtMs && !cell.isFailureKept(atMs)) void cell.refresh();
        return value;
      }
      cell.forgetOldFailure(atMs);
      if (cell.failure === undefined) return undefined;
      if (value !== undefined) {
        // No request waits for a registry that is known to fail.
        if (!cell.isFailureKept(atMs)) void cell.refresh();
        counts.stale++;
        return value;
      }
      if (cell.isFailureKept(atMs)) throw cell.failure.error;
      return undefined;
    },
    async load(deadlineMs) {
      counts.misses++;
      const answersBefore = cell.answers;
      // An expired schema is better than no answer: it keeps half of the time.
      const waitMs = deadlineMs - now();
      await withinTime(cell.refresh(), cell.value === undefined ? waitMs : waitMs / 2, () => undefined);
      if (cell.value !== undefined) {
        if (cell.answers === answersBefore || cell.failure !== undefined) counts.stale++;
        return cell.value;
      }
      if (cell.failure !== undefined) throw cell.failure.error;
      throw schemaError('SCHEMA_REGISTRY_UNAVAILABLE', 'the registry did not answer in time');
    },
    prefetch() {
      const atMs = now();
      cell.forgetOldFailure(atMs);
      // With a ttl of 0 no answer holds: requests ask.
      const isMissing = cell.value === undefined || (atMs >= cell.freshUntilMs && ttlMs > 0);
      if (isMissing && !cell.isFailureKept(atMs)) void cell.refresh();
    },
  };
}

interface Failure {
  readonly error: RequestError;
  readonly keptUntilMs: number;
  readonly recentUntilMs: number;
}

/** The registry's last answer and last failure for one subject and version, with the one request in flight. */
interface Cell<T> {
  readonly value: T | undefined;
  readonly freshUntilMs: number;
  readonly refreshAtMs: number;
  readonly failure: Failure | undefined;
  /** The number of answers that brought a schema. */
  readonly answers: number;
  /** Asks the registry, or joins the request in flight. It never rejects. */
  refresh(): Promise<void>;
  isFailureKept(atMs: number): boolean;
  /** Forgets a failure from long ago; not while it is found out whether it lasts. */
  forgetOldFailure(atMs: number): void;
}

function createCell<T>(options: SubjectSchemaOptions<T>, now: () => number): Cell<T> {
  const { label, ttlMs, fetch, keptMs = () => failureKeptMs, logger } = options;
  let value: T | undefined;
  let freshUntilMs = 0;
  let refreshAtMs = 0;
  let failure: Failure | undefined;
  let inFlight: Promise<void> | undefined;
  let answers = 0;

  function succeeded(fetched: T): void {
    const atMs = now();
    freshUntilMs = atMs + ttlMs;
    refreshAtMs = atMs + ttlMs * refreshShare;
    value = fetched;
    failure = undefined;
    answers++;
    inFlight = undefined;
  }

  function failed(reason: unknown): void {
    const error = asRequestError(reason);
    const keptUntilMs = now() + keptMs(error);
    failure = { error, keptUntilMs, recentUntilMs: Math.max(keptUntilMs, now() + failureRecentMs) };
    // The registry's own word that the subject is gone ends its use; being unable to ask does not.
    if (error.code !== 'SCHEMA_REGISTRY_UNAVAILABLE') value = undefined;
    // Whoever found a schema unusable has said so.
    if (error.code !== 'SCHEMA_UNUSABLE') {
      const fields = { subject: label, error: reasonOf(error), using_expired: value !== undefined };
      logger.warn('schema_fetch_failed', 'a schema could not be fetched', fields);
    }
    inFlight = undefined;
  }

  return {
    get value() {
      return value;
    },
    get freshUntilMs() {
      return freshUntilMs;
    },
    get refreshAtMs() {
      return refreshAtMs;
    },
    get failure() {
      return failure;
    },
    get answers() {
      return answers;
    },
    refresh: () => (inFlight ??= fetch(value).then(succeeded, failed)),
    isFailureKept: (atMs) => failure !== undefined && atMs < failure.keptUntilMs,
    forgetOldFailure(atMs) {
      if (failure !== undefined && atMs >= failure.recentUntilMs && inFlight === undefined) failure = undefined;
    },
  };
}

function asRequestError(error: unknown): RequestError {
  if (error instanceof RequestError) return error;
  return new RequestError('INTERNAL', 'The schema could not be prepared.', { cause: error });
}
