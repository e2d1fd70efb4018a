import { signal } from '@preact/signals';
import { ApiError, get, send } from './client.ts';
import { readEvents } from './events.ts';
import { toFault, toNode, type Fault, type Node } from './nodes.ts';
import { readAll } from './pages.ts';
import { numberOf, recordOf, recordsOf, textOf } from './read.ts';

/** `absent`: this role has no data planes of its own. */
export interface Fleet {
  readonly kind: 'reading' | 'absent' | 'known';
  readonly nodes: readonly Node[];
  readonly expectedHash: string | undefined;
  readonly revision: number | undefined;
  readonly wentBackAt: number | undefined;
  readonly withheld: readonly Fault[];
  /** Milliseconds since 1970 at which it was read. */
  readonly at: number;
}

const unread: Fleet = {
  kind: 'reading',
  nodes: [],
  expectedHash: undefined,
  revision: undefined,
  wentBackAt: undefined,
  withheld: [],
  at: 0,
};

export const fleet = signal<Fleet>(unread);
/** The stream of events is open: a change of state shows at once. */
export const isLive = signal(false);

/** Figures that change without an event, such as the rate of requests, are read again after this time. */
const refreshMs = 5_000;
/** With many nodes a reading is large, so it comes less often. */
const refreshLargeMs = 15_000;
const nodesLarge = 200;
/** Events that come together lead to one reading. */
const gatherMs = 150;
const reconnectMs = 2_000;

/** Reads the fleet and follows it until the function that it returns is called. */
export function followFleet(): () => void {
  const ending = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let reading = false;
  const readSoon = (ms: number): void => {
    clearTimeout(timer);
    if (!ending.signal.aborted) timer = setTimeout(() => void read(), ms);
  };
  async function read(): Promise<void> {
    if (reading) return readSoon(gatherMs);
    reading = true;
    let nextMs = reconnectMs;
    try {
      if (!document.hidden) fleet.value = await readFleet(ending.signal);
      nextMs = fleet.value.nodes.length > nodesLarge ? refreshLargeMs : refreshMs;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) fleet.value = { ...unread, kind: 'absent' };
    } finally {
      reading = false;
    }
    if (fleet.value.kind !== 'absent') readSoon(nextMs);
  }
  const onShown = (): void => {
    if (!document.hidden) readSoon(0);
  };
  document.addEventListener('visibilitychange', onShown);
  void read();
  void followEvents(ending.signal, () => readSoon(gatherMs));
  return () => {
    ending.abort();
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', onShown);
    fleet.value = unread;
  };
}

async function followEvents(signal: AbortSignal, onChange: () => void): Promise<void> {
  while (!signal.aborted) {
    try {
      const response = await send('GET', '/clustering/events', { signal, timeoutMs: Number.POSITIVE_INFINITY });
      if (response.status === 404 || response.status === 401) return;
      if (response.ok && response.body !== null) {
        isLive.value = true;
        await readEvents(response.body, onChange);
      }
    } catch {
      // The reading of the fleet tells why the control plane does not answer.
    }
    isLive.value = false;
    await new Promise((resolve) => setTimeout(resolve, reconnectMs));
  }
}

async function readFleet(signal: AbortSignal): Promise<Fleet> {
  const status = recordOf(await get('/clustering/status', signal));
  const items = await readAll('/clustering/data-planes', { signal });
  return {
    kind: 'known',
    nodes: items.flatMap((item) => toNode(item) ?? []),
    expectedHash: textOf(status['expected_hash']),
    revision: numberOf(status['revision']),
    wentBackAt: numberOf(recordOf(recordOf(status['database'])['went_back'])['at']),
    withheld: recordsOf(status['withheld']).map(toFault),
    at: Date.now(),
  };
}
