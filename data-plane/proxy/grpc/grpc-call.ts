import { performance } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import { RequestError } from '../../../shared/errors.ts';
import type { Answer, OpenExchange } from '../../plugin-api/exchange.ts';
import { errorAnswer } from '../../plugin-api/standard-answers.ts';
import { callTimeoutMs } from './call-deadline.ts';
import { acceptedEncodings, grpcAnswer } from './grpc-answer.ts';
import { type GrpcMessage, grpcMessages } from './grpc-messages.ts';
import { healthAnswer, healthCheckPath } from './health.ts';
import { MessageExchange } from './message-exchange.ts';

export interface GrpcCallOptions {
  /** The spine: answers one message. */
  readonly handle: (exchange: OpenExchange) => void;
  /** Bound of one message. */
  readonly messageBytesMax: number;
  /** Whether the node is ready, for health checks that no route takes. */
  readonly isServing: () => boolean;
}

/** Messages and bytes of a call that may wait for verdicts; beyond that no more of it is read. */
const waitingMessagesMax = 1_000;
const waitingBytesMax = 8 * 1024 * 1024;
const encodings: ReadonlySet<string> = new Set(acceptedEncodings.split(','));

/**
 * Answers a gRPC call. A node cannot tell unary calls from streaming ones: each message is handed to the spine, in order,
 * as soon as it is complete, and the call is answered after the client's end. At the first message that is not acked, or
 * accepted, it ends with that message's status, after the verdicts of those already handed over.
 */
export async function answerGrpcCall(call: OpenExchange, options: GrpcCallOptions): Promise<void> {
  const running = new GrpcCall(call, options);
  const timeoutMs = callTimeoutMs(call.headers.get('grpc-timeout'));
  let timer: NodeJS.Timeout | undefined;
  if (timeoutMs !== undefined) {
    timer = setTimeout(() => running.passDeadline(), Math.max(0, call.receivedAtMs + timeoutMs - performance.now()));
  }
  const answer = await running.run(timeoutMs === undefined ? undefined : call.receivedAtMs + timeoutMs);
  clearTimeout(timer);
  const isForNode = running.matchedNothing && call.path === healthCheckPath;
  call.respond(isForNode ? healthAnswer(options.isServing()) : answer);
}

class GrpcCall {
  readonly #call: OpenExchange;
  readonly #options: GrpcCallOptions;
  /** Answers by the number of their message, while they are awaited. */
  readonly #waiting = new Map<number, { readonly bytes: number; readonly done: Promise<void> }>();
  #waitingBytes = 0;
  #received = 0;
  /** Messages from the first on whose records are acked or accepted. */
  #acked = 0;
  readonly #succeeded = new Set<number>();
  #last: Answer | undefined = undefined;
  #hasRoute = true;
  /** The first message that failed, by number. */
  #failed: { readonly number: number; readonly answer: Answer } | undefined = undefined;
  #isOver: (() => void) | undefined = undefined;
  readonly #overdue = new Promise<void>((resolve) => {
    this.#isOver = resolve;
  });

  constructor(call: OpenExchange, options: GrpcCallOptions) {
    this.#call = call;
    this.#options = options;
  }

  /** Reads no more of the call: its deadline is over. Records that are not on the wire are given up by the same deadline. */
  passDeadline(): void {
    this.#isOver?.();
  }

  /** No route took the call. */
  get matchedNothing(): boolean {
    return !this.#hasRoute;
  }

  async run(deadlineMs: number | undefined): Promise<Answer> {
    const reading = this.#read(deadlineMs).catch((error: unknown) => this.#breakOff(error));
    const isDone = await Promise.race([reading.then(() => true), this.#overdue.then(() => false)]);
    if (!isDone)
      this.#breakOff(new RequestError('KAFKA_UNAVAILABLE', 'The deadline of the call passed.', { status: 504 }));
    // Their records have the same deadline at the latest.
    await this.#settled();
    return this.#answer();
  }

  async #read(deadlineMs: number | undefined): Promise<void> {
    const call = this.#call;
    const encoding = call.headers.get('grpc-encoding');
    if (encoding !== undefined && !encodings.has(encoding)) {
      throw new RequestError('ENCODING_UNSUPPORTED', 'The message encoding is none of identity, gzip and deflate.');
    }
    const body = call.openBody();
    const stream = body instanceof Readable ? body : Readable.from(body === null ? [] : [await body]);
    const bytesMax = this.#options.messageBytesMax;
    for await (const message of grpcMessages({ stream, encoding, bytesMax })) {
      this.#handOver(message, deadlineMs);
      while (this.#isFull() && this.#failed === undefined) await this.#oneSettled();
      if (this.#failed !== undefined) return;
    }
    if (this.#received === 0) throw new RequestError('BODY_INVALID', 'The call has no message.');
  }

  #handOver(message: GrpcMessage, deadlineMs: number | undefined): void {
    const number = this.#received++;
    const exchange = new MessageExchange(this.#call, message, deadlineMs);
    const bytes = message.bytes.length;
    this.#waitingBytes += bytes;
    const done = exchange.answered.then((answer) => {
      this.#waiting.delete(number);
      this.#waitingBytes -= bytes;
      if (exchange.route === undefined && answer.status === 404) this.#hasRoute = false;
      this.#note(number, answer);
    });
    this.#waiting.set(number, { bytes, done });
    this.#options.handle(exchange);
  }

  #note(number: number, answer: Answer): void {
    if (answer.status >= 300) {
      if (this.#failed === undefined || number < this.#failed.number) this.#failed = { number, answer };
      return;
    }
    this.#last = answer;
    this.#succeeded.add(number);
    while (this.#succeeded.delete(this.#acked)) this.#acked++;
  }

  #isFull(): boolean {
    return this.#waiting.size >= waitingMessagesMax || this.#waitingBytes >= waitingBytesMax;
  }

  async #oneSettled(): Promise<void> {
    await Promise.race([...this.#waiting.values()].slice(0, 1).map(({ done }) => done));
  }

  async #settled(): Promise<void> {
    await Promise.all([...this.#waiting.values()].map(({ done }) => done));
  }

  /** The call itself fails, behind all messages that were handed over. */
  #breakOff(error: unknown): void {
    if (!(error instanceof RequestError)) throw error;
    this.#failed ??= { number: this.#received, answer: errorAnswer(this.#call, error) };
  }

  #answer(): Answer {
    const { requestId } = this.#call;
    const failed = this.#failed;
    const isStream = this.#received > 1 || (failed?.number ?? 0) > 0;
    const shown = { requestId, ...(isStream && { acked: this.#acked }), hasRoute: this.#hasRoute };
    if (failed === undefined) return grpcAnswer(this.#last ?? missingAnswer(this.#call), shown);
    // What lies behind the first failure was handed over too: where any of it is written, the outcome is partial.
    return grpcAnswer(this.#succeeded.size > 0 ? partial(failed.answer) : failed.answer, shown);
  }
}

function partial(answer: Answer): Answer {
  return answer.result === undefined ? answer : { ...answer, result: { ...answer.result, outcome: 'partial' } };
}

function missingAnswer(call: OpenExchange): Answer {
  return errorAnswer(call, new RequestError('INTERNAL', 'An unexpected error occurred'));
}
