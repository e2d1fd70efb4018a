import { Counter, type Registry } from 'prom-client';
import { CountedLeases, Holders, type Lease } from '../../shared/counted-leases.ts';
import type { Logger } from '../../shared/log.ts';
import type { LuaFunctionFault } from './lua-protocol.ts';
import {
  type LuaFailureReason,
  type LuaLimits,
  type LuaRunOptions,
  LuaWorker,
  type LuaWorkerDeps,
  type WorkerChain,
} from './lua-worker.ts';

export type LuaAcquired =
  | { readonly kind: 'acquired'; readonly chain: LuaChain }
  | { readonly kind: 'faults'; readonly faults: readonly LuaFunctionFault[] };

export interface LuaChain {
  /**
   * Folds the functions over a message (JSON text). Resolves to JSON text for a table, to its bytes for a string, and to
   * null for nil where that is taken. `route` is named in the log where the functions fail: routes share chains.
   * @throws RequestError LUA_ERROR, PRODUCER_OVERLOADED, SHUTTING_DOWN
   */
  run(message: string, deadlineMs: number, route?: string, options?: LuaRunOptions): Promise<string | Buffer | null>;
  /** Ends the use of the chain, which is forgotten when nobody uses it. Must come after the last run. */
  release(): void;
}

/** Threads of one process. A chain that loops without end delays the chains of its own thread only. */
export const luaWorkersMax = 4;

const defaultLimits: LuaLimits = {
  callTimeoutMs: 50,
  convertTimeoutMs: 1_000,
  compileTimeoutMs: 1_000,
  startTimeoutMs: 10_000,
  queueMessagesMax: 1_000,
  queueLengthMax: 64 * 1024 * 1024,
  memoryMaxBytes: 64 * 1024 * 1024,
};

export interface LuaChainsOptions {
  readonly logger: Logger;
  readonly metrics: Registry;
  readonly limits?: Partial<LuaLimits>;
}

/** A chain and where it runs. */
interface Shared extends WorkerChain {
  readonly place: Place;
  readonly faults: Promise<readonly LuaFunctionFault[]>;
}

/** A worker and its chains. */
interface Place {
  readonly worker: LuaWorker;
  readonly holders: Holders;
}

/**
 * Chains of Lua functions, ready to run. Equal chains are shared, and one survives a change of the configuration that
 * keeps it. No thread starts before a configuration asks for a chain.
 */
export class LuaChains {
  readonly #deps: LuaWorkerDeps;
  readonly #shared = new CountedLeases<string, Shared>((chain) => this.#drop(chain));
  readonly #places = new Set<Place>();
  /** Workers that have lost their last chain and are closing. */
  readonly #closing = new Set<Promise<void>>();
  #nextId = 1;

  constructor({ logger, metrics, limits }: LuaChainsOptions) {
    const failures = new Counter({
      name: 'sluice_lua_failures_total',
      help: 'Messages of which message_by_lua_functions made no record, by reason',
      labelNames: ['reason'],
      registers: [metrics],
    });
    this.#deps = {
      limits: { ...defaultLimits, ...limits },
      logger,
      countFailure: (reason: LuaFailureReason) => failures.inc({ reason }),
    };
  }

  /**
   * Compiles a chain, in a thread of its own while there are fewer than `luaWorkersMax`.
   * @throws Error when no thread can be started: a fault of the node, not of the functions.
   */
  async acquire(functions: readonly string[]): Promise<LuaAcquired> {
    const lease = this.#shared.acquire(JSON.stringify(functions), () => this.#create(functions));
    try {
      const faults = await lease.value.faults;
      if (faults.length === 0) return { kind: 'acquired', chain: chainOf(lease) };
      lease.release();
      return { kind: 'faults', faults };
    } catch (error) {
      lease.release();
      throw error;
    }
  }

  /** Ends every thread; runs that wait are answered. */
  async close(): Promise<void> {
    this.#shared.clear();
    const workers = [...this.#places].map(({ worker }) => worker.close());
    this.#places.clear();
    await Promise.all([...workers, ...this.#closing]);
  }

  #create(functions: readonly string[]): Shared {
    const place = this.#holdPlace();
    const chain: WorkerChain = { id: this.#nextId++, functions };
    return { ...chain, place, faults: place.worker.compile(chain) };
  }

  /** Holds a new worker while there are fewer than `luaWorkersMax`, else the one with the fewest chains. */
  #holdPlace(): Place {
    if (this.#places.size < luaWorkersMax) {
      const place = { worker: new LuaWorker(this.#deps), holders: new Holders() };
      this.#places.add(place);
      return place;
    }
    const chosen = [...this.#places].reduce((least, place) =>
      place.holders.count < least.holders.count ? place : least,
    );
    chosen.holders.hold();
    return chosen;
  }

  #drop(shared: Shared): void {
    const { place } = shared;
    if (!place.holders.release()) {
      place.worker.drop(shared);
      return;
    }
    this.#places.delete(place);
    const closed = place.worker
      .close()
      .catch((error: unknown) => this.#deps.logger.error('lua_close', String(error)))
      .finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}

function chainOf({ value: chain, release }: Lease<Shared>): LuaChain {
  const { worker } = chain.place;
  return {
    run: (message, deadlineMs, route, options = {}) => worker.run(chain, { message, deadlineMs, route, ...options }),
    release,
  };
}
