import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { withinTime } from '../shared/within-time.ts';
import type { NodeParts } from './node-parts.ts';

/** Time for the last traces when everything before them has used up drain_timeout. */
const traceFlushMs = 1_000;
/** The end of drain_timeout, kept for answering what still waits: one half for the last verdicts, one for the answers. */
const endReserveMs = 1_000;
/** The reserve is at most this part of drain_timeout, so that requests have time to finish under a short one too. */
const endReserveShareMax = 0.25;

/**
 * Stops a node in this order: it is no longer ready; after drain_delay it accepts no connection; requests in flight and
 * those that still come over open connections are served; queues flush; producers close. Near drain_timeout requests that
 * begin are refused and those that wait are answered: their record was never sent, or nothing is known of it. Only
 * connections that do not end then are cut, counted and logged.
 */
export async function drain(parts: NodeParts): Promise<void> {
  const { options, state, source, holder, producers, listeners } = parts;
  const deadlineMs = performance.now() + options.drainTimeoutMs;
  state.draining = true;
  if (listeners.length > 0 && options.drainDelayMs > 0) {
    await delay(Math.min(options.drainDelayMs, options.drainTimeoutMs));
  }
  await Promise.all([source.stop(), listeners.length === 0 ? undefined : drainListeners(parts, deadlineMs)]);
  await holder.close();
  await parts.closeLua();
  await producers.close(deadlineMs);
  await parts.closeEncoders();
  // Traces only report: they may keep a node from stopping for a second beyond the deadline at most.
  if (parts.tracing) await settlesBy(parts.tracing.close(), Math.max(deadlineMs, performance.now() + traceFlushMs));
  state.stopped = true;
  await parts.status?.stop();
}

async function drainListeners(parts: NodeParts, deadlineMs: number): Promise<void> {
  const { spine, producers, options, listeners } = parts;
  const drained = Promise.all(listeners.map((listener) => listener.drain())).then(() => undefined);
  const reserveMs = Math.min(endReserveMs, options.drainTimeoutMs * endReserveShareMax);
  if (await settlesBy(drained, deadlineMs - reserveMs)) return;
  // Requests that still begin are refused from here on.
  spine.refuse();
  const requests = spine.inFlight();
  // This answers every request that waits for Kafka, and refuses every record that is still to come.
  await producers.close(deadlineMs - reserveMs / 2);
  // The answers are on their way; what is left after this turn has not published, and cannot any more.
  await nextTurn();
  spine.refuseLeft();
  const isDrained = await settlesBy(drained, deadlineMs);
  const connections = isDrained ? 0 : listeners.reduce((cut, listener) => cut + listener.destroy(), 0);
  options.logger.warn('drain_overdue', 'drain_timeout passed; requests were answered early, connections were cut', {
    connections,
    requests,
  });
  await drained;
}

/** Returns whether the promise, which never rejects, resolves by the deadline (monotonic ms). */
function settlesBy(promise: Promise<void>, deadlineMs: number): Promise<boolean> {
  return withinTime(
    promise.then(() => true),
    deadlineMs - performance.now(),
    () => false,
  );
}
