import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { TargetHealthChange } from '../../shared/target-health.ts';
import { withinTime } from '../../shared/within-time.ts';
import type { SharedKeys } from './shared-keys.ts';
import type { Answer, FromWorker, PortName, Question, ToWorker, WorkerFacts, WorkerMetric } from './messages.ts';

export interface WorkerHandleOptions {
  /** The module that it runs. */
  readonly entry: URL;
  /** Leases memory; resolves to the bytes. Never rejects. */
  readonly lease: (worker: WorkerHandle, bytes: number) => Promise<number>;
  readonly onGaveBack: (worker: WorkerHandle, bytes: number) => void;
  readonly keys: SharedKeys<WorkerHandle>;
  /** A connection did not reach it. */
  readonly onUnsent: (port: PortName, socket: Socket) => void;
  readonly onEnded: (worker: WorkerHandle, code: number | null, signal: string | null) => void;
}

/** How long a worker may take to give memory back that another one needs. */
const giveBackMs = 200;

/** A connection that a worker was given and has not taken yet. */
interface Given {
  readonly port: PortName;
  readonly socket: Socket;
  isSent: boolean;
}

/** A worker process, as its parent sees it. */
export class WorkerHandle {
  /** From 1; a replacement has that of the worker it replaces, a spare 0 until then. */
  number = 0;
  readonly #worker: ChildProcess;
  readonly #options: WorkerHandleOptions;
  readonly #questions = new Map<number, (answer: Answer | undefined) => void>();
  #lastId = 0;
  /** Sent once the worker listens; undefined from then on. */
  #early: ToWorker[] | undefined = [];
  facts: WorkerFacts | undefined = undefined;
  /** The metrics that it told last. */
  metrics: readonly WorkerMetric[] = [];
  /** It has a configuration and listens. */
  isServing = false;
  readonly ended: Promise<unknown>;
  #hasEnded = false;
  readonly #onTheWay = new Map<number, Given>();
  /** Connections that it was given. */
  #given = 0;

  constructor(options: WorkerHandleOptions) {
    this.#options = options;
    this.#worker = fork(options.entry, { serialization: 'advanced' });
    // A border: the worker is the same program.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    this.#worker.on('message', (message) => this.#take(message as FromWorker));
    this.#worker.on('error', () => undefined);
    this.ended = once(this.#worker, 'exit');
    this.#worker.once('exit', (code: number | null, signal: string | null) => {
      this.#hasEnded = true;
      this.isServing = false;
      for (const settle of this.#questions.values()) settle(undefined);
      this.#questions.clear();
      options.onEnded(this, code, signal);
      this.#endOnTheWay();
    });
  }

  get pid(): number | undefined {
    return this.#worker.pid;
  }

  /** Its connections, as far as it told, and those given since. */
  get load(): number {
    return (this.facts?.connections.active ?? 0) + this.#given - (this.facts?.connections.accepted ?? 0);
  }

  /**
   * Gives it a connection of a port, which this process keeps open until the worker says that it has it: Node.js itself
   * would forget one that is on its way to a worker that ends, and its client would wait for ever.
   */
  give(port: PortName, socket: Socket): void {
    this.#given += 1;
    const given: Given = { port, socket, isSent: false };
    const number = this.#given;
    this.#onTheWay.set(number, given);
    const message: ToWorker = { connection: port, given: number };
    this.#worker.send(message, socket, { keepOpen: true }, (error) => {
      if (error === null) given.isSent = true;
      else if (this.#onTheWay.delete(number)) this.#options.onUnsent(port, socket);
    });
  }

  /** Resolves to the answer; undefined when the worker ends or says nothing within the time. Never rejects. */
  async ask(question: Question, withinMs: number): Promise<Answer | undefined> {
    if (this.#hasEnded) return undefined;
    this.#lastId += 1;
    const id = this.#lastId;
    const answered = new Promise<Answer | undefined>((resolve) => this.#questions.set(id, resolve));
    this.#send({ id, question });
    const answer = await withinTime(answered, withinMs, () => undefined);
    this.#questions.delete(id);
    return answer;
  }

  /** Sets the health of a target. */
  setTargetHealth(change: TargetHealthChange): void {
    this.#send({ targetHealth: change });
  }

  async giveBack(): Promise<void> {
    await this.ask({ kind: 'give_back' }, giveBackMs);
  }

  kill(): void {
    this.#worker.kill('SIGKILL');
  }

  #take(message: FromWorker): void {
    if ('hello' in message) this.#flushEarly();
    else if ('took' in message) this.#took(message.took);
    else if ('answer' in message) this.#questions.get(message.id)?.(message.answer);
    else if ('facts' in message) this.facts = message.facts;
    else if ('wanted' in message) void this.#lease(message.wanted, message.bytes);
    else if ('gaveBack' in message) this.#options.onGaveBack(this, message.gaveBack);
    else if ('claims' in message) this.#claim(message.claims, message.key);
    else this.#options.keys.end(this, message.endsKey, message.kept);
  }

  async #lease(wanted: number, asked: number): Promise<void> {
    const bytes = await this.#options.lease(this, asked);
    if (!this.#hasEnded) this.#send({ granted: { wanted, bytes } });
    else if (bytes > 0) this.#options.onGaveBack(this, bytes);
  }

  #claim(claims: number, key: string): void {
    this.#send({ claimed: claims, claim: this.#options.keys.claim(this, key) });
  }

  #took(number: number): void {
    // The worker's copy of the descriptor goes on.
    this.#onTheWay.get(number)?.socket.destroy();
    this.#onTheWay.delete(number);
  }

  /** What the worker may have begun to read ends with it; what it never got goes to another one. */
  #endOnTheWay(): void {
    const left = [...this.#onTheWay.values()];
    this.#onTheWay.clear();
    for (const { port, socket, isSent } of left) {
      if (isSent) socket.destroy();
      else this.#options.onUnsent(port, socket);
    }
  }

  #flushEarly(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const message of early) this.#send(message);
  }

  #send(message: ToWorker): void {
    if (this.#early !== undefined) {
      this.#early.push(message);
      return;
    }
    // A channel that is closing says so by its end.
    if (this.#worker.connected) this.#worker.send(message, () => undefined);
  }
}
