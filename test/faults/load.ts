import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Note } from './oracle.ts';

export interface NumberedLoad {
  /** In the order of the answers. */
  readonly notes: readonly Note[];
  /** Milliseconds since the load began: the clock of `atMs`. */
  nowMs(): number;
  /** Resolves once this many further answers of that outcome are in. */
  seen(outcome: string, count: number, timeoutMs?: number): Promise<void>;
  /** No further requests; resolves when the last answer is in. */
  stop(): Promise<readonly Note[]>;
}

export interface OpenLoad extends NumberedLoad {
  setRate(perSecond: number): void;
}

/** How requests are sent: `grpc-stream` sends several messages a call. */
export type LoadProtocol = 'http' | 'grpc' | 'grpc-stream';

/** What the thread of a load is told to do. `url`: a route whose plugin takes the body as value and `?key=` as key. */
export type LoadPlan = { readonly url: string; readonly startedAtEpochMs: number } & (
  | {
      readonly kind: 'closed';
      readonly workers: number;
      readonly paceMs: number;
      readonly protocol: LoadProtocol;
    }
  | { readonly kind: 'open'; readonly perSecond: number }
);
export type LoadCommand = { readonly kind: 'rate'; readonly perSecond: number } | { readonly kind: 'stop' };
export type LoadReport = { readonly kind: 'notes'; readonly notes: readonly Note[] } | { readonly kind: 'ended' };

/** Each worker sends numbered requests with its own key, the next when the last was answered. */
export function startNumberedLoad(options: {
  readonly url: string;
  readonly workers: number;
  /** Least time between two requests of a worker. */
  readonly paceMs?: number;
  readonly protocol?: LoadProtocol;
}): NumberedLoad {
  const { url, workers, paceMs = 0, protocol = 'http' } = options;
  return new Load({ kind: 'closed', url, workers, paceMs, protocol, startedAtEpochMs: epochMs() });
}

/** Sends at a fixed rate, whether answers come or not; each request has a key of its own. */
export function startOpenLoad({ url, perSecond }: { readonly url: string; readonly perSecond: number }): OpenLoad {
  return new Load({ kind: 'open', url, perSecond, startedAtEpochMs: epochMs() });
}

function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * A load in a thread of its own: the proxies, the fault and the reading of topics keep this one's event loop busy, and
 * what a late client sees says nothing about the node.
 */
class Load implements OpenLoad {
  readonly notes: Note[] = [];
  readonly #worker: Worker;
  readonly #ended: Promise<unknown>;
  readonly #counts = new Map<string, number>();
  readonly #waiters = new Set<() => void>();
  readonly #startedAtEpochMs: number;
  #failure: unknown;

  constructor(plan: LoadPlan) {
    this.#startedAtEpochMs = plan.startedAtEpochMs;
    this.#worker = new Worker(new URL('./load-worker.js', import.meta.url), { workerData: plan });
    this.#worker.on('message', (report: LoadReport) => {
      if (report.kind === 'notes') this.#take(report.notes);
    });
    this.#worker.on('error', (error) => {
      this.#failure = error;
      this.#wake();
    });
    this.#ended = once(this.#worker, 'exit');
  }

  nowMs(): number {
    return epochMs() - this.#startedAtEpochMs;
  }

  setRate(perSecond: number): void {
    this.#worker.postMessage({ kind: 'rate', perSecond } satisfies LoadCommand);
  }

  seen(outcome: string, count: number, timeoutMs = 60_000): Promise<void> {
    const enough = (this.#counts.get(outcome) ?? 0) + count;
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        this.#waiters.delete(look);
        settle();
      };
      const look = () => {
        if (this.#failure !== undefined) finish(() => reject(new Error('the load failed', { cause: this.#failure })));
        else if ((this.#counts.get(outcome) ?? 0) >= enough) finish(resolve);
      };
      const timer = setTimeout(() => {
        const counts = JSON.stringify(Object.fromEntries(this.#counts));
        finish(() => reject(new Error(`no ${count} answers '${outcome}' within ${timeoutMs} ms; in all: ${counts}`)));
      }, timeoutMs);
      this.#waiters.add(look);
      look();
    });
  }

  async stop(): Promise<readonly Note[]> {
    this.#worker.postMessage({ kind: 'stop' } satisfies LoadCommand);
    await this.#ended;
    if (this.#failure !== undefined) throw new Error('the load failed', { cause: this.#failure });
    return this.notes;
  }

  #take(notes: readonly Note[]): void {
    for (const note of notes) {
      this.notes.push(note);
      this.#counts.set(note.outcome, (this.#counts.get(note.outcome) ?? 0) + 1);
    }
    this.#wake();
  }

  #wake(): void {
    for (const waiter of this.#waiters) waiter();
  }
}
