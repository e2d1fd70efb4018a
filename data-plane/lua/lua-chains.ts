import { Counter, type Registry } from 'prom-client';
import { CountedLeases, Holders, type Lease } from '../../shared/counted-leases.ts';
import type { Logger } from '../../shared/log.ts';
import type { LuaFunctionFault } from './lua-protocol.ts';
import { type LuaFailureReason, type LuaLimits, LuaWorker, type WorkerChain } from './lua-worker.ts';

/** Chains of Lua functions, ready to run; equal ones are shared and outlive a configuration that still uses them. */
export interface LuaChains {
  /**
   * Compiles a chain, in a thread of its own while there are fewer than `luaWorkersMax`.
   * @throws Error when no thread can be started: a fault of the node, not of the functions.
   */
  acquire(functions: readonly string[]): Promise<LuaAcquired>;
  close(): Promise<void>;
}

export type LuaAcquired =
  | { readonly kind: 'acquired'; readonly chain: LuaChain }
  | { readonly kind: 'faults'; readonly faults: readonly LuaFunctionFault[] };

export interface LuaChain {
  /**
   * Folds the functions over a message (JSON text). A table comes back as JSON text, a string as its bytes.
   * @throws RequestError LUA_ERROR, PRODUCER_OVERLOADED, SHUTTING_DOWN
   */
  run(message: string, deadlineMs: number): Promise<string | Buffer>;
  /** After the last run; the last release of a chain forgets it. */
  release(): void;
}

/** Threads of one process. A chain that loops without end holds up those it shares a thread with, never others. */
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

/** No thread is started before a configuration asks for a chain. */
export function createLuaChains({ logger, metrics, limits }: LuaChainsOptions): LuaChains {
  const failures = new Counter({
    name: 'sluice_lua_failures_total',
    help: 'Messages that message_by_lua_functions brought no record of, by reason',
    labelNames: ['reason'],
    registers: [metrics],
  });
  return new SharedChains({
    limits: { ...defaultLimits, ...limits },
    logger,
    countFailure: (reason: LuaFailureReason) => failures.inc({ reason }),
  });
}

interface Shared extends WorkerChain {
  readonly place: Place;
  readonly faults: Promise<readonly LuaFunctionFault[]>;
}

interface Place {
  readonly worker: LuaWorker;
  /** Its chains. */
  readonly holders: Holders;
}

class SharedChains implements LuaChains {
  readonly #deps: ConstructorParameters<typeof LuaWorker>[0];
  readonly #shared = new CountedLeases<string, Shared>((chain) => this.#drop(chain));
  readonly #places = new Set<Place>();
  /** Workers whose last chain is gone. */
  readonly #closing = new Set<Promise<void>>();
  #nextId = 1;

  constructor(deps: ConstructorParameters<typeof LuaWorker>[0]) {
    this.#deps = deps;
  }

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

  /** Holds a new worker while there may be more, else the one with the fewest chains. */
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
  return { run: (message, deadlineMs) => worker.run(chain, message, deadlineMs), release };
}
