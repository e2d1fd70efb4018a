import { performance } from 'node:perf_hooks';
import type { Apply, ApplyOptions, ApplyResult, EntityFault } from '../../shared/config-source.ts';
import { Holders } from '../../shared/counted-leases.ts';
import { type Logger, stackOf } from '../../shared/log.ts';
import type { Snapshot } from '../../shared/snapshot.ts';
import type { BuildResult } from './build-runtime.ts';
import type { BuiltRuntime } from './route-compiler.ts';
import type { Runtime } from './runtime.ts';

/** The faults that one log line lists. */
const loggedMax = 20;

export interface RuntimeHolderDeps {
  /** `live` is the runtime that serves meanwhile. */
  readonly build: (snapshot: Snapshot, live: BuiltRuntime | undefined) => Promise<BuildResult>;
  readonly logger: Logger;
  /** Called after each apply, also after rejected ones and dry runs. */
  readonly onApplied?: (event: ApplyEvent) => void;
}

export type ApplyEvent =
  | { readonly kind: 'applied'; readonly runtime: Runtime; readonly applyMs: number }
  | { readonly kind: 'rejected'; readonly hash: string; readonly faults: readonly EntityFault[] }
  /** The apply was a dry run. */
  | { readonly kind: 'tried' };

/** A runtime with its holders: the exchanges that use it and, until it is retired, the RuntimeHolder. */
export interface RuntimeLease {
  readonly runtime: BuiltRuntime;
  readonly holders: Holders;
}

/**
 * Holds the runtime that serves. A new one is built aside and swapped in by one reference; exchanges finish on the one
 * they began with, which is closed after the last of them.
 */
export class RuntimeHolder {
  readonly #deps: RuntimeHolderDeps;
  #current: RuntimeLease | undefined = undefined;
  #applying: Promise<unknown> = Promise.resolve();
  /** One promise for each runtime that is being closed. */
  readonly #closing = new Set<Promise<void>>();
  #isClosed = false;

  constructor(deps: RuntimeHolderDeps) {
    this.#deps = deps;
  }

  get current(): BuiltRuntime | undefined {
    return this.#current?.runtime;
  }

  /** Begins an exchange on the current runtime. Each `enter` needs one `leave`. */
  enter(): RuntimeLease | undefined {
    const lease = this.#current;
    lease?.holders.hold();
    return lease;
  }

  leave(lease: RuntimeLease): void {
    if (lease.holders.release()) this.#closeRuntime(lease.runtime);
  }

  /** Applies snapshots one at a time, in the order of the calls. */
  readonly apply: Apply = (snapshot, options = {}) => {
    const result = this.#applying.then(() => this.#apply(snapshot, options));
    // The next apply runs whether this one succeeded or not.
    this.#applying = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  };

  /** Retires the current runtime: no exchange begins any more. Waits for an apply under way and for what it closes. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#applying;
    if (this.#current !== undefined) this.leave(this.#current);
    this.#current = undefined;
    await Promise.all(this.#closing);
  }

  async #apply(snapshot: Snapshot, { dryRun = false, confirm }: ApplyOptions): Promise<ApplyResult> {
    if (this.#current?.runtime.hash === snapshot.hash) return { kind: 'applied', applyMs: 0 };
    const startedMs = performance.now();
    const built = await this.#build(snapshot);
    if (dryRun) return this.#dropped(built, performance.now() - startedMs);
    if (built.kind === 'faults') return this.#reject(snapshot.hash, built.faults);
    if (confirm !== undefined && !(await confirm())) {
      this.#closeRuntime(built.runtime);
      this.#deps.onApplied?.({ kind: 'tried' });
      return { kind: 'rejected', faults: [] };
    }
    if (this.#isClosed) {
      this.#closeRuntime(built.runtime);
      return { kind: 'rejected', faults: [nodeFault('the node is shutting down')] };
    }
    const old = this.#current;
    this.#current = { runtime: built.runtime, holders: new Holders() };
    const applyMs = performance.now() - startedMs;
    if (old !== undefined) this.leave(old);
    this.#deps.logger.info('config_applied', 'A configuration is live', { hash: snapshot.hash, apply_ms: applyMs });
    this.#deps.onApplied?.({ kind: 'applied', runtime: built.runtime, applyMs });
    return { kind: 'applied', applyMs };
  }

  async #build(snapshot: Snapshot): Promise<BuildResult> {
    try {
      return await this.#deps.build(snapshot, this.#current?.runtime);
    } catch (error) {
      this.#deps.logger.error('internal_error', 'A configuration could not be built', {
        error: stackOf(error),
      });
      return { kind: 'faults', faults: [nodeFault('the configuration could not be built: a fault of the node')] };
    }
  }

  #dropped(built: BuildResult, applyMs: number): ApplyResult {
    this.#deps.onApplied?.({ kind: 'tried' });
    if (built.kind === 'faults') return { kind: 'rejected', faults: built.faults };
    this.#closeRuntime(built.runtime);
    return { kind: 'applied', applyMs };
  }

  #reject(hash: string, faults: readonly EntityFault[]): ApplyResult {
    this.#deps.logger.error('config_rejected', 'A configuration has faults and is not used', {
      hash,
      faults: faults.slice(0, loggedMax),
      fault_count: faults.length,
    });
    this.#deps.onApplied?.({ kind: 'rejected', hash, faults });
    return { kind: 'rejected', faults };
  }

  #closeRuntime(runtime: Runtime): void {
    const closing = runtime
      .close()
      .catch((error: unknown) => {
        // Logged rather than thrown: the request or apply that happened to be the last user did not cause it.
        this.#deps.logger.error('internal_error', 'A configuration could not be closed', {
          hash: runtime.hash,
          error: stackOf(error),
        });
      })
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

function nodeFault(message: string): EntityFault {
  return { entityType: 'node', entityId: '', entityName: '', path: '', message };
}
