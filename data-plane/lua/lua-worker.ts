import { performance } from 'node:perf_hooks';
import { RequestError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { pacedLog } from '../../shared/paced-log.ts';
import {
  conversion,
  type LuaFailed,
  type LuaFunctionFault,
  type LuaReply,
  type LuaRequest,
  type LuaResult,
} from './lua-protocol.ts';
import { type LuaDeadlines, LuaThread, LuaThreadEnded } from './lua-thread.ts';

/** Bounds of one worker. */
export interface LuaLimits extends LuaDeadlines {
  /** Time that one chunk may take to return its function, when a configuration is applied. */
  readonly compileTimeoutMs: number;
  readonly startTimeoutMs: number;
  /** Messages that may wait. */
  readonly queueMessagesMax: number;
  /** Characters of all waiting messages together. */
  readonly queueLengthMax: number;
  /** Memory of one chain. */
  readonly memoryMaxBytes: number;
}

/** Why a message made no record; the labels of the failures' counter. */
export type LuaFailureReason = 'error' | 'deadline' | 'memory' | 'lost' | 'overload';

export interface LuaWorkerDeps {
  readonly limits: LuaLimits;
  readonly logger: Logger;
  readonly countFailure: (reason: LuaFailureReason) => void;
}

/** A chain of functions as a worker knows it. */
export interface WorkerChain {
  readonly id: number;
  readonly functions: readonly string[];
}

/** The time that the messages of one request share. */
export interface LuaBudget {
  readonly totalMs: number;
  leftMs: number;
}

export interface LuaRunOptions {
  /** The result nil is taken, as null; else it is a failure. */
  readonly takesNil?: boolean;
  readonly budget?: LuaBudget;
}

/** A message for a chain. */
export interface LuaMessage extends LuaRunOptions {
  /** JSON text. */
  readonly message: string;
  readonly deadlineMs: number;
  /** Named in the log when the functions fail. */
  readonly route: string | undefined;
}

interface Job extends LuaMessage {
  readonly chain: WorkerChain;
  readonly resolve: (result: string | Buffer | null) => void;
  readonly reject: (error: RequestError) => void;
  /** Takes the job out of the queue at its deadline. */
  timer: NodeJS.Timeout | undefined;
}

/** Messages, and characters of them, that go to the thread together. */
const togetherMax = 64;
const togetherLengthMax = 256 * 1024;

/**
 * The queue of messages for one Lua thread. The thread is started on demand and replaced when a call runs too long, when a
 * chain's memory is full or when the thread ends by itself. A new thread compiles each chain before its next message.
 */
export class LuaWorker {
  readonly #deps: LuaWorkerDeps;
  /** Compilations go before messages, because applying a configuration must not wait for a busy queue. */
  readonly #compiles: (() => Promise<void>)[] = [];
  readonly #queue = new Set<Job>();
  #queueLength = 0;
  #thread: LuaThread | undefined;
  /** Ids of the chains that the present thread has compiled. */
  #compiled = new Set<number>();
  /** Empties both queues, one piece of work at a time; undefined when there is nothing to do. */
  #working: Promise<void> | undefined;
  #isClosed = false;
  readonly #log: ReturnType<typeof pacedLog>;

  constructor(deps: LuaWorkerDeps) {
    this.#deps = deps;
    this.#log = pacedLog((event, message, fields) => deps.logger.error(event, message, fields));
  }

  /** Resolves to the faults of a chain's functions; it can run when there are none. @throws Error when the thread cannot be used */
  compile(chain: WorkerChain): Promise<readonly LuaFunctionFault[]> {
    return new Promise((resolve, reject) => {
      this.#compiles.push(() => this.#compile(chain).then(resolve, reject));
      this.#wake();
    });
  }

  /**
   * Resolves to JSON text or to bytes.
   * @throws RequestError LUA_ERROR, PRODUCER_OVERLOADED, SHUTTING_DOWN, INTERNAL
   */
  run(chain: WorkerChain, message: LuaMessage): Promise<string | Buffer | null> {
    if (this.#isClosed) return Promise.reject(shuttingDown());
    const { queueMessagesMax, queueLengthMax } = this.#deps.limits;
    if (this.#queue.size >= queueMessagesMax || this.#queueLength + message.message.length > queueLengthMax) {
      return Promise.reject(this.#overloaded('Too many requests wait for Lua.'));
    }
    return new Promise((resolve, reject) => {
      this.#enqueue({ ...message, chain, resolve, reject, timer: undefined });
      this.#wake();
    });
  }

  #enqueue(job: Job): void {
    const overdue = (): void => {
      this.#take(job);
      job.reject(this.#overloaded("The request's deadline passed while it waited for Lua."));
    };
    job.timer = setTimeout(overdue, Math.max(0, job.deadlineMs - performance.now()));
    this.#queue.add(job);
    this.#queueLength += job.message.length;
  }

  /** Puts jobs back to the head of the queue: they have not run, or their results are lost with the thread. */
  #putBack(jobs: readonly Job[]): void {
    if (jobs.length === 0) return;
    const others = [...this.#queue];
    this.#queue.clear();
    for (const job of jobs) this.#enqueue(job);
    for (const job of others) this.#queue.add(job);
  }

  /** Forgets a chain; no message may come for it any more. */
  drop(chain: WorkerChain): void {
    if (this.#compiled.delete(chain.id)) this.#thread?.send({ kind: 'drop', chain: chain.id });
  }

  /** Refuses the waiting messages and ends the thread. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const job of this.#queue) {
      this.#take(job);
      job.reject(shuttingDown());
    }
    await this.#thread?.end();
    await this.#working;
  }

  #wake(): void {
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
      if (this.#compiles.length > 0 || this.#queue.size > 0) this.#wake();
    });
  }

  async #work(): Promise<void> {
    for (;;) {
      const compile = this.#compiles.shift();
      if (compile !== undefined) {
        await compile();
        continue;
      }
      const jobs = this.#takeTogether();
      const [first] = jobs;
      if (first !== undefined) await this.#runJobs(first.chain, jobs);
      else if (this.#queue.size === 0) return;
    }
  }

  /** Takes the next jobs of one chain. A round trip to the thread costs as much as a short function. */
  #takeTogether(): readonly Job[] {
    const jobs: Job[] = [];
    let length = 0;
    for (const job of this.#queue) {
      length += job.message.length;
      const isFirst = jobs.length === 0;
      const fits = job.chain === jobs[0]?.chain && jobs.length < togetherMax && length <= togetherLengthMax;
      if (!isFirst && !fits) break;
      this.#take(job);
      if (job.budget === undefined || job.budget.leftMs > 0) jobs.push(job);
      else job.reject(this.#overBudget(job, job.budget));
    }
    return jobs;
  }

  #take(job: Job): void {
    clearTimeout(job.timer);
    if (this.#queue.delete(job)) this.#queueLength -= job.message.length;
  }

  async #runJobs(chain: WorkerChain, jobs: readonly Job[]): Promise<void> {
    try {
      if (!this.#compiled.has(chain.id) || this.#thread?.isEnded !== false) await this.#compile(chain);
      const messages = jobs.map(({ message }) => message);
      const reply = await this.#request({ kind: 'run', chain: chain.id, messages }, this.#deps.limits);
      if (reply.kind !== 'ran') throw new Error(`unexpected reply ${reply.kind}`);
      const { results } = reply;
      if (results.some((result) => result.kind === 'failed' && result.outOfMemory)) await this.#replaceThread();
      results.forEach((result, position) => this.#settle(jobs[position], result));
      this.#putBack(jobs.slice(results.length));
    } catch (error) {
      this.#failed(jobs, error);
    }
  }

  #settle(job: Job | undefined, result: LuaResult): void {
    if (job === undefined) return;
    const { chain, route, budget, takesNil = false, resolve, reject } = job;
    if (budget !== undefined) budget.leftMs -= result.tookMs;
    if (result.kind === 'failed') {
      const reason = result.outOfMemory ? 'memory' : 'error';
      reject(this.#failure({ reason, place: placeOf(result, chain), luaMessage: result.message, route }));
    } else if (result.result === null) {
      const luaMessage = 'expected a table or a string, but got nil';
      if (takesNil) resolve(null);
      else reject(this.#failure({ reason: 'error', place: 'The result', luaMessage, route }));
    } else {
      resolve(typeof result.result === 'string' ? result.result : bufferOf(result.result));
    }
  }

  /** The thread has ended: the message that it worked on is at fault, and the others run again. */
  #failed(jobs: readonly Job[], error: unknown): void {
    const culprit = error instanceof LuaThreadEnded && error.reason !== 'start' ? jobs[error.position] : undefined;
    const again: Job[] = [];
    for (const job of jobs) {
      if (this.#isClosed) job.reject(shuttingDown());
      else if (culprit === undefined || job === culprit) job.reject(this.#threadFailure(error, job.route));
      else again.push(job);
    }
    this.#putBack(again);
  }

  async #compile(chain: WorkerChain): Promise<readonly LuaFunctionFault[]> {
    const { id, functions } = chain;
    const request = { kind: 'compile', chain: id, functions } as const;
    let reply: LuaReply;
    try {
      reply = await this.#request(request, { ...this.#deps.limits, callTimeoutMs: this.#deps.limits.compileTimeoutMs });
    } catch (error) {
      if (!(error instanceof LuaThreadEnded) || error.reason !== 'deadline') throw error;
      const message = `the chunk did not return within ${this.#deps.limits.compileTimeoutMs} ms`;
      return [{ index: error.index, line: null, message }];
    }
    if (reply.kind !== 'compiled') throw new Error(`unexpected reply ${reply.kind}`);
    if (reply.faults.length === 0) this.#compiled.add(id);
    return reply.faults;
  }

  async #request(request: LuaRequest, deadlines: LuaDeadlines): Promise<LuaReply> {
    if (this.#thread === undefined || this.#thread.isEnded) {
      await this.#replaceThread();
      if (this.#isClosed) throw new LuaThreadEnded('lost', 'closed');
      this.#thread = new LuaThread(this.#deps.limits);
    }
    const thread = this.#thread;
    await thread.ready;
    return thread.request(request, deadlines);
  }

  /** Waits until the old thread has ended before another starts, so that endless loops never run side by side. */
  async #replaceThread(): Promise<void> {
    const old = this.#thread;
    this.#thread = undefined;
    this.#compiled = new Set();
    await old?.end();
  }

  #overBudget({ route }: Job, { totalMs }: LuaBudget): RequestError {
    const luaMessage = `took longer than ${totalMs} ms`;
    return this.#failure({ reason: 'deadline', place: 'All calls for the request', luaMessage, route });
  }

  #overloaded(message: string): RequestError {
    this.#deps.countFailure('overload');
    return new RequestError('PRODUCER_OVERLOADED', message);
  }

  #threadFailure(error: unknown, route: string | undefined): RequestError {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof LuaThreadEnded && error.reason === 'deadline') {
      const place = error.index === conversion ? 'Conversion from or to JSON' : `Function ${error.index + 1}`;
      return this.#failure({ reason: 'deadline', place, luaMessage: message, route });
    }
    const failure = this.#failure({ reason: 'lost', place: 'The thread', luaMessage: message, route });
    const isOurs = error instanceof LuaThreadEnded && error.reason === 'start';
    return isOurs ? new RequestError('INTERNAL', 'The thread for Lua did not start.') : failure;
  }

  /** Lua's own words go to the log, never to the client: they may quote the function and the message. */
  #failure({ reason, place, luaMessage, route }: Failure): RequestError {
    this.#deps.countFailure(reason);
    this.#log('lua_failed', `${place} of message_by_lua_functions failed`, {
      route,
      reason,
      error: luaMessage,
    });
    const why = reason === 'deadline' ? luaMessage : 'failed';
    return new RequestError('LUA_ERROR', `${place} of message_by_lua_functions ${why}.`);
  }
}

interface Failure {
  readonly reason: LuaFailureReason;
  /** The failure, as the client is told of it. */
  readonly place: string;
  readonly luaMessage: string;
  readonly route: string | undefined;
}

function placeOf({ index }: LuaFailed, { functions }: WorkerChain): string {
  return index < functions.length ? `Function ${index + 1}` : 'The result';
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function shuttingDown(): RequestError {
  return new RequestError('SHUTTING_DOWN', 'The node is shutting down.');
}
