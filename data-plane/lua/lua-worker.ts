import { performance } from 'node:perf_hooks';
import { RequestError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { pacedLog } from '../../shared/paced-log.ts';
import { conversion, type LuaFailed, type LuaFunctionFault, type LuaReply, type LuaRequest } from './lua-protocol.ts';
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

/** A message for a chain. */
export interface LuaMessage {
  /** JSON text. */
  readonly message: string;
  readonly deadlineMs: number;
  /** Named in the log when the functions fail. */
  readonly route: string | undefined;
}

interface Job {
  readonly chain: WorkerChain;
  readonly message: string;
  readonly route: string | undefined;
  readonly resolve: (result: string | Buffer) => void;
  readonly reject: (error: RequestError) => void;
  /** Takes the job out of the queue at its deadline. */
  readonly timer: NodeJS.Timeout;
}

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
  run(chain: WorkerChain, { message, deadlineMs, route }: LuaMessage): Promise<string | Buffer> {
    if (this.#isClosed) return Promise.reject(shuttingDown());
    const { queueMessagesMax, queueLengthMax } = this.#deps.limits;
    if (this.#queue.size >= queueMessagesMax || this.#queueLength + message.length > queueLengthMax) {
      return Promise.reject(this.#overloaded('Too many requests wait for Lua.'));
    }
    return new Promise((resolve, reject) => {
      const overdue = (): void => {
        this.#take(job);
        reject(this.#overloaded("The request's deadline passed while it waited for Lua."));
      };
      const timer = setTimeout(overdue, Math.max(0, deadlineMs - performance.now()));
      const job: Job = { chain, message, route, resolve, reject, timer };
      this.#queue.add(job);
      this.#queueLength += message.length;
      this.#wake();
    });
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
      const [job] = this.#queue;
      if (job === undefined) return;
      this.#take(job);
      await this.#runJob(job);
    }
  }

  #take(job: Job): void {
    clearTimeout(job.timer);
    if (this.#queue.delete(job)) this.#queueLength -= job.message.length;
  }

  async #runJob({ chain, message, route, resolve, reject }: Job): Promise<void> {
    try {
      if (!this.#compiled.has(chain.id) || this.#thread?.isEnded !== false) await this.#compile(chain);
      const reply = await this.#request({ kind: 'run', chain: chain.id, message }, this.#deps.limits);
      if (reply.kind === 'done') {
        const { result } = reply;
        resolve(typeof result === 'string' ? result : Buffer.from(result.buffer, result.byteOffset, result.byteLength));
        return;
      }
      if (reply.kind !== 'failed') throw new Error(`unexpected reply ${reply.kind}`);
      if (reply.outOfMemory) await this.#replaceThread();
      const reason = reply.outOfMemory ? 'memory' : 'error';
      reject(this.#failure({ reason, place: placeOf(reply, chain), luaMessage: reply.message, route }));
    } catch (error) {
      reject(this.#isClosed ? shuttingDown() : this.#threadFailure(error, route));
    }
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

function shuttingDown(): RequestError {
  return new RequestError('SHUTTING_DOWN', 'The node is shutting down.');
}
