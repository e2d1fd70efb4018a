import { doublingMs } from '../../shared/backoff.ts';
import type { SequenceStamp } from './kafka-client.ts';
import type { Entry } from './entry.ts';
import type { ProducerLimits } from './producer-types.ts';
import type { Failure } from './produce-failure.ts';

/** Pauses between attempts double up to this, or are as the limits say where that is longer. */
const retryPauseMaxMs = 1_000;

/** Records that a lane sends together, again if necessary. */
export interface LaneBatch {
  readonly entries: readonly Entry[];
  /** Attempts that reached a broker. */
  readonly attempts: number;
  /** Attempts without a verdict: each may have written the batch. */
  readonly unanswered: number;
  /** The failure of the last attempt, which explains a deadline that passes before the next one. */
  readonly failure: Failure | null;
  /**
   * Idempotent: an attempt with this stamp, to the topic of this id, brought no verdict. The batch may only be sent again
   * as it was, whole and with the same stamp, or not at all.
   */
  readonly frozen: { readonly stamp: SequenceStamp; readonly topicId: string | null } | null;
}

export function newBatch(entries: readonly Entry[]): LaneBatch {
  return { entries, attempts: 0, unanswered: 0, failure: null, frozen: null };
}

/**
 * Says whether a batch that failed may be sent again. The deadline ends retries. Attempts are limited where each may write
 * the batch once more (a stamped one is written once), or when no second one is wanted.
 */
export function mayTryAgain({ attempts, unanswered, frozen }: LaneBatch, { attemptsMax }: ProducerLimits): boolean {
  if (attemptsMax === 0) return attempts === 0;
  return frozen !== null || unanswered <= attemptsMax;
}

/** The pause before the next attempt. */
export function retryPauseMs({ attempts }: LaneBatch, { retryBackoffMs }: ProducerLimits): number {
  return doublingMs(attempts - 1, { firstMs: retryBackoffMs, maxMs: Math.max(retryBackoffMs, retryPauseMaxMs) });
}

export function bytesOf(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entry.bytes;
  return bytes;
}

/** Counts the entries that have their verdict. */
export function countSettled(entries: readonly Entry[]): number {
  let settled = 0;
  for (const { settle } of entries) if (settle === null) settled++;
  return settled;
}

/** The earliest deadline among those without a verdict. */
export function earliestOf(entries: readonly Entry[]): number {
  let earliest = Infinity;
  for (const { deadlineMs, settle } of entries) if (settle !== null && deadlineMs < earliest) earliest = deadlineMs;
  return earliest;
}

export interface SendableParts {
  readonly due: readonly Entry[];
  /** A record of the same request before them was not acked. */
  readonly behind: readonly Entry[];
  readonly live: readonly Entry[];
}

/** Splits off the entries that must not be sent to a partition. */
export function partSendable(entries: readonly Entry[], partition: number, nowMs: number): SendableParts {
  let sendable = 0;
  for (const { deadlineMs, prefix } of entries) {
    if (deadlineMs > nowMs && (prefix === null || !prefix.isBroken(partition))) sendable++;
  }
  if (sendable === entries.length) return { due: [], behind: [], live: entries };
  const due: Entry[] = [];
  const behind: Entry[] = [];
  const live: Entry[] = [];
  for (const entry of entries) {
    if (entry.deadlineMs <= nowMs) due.push(entry);
    else (entry.prefix?.isBroken(partition) === true ? behind : live).push(entry);
  }
  return { due, behind, live };
}
