import { invalidOption } from './admin-error.ts';
import type { SyncGate } from './clustering.ts';
import type { Query } from './query.ts';

const timeoutDefaultMs = 5_000;
const timeoutMaxMs = 60_000;
const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };

/** Returns the time that a write's answer waits for the nodes (`?wait=applied&timeout=5s`); undefined: not at all. Throws AdminError. */
export function waitTimeoutMs(query: Query): number | undefined {
  const wait = query.get('wait');
  if (wait === undefined) return undefined;
  if (wait !== 'applied') throw invalidOption('wait', 'expected one of: applied');
  const text = query.get('timeout');
  if (text === undefined) return timeoutDefaultMs;
  const [, amount, unit = ''] = /^(\d{1,6})(ms|s|m)$/.exec(text) ?? [];
  const timeoutMs = Number(amount) * (unitsMs[unit] ?? Number.NaN);
  if (!(timeoutMs >= 0 && timeoutMs <= timeoutMaxMs))
    throw invalidOption('timeout', 'expected a duration up to 1m, such as 5s');
  return timeoutMs;
}

/** Waits where the caller asked for it. Returns the headers of the write's answer. */
export async function syncHeaders(
  gate: SyncGate | undefined,
  timeoutMs: number | undefined,
  revision: number,
): Promise<Record<string, string>> {
  if (timeoutMs === undefined || gate === undefined) return {};
  return { 'Sluice-Sync': await gate.waitApplied(revision, timeoutMs) };
}
