import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Apply, ApplyOptions, ApplyResult, EntityFault } from '../../shared/config-source.ts';
import type { Logger } from '../../shared/log.ts';
import type { Snapshot } from '../../shared/snapshot.ts';
import type { TargetHealthChange } from '../../shared/target-health.ts';
import { MemoryPool } from './memory-pool.ts';
import { mergeFacts } from './merge-facts.ts';
import {
  type Answer,
  type BoundPorts,
  type PortName,
  receivedError,
  type WorkerFacts,
  type WorkerMetric,
} from './messages.ts';
import { addEnded } from './pool-metrics.ts';
import { SharedKeys } from './shared-keys.ts';
import { WorkerHandle } from './worker-handle.ts';

/** How long a worker may take to load its code. */
const startMs = 30_000;
/** How long a worker may take to build a configuration; one that takes longer hangs and is replaced. */
const buildMs = 120_000;
const listenMs = 10_000;
/** A scrape waits so long for a worker. */
const metricsMs = 2_000;
/** Connections that wait while no worker serves. */
const waitingMax = 1_000;
/** Pause before a worker that ended at once is started again. */
const restartPauseMs = 250;
/** Beyond drain_timeout, for the end of a process. */
const endMs = 3_000;

export interface WorkerPoolOptions {
  readonly count: number;
  /** The module that a worker runs. */
  readonly entry: URL;
  /** The node's options, without functions. */
  readonly workerOptions: object;
  readonly producerMemoryMaxBytes: number;
  readonly drainTimeoutMs: number;
  readonly logger: Logger;
  /** A worker ended that should not have. */
  readonly onLost: () => void;
}

/**
 * The worker processes of a node. A configuration is built by all of them and then swapped in by all, or by none. One
 * that ends is replaced with the configuration that runs.
 */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #workers = new Set<WorkerHandle>();
  readonly #memory: MemoryPool;
  readonly #keys = new SharedKeys<WorkerHandle>();
  /** Applies and replacements, one at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  #current: Snapshot | undefined = undefined;
  #ports: BoundPorts | undefined = undefined;
  /** A process that has loaded its code, so that it can take the place of one that ends at once. */
  #spare: WorkerHandle | undefined = undefined;
  /** Connections that no worker can take yet. */
  #waiting: { readonly port: PortName; readonly socket: Socket }[] = [];
  #isStopping = false;
  /** The counts of workers that are gone. */
  #ended: readonly WorkerMetric[] = [];
  #endedRequests = 0;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#memory = new MemoryPool(options.producerMemoryMaxBytes);
  }

  get current(): Snapshot | undefined {
    return this.#current;
  }

  /** Workers that serve, by number. */
  get serving(): readonly WorkerHandle[] {
    return [...this.#workers].filter(({ isServing }) => isServing).toSorted((a, b) => a.number - b.number);
  }

  /** The facts of all workers as the node's. */
  get facts(): WorkerFacts {
    const merged = mergeFacts([...this.#workers].flatMap(({ facts }) => (facts === undefined ? [] : [facts])));
    return { ...merged, requestsTotal: merged.requestsTotal + this.#endedRequests };
  }

  /** Starts the processes. Rejects when one cannot be started. */
  async start(): Promise<void> {
    const numbers = Array.from({ length: this.#options.count }, (_, index) => index + 1);
    await Promise.all(numbers.map((number) => this.#startWorker(number)));
  }

  /** Builds the snapshot in every worker, then swaps it in everywhere; with a fault anywhere, nowhere. Never rejects. */
  readonly apply: Apply = (snapshot, options = {}) => this.#inTurn(() => this.#apply(snapshot, options));

  /** Lets every worker take connections of these ports. Rejects when one cannot. */
  listen(ports: BoundPorts): Promise<void> {
    return this.#inTurn(async () => {
      await Promise.all([...this.#workers].map((worker) => this.#listen(worker, ports)));
      this.#ports = ports;
      this.#keepSpare();
    });
  }

  /** Gives a connection to the worker with the fewest. While none serves, it waits, within a bound. */
  give(port: PortName, socket: Socket): void {
    const [first, ...others] = this.serving;
    if (first !== undefined) {
      others.reduce((least, worker) => (worker.load < least.load ? worker : least), first).give(port, socket);
    } else if (this.#waiting.length < waitingMax && !this.#isStopping) this.#waiting.push({ port, socket });
    else socket.destroy();
  }

  /** Resolves to the metrics of each worker, and of those that are gone. */
  async metrics(): Promise<readonly (readonly WorkerMetric[])[]> {
    const told = await Promise.all(
      [...this.#workers].map(async (worker) => {
        const answer = await worker.ask({ kind: 'metrics' }, metricsMs);
        if (answer?.kind === 'metrics') worker.metrics = answer.metrics;
        return worker.metrics;
      }),
    );
    return [...told, this.#ended];
  }

  /** Sets the health of a target in every worker. */
  setTargetHealth(change: TargetHealthChange): void {
    for (const worker of this.#workers) worker.setTargetHealth(change);
  }

  /** Lets every worker drain and end, within drain_timeout. Never rejects. */
  async drain(): Promise<void> {
    this.#isStopping = true;
    this.#spare?.kill();
    await this.#spare?.ended;
    await this.#turn;
    const { drainTimeoutMs } = this.#options;
    await Promise.all(
      [...this.#workers].map(async (worker) => {
        const answer = await worker.ask({ kind: 'drain' }, drainTimeoutMs + endMs);
        if (answer?.kind !== 'drained') worker.kill();
        await worker.ended;
      }),
    );
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    // The next one runs whether this one succeeded or not.
    this.#turn = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  async #apply(snapshot: Snapshot, { dryRun = false }: ApplyOptions): Promise<ApplyResult> {
    if (!dryRun && this.#current?.hash === snapshot.hash) return { kind: 'applied', applyMs: 0 };
    const startedMs = performance.now();
    const all = [...this.#workers];
    // One is enough to try.
    const workers = dryRun ? all.slice(0, 1) : all;
    const answers = await Promise.all(
      workers.map((worker) => worker.ask({ kind: 'build', snapshot, dryRun }, buildMs)),
    );
    for (const [index, answer] of answers.entries()) if (answer === undefined) workers[index]?.kill();
    const faults = workers.length === 0 ? [nodeFault('no worker process runs')] : faultsOf(answers);
    const isFine = faults.length === 0;
    const builders = workers.filter((_, index) => answers[index]?.kind === 'built');
    await Promise.all(builders.map((worker) => worker.ask({ kind: 'swap', goesOn: isFine }, buildMs)));
    if (!isFine) return { kind: 'rejected', faults };
    if (!dryRun) this.#current = snapshot;
    return { kind: 'applied', applyMs: performance.now() - startedMs };
  }

  #fork(): WorkerHandle {
    return new WorkerHandle({
      entry: this.#options.entry,
      lease: (holder, bytes) => this.#memory.lease(holder, bytes),
      onGaveBack: (holder, bytes) => this.#memory.returned(holder, bytes),
      keys: this.#keys,
      onUnsent: (port, socket) => this.give(port, socket),
      onEnded: (ended, code, signal) => this.#onEnded(ended, code, signal),
    });
  }

  async #startWorker(number: number): Promise<WorkerHandle> {
    const worker = this.#spare ?? this.#fork();
    this.#spare = undefined;
    worker.number = number;
    this.#workers.add(worker);
    const options = { ...this.#options.workerOptions, worker: number };
    checked(await worker.ask({ kind: 'start', options }, startMs), `worker ${number} did not start`);
    return worker;
  }

  async #listen(worker: WorkerHandle, ports: BoundPorts): Promise<void> {
    checked(await worker.ask({ kind: 'listen', ports }, listenMs), `worker ${worker.number} did not listen`);
    worker.isServing = true;
    for (const { port, socket } of this.#waiting.splice(0)) this.give(port, socket);
  }

  #keepSpare(): void {
    if (!this.#isStopping) this.#spare ??= this.#fork();
  }

  #onEnded(worker: WorkerHandle, code: number | null, signal: string | null): void {
    if (worker === this.#spare) {
      this.#spare = undefined;
      return;
    }
    this.#workers.delete(worker);
    this.#memory.forget(worker);
    this.#keys.forget(worker);
    this.#endedRequests += worker.facts?.requestsTotal ?? 0;
    const { logger, onLost } = this.#options;
    void addEnded(this.#ended, worker.metrics).then((ended) => (this.#ended = ended));
    if (this.#isStopping) return;
    onLost();
    logger.error(
      'worker_lost',
      'A worker process ended; what it had not answered is lost. Another one takes its place',
      {
        worker: worker.number,
        pid: worker.pid,
        code,
        signal,
        connections: worker.facts?.connections.active ?? 0,
      },
    );
    // Before the node listens, its start has failed.
    const ports = this.#ports;
    if (ports !== undefined) void this.#inTurn(() => this.#replace(worker.number, ports));
  }

  /** Starts a worker in the place of one that is gone, until one serves. */
  async #replace(number: number, ports: BoundPorts): Promise<void> {
    const { logger } = this.#options;
    while (!this.#isStopping) {
      let started: WorkerHandle | undefined;
      try {
        started = await this.#startWorker(number);
        if (this.#current !== undefined) await this.#configure(started, this.#current);
        await this.#listen(started, ports);
        this.#keepSpare();
        logger.info('worker_replaced', 'A worker process serves in the place of one that ended', {
          worker: number,
          pid: started.pid,
        });
        return;
      } catch (error) {
        // Its end would otherwise begin another replacement of the same number.
        if (started !== undefined) this.#workers.delete(started);
        started?.kill();
        logger.error('worker_failed', 'A worker process could not be started', {
          worker: number,
          error: error instanceof Error ? error.message : String(error),
        });
        await delay(restartPauseMs);
      }
    }
  }

  async #configure(worker: WorkerHandle, snapshot: Snapshot): Promise<void> {
    const built = checked(await worker.ask({ kind: 'build', snapshot, dryRun: false }, buildMs), 'it did not build');
    if (built.kind === 'applied' && built.result.kind === 'rejected') throw new Error('it refused the configuration');
    if (built.kind === 'built') checked(await worker.ask({ kind: 'swap', goesOn: true }, buildMs), 'it did not swap');
  }
}

/** Every fault once, whatever the number of workers that found it. */
function faultsOf(answers: readonly (Answer | undefined)[]): EntityFault[] {
  const faults = answers.flatMap((answer): readonly EntityFault[] => {
    if (answer?.kind === 'built') return [];
    if (answer?.kind === 'applied') return answer.result.kind === 'rejected' ? answer.result.faults : [];
    if (answer?.kind === 'failed') return [nodeFault(answer.error.message)];
    return [nodeFault('a worker process ended or hung while it built the configuration')];
  });
  return [...new Map(faults.map((fault) => [JSON.stringify(fault), fault])).values()];
}

function nodeFault(message: string): EntityFault {
  return { entityType: 'node', entityId: '', entityName: '', path: '', message };
}

function checked(answer: Answer | undefined, missing: string): Answer {
  if (answer === undefined) throw new Error(missing);
  if (answer.kind === 'failed') throw receivedError(answer.error);
  return answer;
}
