import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { errorText, get } from './client.ts';
import { numberOf, recordOf, recordsOf, textOf, type Values } from './read.ts';

/** Outcomes of records, in the order in which they are drawn and listed. */
export const outcomes = ['acked', 'accepted', 'partial', 'rejected', 'not_sent', 'unknown'] as const;
export type Outcome = (typeof outcomes)[number];

export interface Quantiles {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Counts of a step or of all steps. */
export interface Counts {
  readonly answers: number;
  readonly records: ReadonlyMap<string, number>;
  /** By status and by error code. */
  readonly codes: ReadonlyMap<string, number>;
  readonly latency: Quantiles | undefined;
  readonly produce: Quantiles | undefined;
}

export interface Step extends Counts {
  /** Seconds since 1970 at which it begins. */
  readonly at: number;
}

export interface RouteLine extends Counts {
  readonly id: string;
  readonly name: string | undefined;
}

/** Traffic as `GET /clustering/traffic` tells it. */
export interface Traffic {
  readonly stepSeconds: number;
  readonly nodesCounted: number;
  readonly nodesConnected: number;
  readonly total: Counts;
  readonly steps: readonly Step[];
  readonly routes: readonly RouteLine[];
  readonly pointers: readonly { readonly pointer: string; readonly count: number }[];
  readonly queue: { readonly records: number; readonly bytes: number; readonly oldestMs: number } | undefined;
}

/** Steps come every 10 s. */
const refreshMs = 10_000;

/** Reads traffic and reads it again every 10 s while the page is seen. `query`: `route=…`, `node=…` or nothing. */
export function useTraffic(query: string): {
  readonly traffic: Traffic | undefined;
  readonly error: string | undefined;
} {
  const traffic = useSignal<{ readonly query: string; readonly value: Traffic } | undefined>(undefined);
  const error = useSignal<string | undefined>(undefined);
  useEffect(() => {
    const ending = new AbortController();
    const read = async (): Promise<void> => {
      if (document.hidden) return;
      try {
        const path = `/clustering/traffic${query === '' ? '' : `?${query}`}`;
        traffic.value = { query, value: toTraffic(recordOf(await get(path, ending.signal))) };
        error.value = undefined;
      } catch (reason) {
        if (!ending.signal.aborted) error.value = errorText(reason);
      }
    };
    void read();
    const timer = setInterval(() => void read(), refreshMs);
    return () => {
      ending.abort();
      clearInterval(timer);
    };
  }, [query]);
  return { traffic: traffic.value?.query === query ? traffic.value.value : undefined, error: error.value };
}

function toTraffic(value: Values): Traffic {
  const { queue } = value;
  return {
    stepSeconds: numberOf(value['step_seconds']) ?? 10,
    nodesCounted: numberOf(value['nodes_counted']) ?? 0,
    nodesConnected: numberOf(value['nodes_connected']) ?? 0,
    total: toCounts(recordOf(value['total'])),
    steps: recordsOf(value['steps']).map((step) => ({ ...toCounts(step), at: numberOf(step['at']) ?? 0 })),
    routes: recordsOf(value['routes']).map((line) => ({
      ...toCounts(line),
      id: textOf(line['id']) ?? '',
      name: textOf(line['name']),
    })),
    pointers: recordsOf(value['pointers']).map(({ pointer, count }) => ({
      pointer: textOf(pointer) ?? '',
      count: numberOf(count) ?? 0,
    })),
    queue: queue === undefined ? undefined : toQueue(recordOf(queue)),
  };
}

function toQueue(value: Values): Traffic['queue'] {
  return {
    records: numberOf(value['records']) ?? 0,
    bytes: numberOf(value['bytes']) ?? 0,
    oldestMs: numberOf(value['oldest_ms']) ?? 0,
  };
}

function toCounts(value: Values): Counts {
  return {
    answers: numberOf(value['answers_total']) ?? 0,
    records: countsOf(value['records']),
    codes: countsOf(value['answers']),
    latency: toQuantiles(value['latency']),
    produce: toQuantiles(value['produce']),
  };
}

function countsOf(value: unknown): ReadonlyMap<string, number> {
  return new Map(Object.entries(recordOf(value)).map(([name, count]) => [name, numberOf(count) ?? 0]));
}

function toQuantiles(value: unknown): Quantiles | undefined {
  const { p50_ms: p50Ms, p99_ms: p99Ms } = recordOf(value);
  return typeof p50Ms === 'number' && typeof p99Ms === 'number' ? { p50Ms, p99Ms } : undefined;
}
