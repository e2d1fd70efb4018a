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
  /** Waits for the registry until the deadline (monotonic ms). @throws RequestError */
  load(deadlineMs: number): Promise<T>;
  /** Asks the registry in the background where there is no answer that holds, a kept failure included. */
  prefetch(): void;
}

/**
 * The cached schema of one subject and version: one request in flight, `latest` at most `ttlMs` old, failures kept for
 * five seconds, an expired `latest` used on while the registry cannot be asked. It is not used once the registry was last
 * asked long ago: the next request waits for it, with all that come until it has answered or failed.
 */
export function createSubjectSchema<T>(deps: {
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
}): SubjectSchema<T> {
  const { label, ttlMs, fetch, keptMs = () => failureKeptMs, counts, logger } = deps;
  const { now = () => performance.now() } = deps;
  let value: T | undefined;
  let freshUntilMs = 0;
  let refreshAtMs = 0;
  let failure:
    { readonly error: RequestError; readonly keptUntilMs: number; readonly recentUntilMs: number } | undefined;
  let inFlight: Promise<void> | undefined;
  let answers = 0;

  function refresh(): Promise<void> {
    inFlight ??= fetch(value).then(
      (fetched) => {
        const atMs = now();
        value = fetched;
        freshUntilMs = atMs + ttlMs;
        refreshAtMs = atMs + ttlMs * refreshShare;
        failure = undefined;
        answers++;
        inFlight = undefined;
      },
      (error: unknown) => {
        const failed = asRequestError(error);
        const keptUntilMs = now() + keptMs(failed);
        failure = { error: failed, keptUntilMs, recentUntilMs: Math.max(keptUntilMs, now() + failureRecentMs) };
        // The registry's own word that the subject is gone ends its use; being unable to ask does not.
        if (failed.code !== 'SCHEMA_REGISTRY_UNAVAILABLE') value = undefined;
        // Whoever found a schema unusable has said so.
        if (failed.code !== 'SCHEMA_UNUSABLE') {
          const fields = { subject: label, error: reasonOf(failed), using_expired: value !== undefined };
          logger.warn('schema_fetch_failed', 'a schema could not be fetched', fields);
        }
        inFlight = undefined;
      },
    );
    return inFlight;
  }

  const isKept = (atMs: number): boolean => failure !== undefined && atMs < failure.keptUntilMs;

  /** Forgets a failure from long ago; not while it is found out whether it lasts. */
  function forgetOld(atMs: number): void {
    if (failure !== undefined && atMs >= failure.recentUntilMs && inFlight === undefined) failure = undefined;
  }

  return {
    current() {
      const atMs = now();
      if (value !== undefined && atMs < freshUntilMs) {
        counts.hits++;
        if (atMs >= refreshAtMs && !isKept(atMs)) void refresh();
        return value;
      }
      forgetOld(atMs);
      if (failure === undefined) return undefined;
      if (value !== undefined) {
        // No request waits for a registry that is known to fail.
        if (!isKept(atMs)) void refresh();
        counts.stale++;
        return value;
      }
      if (isKept(atMs)) throw failure.error;
      return undefined;
    },
    async load(deadlineMs) {
      counts.misses++;
      const answersBefore = answers;
      // An expired schema is better than no answer: it keeps half of the time.
      const waitMs = deadlineMs - now();
      await withinTime(refresh(), value === undefined ? waitMs : waitMs / 2, () => undefined);
      if (value !== undefined) {
        if (answers === answersBefore || failure !== undefined) counts.stale++;
        return value;
      }
      if (failure !== undefined) throw failure.error;
      throw schemaError('SCHEMA_REGISTRY_UNAVAILABLE', 'the registry did not answer in time');
    },
    prefetch() {
      const atMs = now();
      forgetOld(atMs);
      // With a ttl of 0 no answer holds: requests ask.
      const isMissing = value === undefined || (atMs >= freshUntilMs && ttlMs > 0);
      if (isMissing && !isKept(atMs)) void refresh();
    },
  };
}

function asRequestError(error: unknown): RequestError {
  if (error instanceof RequestError) return error;
  return new RequestError('INTERNAL', 'The schema could not be prepared.', { cause: error });
}
