import { performance } from 'node:perf_hooks';
import type { Readable } from 'node:stream';
import { RequestError } from '../../../shared/errors.ts';
import type { Answer, OpenExchange, PublishMessage } from '../../plugin-api/exchange.ts';
import { errorAnswer } from '../../plugin-api/standard-answers.ts';
import type { RequestBodies } from '../request-bodies.ts';
import { CallVerdicts } from './call-verdicts.ts';
import { acceptedEncodings } from './grpc-answer.ts';
import { type GrpcMessage, MessageReader } from './grpc-messages.ts';
import { MessageExchange } from './message-exchange.ts';

export interface GrpcCallOptions {
  /** The call, with what the spine and its plugins made of it. */
  readonly call: OpenExchange;
  readonly body: Readable | Buffer | null;
  /** Answers one message. Never rejects. */
  readonly publish: PublishMessage;
  /** Bound of one message. */
  readonly messageBytesMax: number;
  readonly bodies: RequestBodies;
  /** Called when the node has no memory left for unfinished messages. */
  readonly onFull: () => void;
}

/** Messages and bytes of a call that may wait for verdicts; beyond that no more of it is read. */
const waitingMessagesMax = 1_000;
const waitingBytesMax = 8 * 1024 * 1024;
const encodings: ReadonlySet<string> = new Set(acceptedEncodings.split(','));
/** The longest time that a timer takes. */
const timerMsMax = 2 ** 31 - 1;

/**
 * Publishes the messages of a gRPC call. A node cannot tell unary calls from streaming ones: each message is published,
 * in order, as soon as it is complete, and the call is answered after the client's end. At the first message that is not
 * acked, or accepted, the call ends with that message's answer, after the verdicts of those already published.
 */
export class GrpcCall {
  readonly #options: GrpcCallOptions;
  readonly #reader: MessageReader;
  readonly #verdicts = new CallVerdicts();
  #waiting = 0;
  #waitingBytes = 0;
  #received = 0;
  #isReading = true;
  /** When the last verdict came. */
  #settledAtMs = 0;
  #timer: NodeJS.Timeout | undefined = undefined;
  #resolve: (answer: Answer) => void = () => undefined;

  constructor(options: GrpcCallOptions) {
    const { call, body, messageBytesMax, bodies, onFull } = options;
    const encoding = call.headers.get('grpc-encoding');
    if (encoding !== undefined && !encodings.has(encoding)) {
      throw new RequestError('ENCODING_UNSUPPORTED', 'The message encoding is none of identity, gzip and deflate.');
    }
    this.#options = options;
    this.#reader = new MessageReader({
      body,
      encoding,
      bytesMax: messageBytesMax,
      bodies,
      onFull,
      isBroken: () => call.clientGone,
      onMessage: (message) => this.#publish(message),
      onEnd: (failure) => this.#end(failure),
    });
  }

  /** Resolves with the answer of the call. Never rejects. */
  run(): Promise<Answer> {
    const { deadlineMs } = this.#options.call;
    const leftMs = deadlineMs === undefined ? Infinity : Math.max(0, deadlineMs - performance.now());
    if (leftMs < timerMsMax) this.#timer = setTimeout(() => this.#breakOff(overdue()), leftMs);
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#reader.start();
    });
  }

  /** Monotonic milliseconds since when the client owes the rest of a message, or the first one. */
  get unfinishedSinceMs(): number | undefined {
    return this.#reader.unfinishedSinceMs;
  }

  /** Monotonic milliseconds since when nothing is under way: no message and no verdict; undefined while something is. */
  get restingSinceMs(): number | undefined {
    const isBetween = this.#isReading && this.#waiting === 0 && this.#reader.unfinishedSinceMs === undefined;
    return isBetween ? this.#settledAtMs : undefined;
  }

  /** Takes no further message: the node is shutting down. */
  shutDown(): void {
    this.#breakOff(new RequestError('SHUTTING_DOWN', 'The node is shutting down.'));
  }

  /** Ends a call whose message takes too long. */
  timeOut(): void {
    this.#breakOff(new RequestError('BODY_INVALID', 'A message did not come in time (body_timeout).', { status: 408 }));
  }

  #publish(message: GrpcMessage): boolean {
    const number = this.#received++;
    const bytes = message.bytes.length;
    this.#waiting++;
    this.#waitingBytes += bytes;
    const settle = (answer: Answer): void => {
      const wasFull = this.#isFull();
      this.#waiting--;
      this.#settledAtMs = performance.now();
      this.#waitingBytes -= bytes;
      if (!this.#verdicts.note(number, answer)) this.#stopReading();
      this.#settle();
      if (wasFull && this.#isReading && !this.#isFull()) this.#reader.resume();
    };
    void this.#options.publish(new MessageExchange(this.#options.call, message, number)).then(settle);
    return !this.#isFull();
  }

  #isFull(): boolean {
    return this.#waiting >= waitingMessagesMax || this.#waitingBytes >= waitingBytesMax;
  }

  /** The client ended the call, or it cannot be read on. */
  #end(failure: RequestError | undefined): void {
    const isEmpty = failure === undefined && this.#received === 0;
    if (failure !== undefined) this.#breakOff(failure);
    else if (isEmpty) this.#breakOff(new RequestError('BODY_INVALID', 'The call has no message.'));
    else {
      this.#isReading = false;
      this.#settle();
    }
  }

  /** The call itself fails, behind all messages that were published. */
  #breakOff(error: RequestError): void {
    if (!this.#isReading) return;
    this.#verdicts.note(this.#received, errorAnswer(this.#options.call, error));
    this.#stopReading();
    this.#settle();
  }

  #stopReading(): void {
    this.#isReading = false;
    this.#reader.stop();
  }

  /** Answers once nothing is read any more and each message has its verdict. */
  #settle(): void {
    if (this.#isReading || this.#waiting > 0) return;
    clearTimeout(this.#timer);
    this.#resolve(this.#verdicts.answer(this.#received));
  }
}

function overdue(): RequestError {
  const message = 'The deadline of the call passed before its end.';
  return new RequestError('BODY_INVALID', message, { status: 408, outcome: 'not_sent', retryable: true });
}
