import { Worker } from 'node:worker_threads';
import { conversion, type LuaReply, type LuaRequest, type LuaThreadData } from './lua-protocol.ts';

export interface LuaThreadOptions {
  readonly memoryMaxBytes: number;
  /** Bound of starting the thread and its WebAssembly. */
  readonly startTimeoutMs: number;
}

/** `start`: it did not come up; `deadline`: a call or a conversion ran too long; `lost`: anything else. */
type EndReason = 'start' | 'deadline' | 'lost';

/** The thread is ended, and why. */
export class LuaThreadEnded extends Error {
  readonly reason: EndReason;
  /** Where the reason is `deadline`: the function whose call it was, from 0, or `conversion`. */
  readonly index: number;

  constructor(reason: EndReason, message: string, index: number = conversion) {
    super(message);
    this.name = 'LuaThreadEnded';
    this.reason = reason;
    this.index = index;
  }
}

/** How long calls of Lua and conversions of one message may take. */
export interface LuaDeadlines {
  readonly callTimeoutMs: number;
  readonly convertTimeoutMs: number;
}

/** What lies between calls and conversions is short; a request that takes this long is lost. */
const requestTimeoutMs = 30_000;
/** How often it is looked whether a call has begun. */
const lookEveryMs = 10;
/** Heap of a thread beside Lua's own memory: messages on their way in and out. */
const heapMaxMb = 256;

/** A thread that runs Lua, one request at a time; nothing that Lua does holds up the node. */
export class LuaThread {
  readonly #worker: Worker;
  readonly #clock: BigInt64Array;
  #ended: LuaThreadEnded | undefined;
  #onReply: ((reply: LuaReply) => void) | undefined;
  #onEnd: ((error: LuaThreadEnded) => void) | undefined;

  /** Resolves when the thread is up. @throws LuaThreadEnded (rejects) when it does not come up in time. */
  readonly ready: Promise<void>;

  constructor({ memoryMaxBytes, startTimeoutMs }: LuaThreadOptions) {
    const clock = new SharedArrayBuffer(16);
    const data: LuaThreadData = { memoryMaxBytes, clock };
    this.#clock = new BigInt64Array(clock);
    this.#worker = new Worker(new URL('./lua-thread-main.js', import.meta.url), {
      workerData: data,
      // Nothing of the node's environment is to be found where foreign code runs.
      env: {},
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: heapMaxMb },
    });
    // WebAssembly's own last words; why a thread ended comes with its error.
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
   * Resolves to the reply. A call or a conversion beyond its deadline ends the thread.
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

  /** A request without a reply. */
  send(request: LuaRequest): void {
    this.#worker.postMessage(request);
  }

  /** Ends the thread, whatever it is at, and resolves when it is gone. */
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
   * The call's age is read off the shared clock, not off a timer of ours: neither a busy event loop nor the time until
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
    this.#ended = new LuaThreadEnded(reason, message, index);
    this.#onEnd?.(this.#ended);
    void this.#worker.terminate();
  }
}
