import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { conversion, type LuaReply, type LuaRequest, type LuaThreadData } from './lua-protocol.ts';

export interface LuaThreadOptions {
  readonly memoryMaxBytes: number;
  /** Bound of starting the thread and its WebAssembly. */
  readonly startTimeoutMs: number;
}

/** `start`: the thread did not start; `deadline`: a call or a conversion ran too long; `lost`: anything else. */
type EndReason = 'start' | 'deadline' | 'lost';

/** Says why a thread has ended. */
export class LuaThreadEnded extends Error {
  readonly reason: EndReason;
  /** With the reason `deadline`: the function that was called, from 0, or `conversion`. */
  readonly index: number;
  /** The position of the message that was worked on. */
  readonly position: number;

  constructor(reason: EndReason, message: string, index: number = conversion, position = 0) {
    super(message);
    this.name = 'LuaThreadEnded';
    this.reason = reason;
    this.index = index;
    this.position = position;
  }
}

/** The time that one call of a Lua function, and one conversion from or to JSON, may take. */
export interface LuaDeadlines {
  readonly callTimeoutMs: number;
  readonly convertTimeoutMs: number;
}

/** Work between calls and conversions is short: a thread that has not replied after this time counts as lost. */
const requestTimeoutMs = 30_000;
/** Interval of looking whether a call has begun. */
const lookEveryMs = 10;
/** V8's heap in a thread, which holds messages on their way in and out; Lua's own memory is beside it. */
const heapMaxMb = 256;

/** A thread that runs Lua, one request at a time, so that nothing that Lua does delays the node's event loop. */
export class LuaThread {
  readonly #worker: Worker;
  readonly #clock: BigInt64Array;
  #ended: LuaThreadEnded | undefined;
  #onReply: ((reply: LuaReply) => void) | undefined;
  #onEnd: ((error: LuaThreadEnded) => void) | undefined;

  /** Resolves when the thread has started; rejects with LuaThreadEnded when it does not start in time. */
  readonly ready: Promise<void>;

  constructor({ memoryMaxBytes, startTimeoutMs }: LuaThreadOptions) {
    keepCompilingInTheThread();
    const clock = new SharedArrayBuffer(24);
    const data: LuaThreadData = { memoryMaxBytes, clock };
    this.#clock = new BigInt64Array(clock);
    this.#worker = new Worker(new URL('./lua-thread-main.js', import.meta.url), {
      workerData: data,
      // Foreign code runs here: it must find nothing of the node's environment.
      env: {},
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: heapMaxMb },
    });
    // Only WebAssembly's abort messages arrive here; the reason why a thread ended comes with its error event.
    this.#worker.stdout.resume();
    this.#worker.stderr.resume();
    this.#worker.on('message', (reply: LuaReply) => this.#onReply?.(reply));
    this.#worker.on('error', (error) => this.#end('lost', error.message));
    this.#worker.on('exit', () => this.#end('lost', 'the thread ended'));
    const timer = setTimeout(() => this.#end('start', `did not start within ${startTimeoutMs} ms`), startTimeoutMs);
    this.ready = this.#reply()
      .then(() => undefined)
      .finally(() => clearTimeout(timer));
  }

  get isEnded(): boolean {
    return this.#ended !== undefined;
  }

  /**
   * Resolves to the reply. A call or a conversion that exceeds its deadline ends the thread.
   * @throws LuaThreadEnded
   */
  async request(request: LuaRequest, deadlines: LuaDeadlines): Promise<LuaReply> {
    const watch = this.#watch(deadlines);
    try {
      const reply = this.#reply();
      this.#worker.postMessage(request);
      return await reply;
    } finally {
      watch.abort();
    }
  }

  /** Sends a request that has no reply. */
  send(request: LuaRequest): void {
    this.#worker.postMessage(request);
  }

  /** Ends the thread at once and resolves when it is gone. */
  async end(): Promise<void> {
    this.#end('lost', 'the thread was ended');
    await this.#worker.terminate();
  }

  #reply(): Promise<LuaReply> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise<LuaReply>((resolve, reject) => {
      this.#onReply = resolve;
      this.#onEnd = reject;
    });
  }

  /**
   * Reads the call's age from the shared clock, which the thread itself sets: neither a busy event loop nor the time until
   * the thread takes the message counts against a call.
   */
  #watch({ callTimeoutMs, convertTimeoutMs }: LuaDeadlines): { abort(): void } {
    const untilMs = performance.now() + requestTimeoutMs;
    const look = (): void => {
      const startedNs = Atomics.load(this.#clock, 0);
      const index = Number(Atomics.load(this.#clock, 1));
      const limitMs = index === conversion ? convertTimeoutMs : callTimeoutMs;
      const ageMs = startedNs === 0n ? 0 : Number(process.hrtime.bigint() - startedNs) / 1e6;
      if (ageMs >= limitMs) this.#end('deadline', `took longer than ${limitMs} ms`, index);
      else if (performance.now() > untilMs) this.#end('lost', `no answer within ${requestTimeoutMs} ms`);
      else timer = setTimeout(look, startedNs === 0n ? lookEveryMs : limitMs - ageMs);
    };
    let timer = setTimeout(look, Math.min(callTimeoutMs, convertTimeoutMs));
    return { abort: () => clearTimeout(timer) };
  }

  #end(reason: EndReason, message: string, index?: number): void {
    if (this.#ended !== undefined) return;
    this.#ended = new LuaThreadEnded(reason, message, index, Number(Atomics.load(this.#clock, 2)));
    this.#onEnd?.(this.#ended);
    void this.#worker.terminate();
  }
}

/**
 * V8 compiles hot functions on threads of the platform. In Node 20 such work for a worker that is being terminated can
 * find its isolate gone and abort the whole process. Isolates created after this call compile on their own thread; the
 * existing ones, the main one above all, keep compiling concurrently.
 */
function keepCompilingInTheThread(): void {
  setFlagsFromString('--no-concurrent-recompilation');
}
