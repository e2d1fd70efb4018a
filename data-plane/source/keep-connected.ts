import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs, type BackoffLimits } from '../../shared/backoff.ts';
import type { Logger } from '../../shared/log.ts';
import type { StreamEnd } from './sync-stream.ts';

export interface KeepConnectedOptions {
  /** `host:port` each, tried in turn. */
  readonly controlPlanes: readonly string[];
  readonly backoff: BackoffLimits;
  /** Opens a stream to the address; resolves at its end. */
  readonly runStream: (address: string) => Promise<StreamEnd>;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** Opens one stream after the other, with full-jitter backoff between them, until the signal aborts. */
export async function keepConnected(options: KeepConnectedOptions): Promise<void> {
  const { controlPlanes, backoff, runStream, signal, logger } = options;
  const lastReasons = new Map<string, string>();
  for (let turn = 0, attempt = 0; !signal.aborted; turn += 1) {
    const address = controlPlanes[turn % controlPlanes.length] ?? '';
    const { welcomed, pauseMs, reason } = await runStream(address);
    if (signal.aborted) return;
    if (welcomed) attempt = 0;
    const waitMs = pauseMs + backoffMs(attempt, backoff, Math.random());
    attempt += 1;
    // A reason that repeats is logged once.
    const level = welcomed || reason !== lastReasons.get(address) ? 'warn' : 'debug';
    lastReasons.set(address, reason);
    logger[level]('control_plane_away', 'The node has no stream to this control plane; the next try follows', {
      control_plane: address,
      reason,
      wait_ms: Math.round(waitMs),
    });
    await delay(waitMs, undefined, { signal }).catch(() => undefined);
  }
}
