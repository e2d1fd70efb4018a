import { type Duplex, Readable } from 'node:stream';
import { errors, type Dispatcher } from 'undici';
import type { Cancellation } from './cancellation.ts';

/** One try to get an answer from one endpoint. */
export interface HttpAttempt {
  readonly dispatcher: Dispatcher;
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  /** Flat list: name, value, name, value. */
  readonly headers: string[];
  readonly body: Readable | Buffer | null;
  /** The protocols to ask for (header Upgrade); undefined: an ordinary request. */
  readonly upgrade?: string | undefined;
  /** Bounds the time for which the endpoint takes nothing of the body. */
  readonly writeTimeoutMs: number;
  /** Aborts the attempt, or the answer's body while it streams. */
  readonly cancellation: Cancellation;
  /** Hears of a 1xx answer, such as 103 Early Hints. */
  readonly onInformation?: (status: number, headers: readonly string[]) => void;
}

export interface UpstreamAnswer {
  readonly status: number;
  /** As received, a flat list. */
  readonly headers: readonly string[];
  /** A buffer where the whole body came with the head. */
  readonly body: Buffer | Readable;
  /** Returns the trailers, as received; complete once the body has ended. */
  trailers(): readonly string[];
}

/** `deadline`: that of the client, for which the endpoint is not to blame. */
export type FailureReason = 'refused' | 'connect timeout' | 'timeout' | 'broken' | 'aborted' | 'deadline';

export interface AttemptFailure {
  readonly reason: FailureReason;
  /** The endpoint may have seen the request. */
  readonly mayHaveReached: boolean;
  readonly error: string;
}

export type AttemptResult =
  | { readonly kind: 'answered'; readonly answer: UpstreamAnswer }
  /** The endpoint switched protocols: the connection is the caller's. */
  | { readonly kind: 'switched'; readonly headers: readonly string[]; readonly socket: Duplex }
  | { readonly kind: 'failed'; readonly failure: AttemptFailure };

/** Sends a request to an endpoint. Resolves with the head of its answer, or with why there is none. Never rejects. */
export function attemptHttp(attempt: HttpAttempt): Promise<AttemptResult> {
  return new Promise((resolve) => {
    const handler = new AnswerHandler(attempt, resolve);
    const { dispatcher, method, path, headers, body, upgrade = null, writeTimeoutMs } = attempt;
    if (body instanceof Readable) watchWrites(body, writeTimeoutMs, () => handler.abort(new WriteTimeoutError()));
    try {
      dispatcher.dispatch({ method, path, headers, body, upgrade }, handler);
    } catch (error) {
      handler.onResponseError(undefined, error instanceof Error ? error : new Error(String(error)));
    }
  });
}

const noBytes = Buffer.alloc(0);

class AnswerHandler implements Dispatcher.DispatchHandler {
  readonly #attempt: HttpAttempt;
  readonly #resolve: (result: AttemptResult) => void;
  #wasSent = false;
  #controller: Dispatcher.DispatchController | undefined = undefined;
  #head: { readonly status: number; readonly headers: readonly string[] } | undefined = undefined;
  /** The bytes of the body that came before the head was handed on. */
  #early: Buffer[] = [];
  #body: AnswerBody | undefined = undefined;
  #isAnswered = false;
  #isComplete = false;
  #trailers: readonly string[] = [];

  constructor(attempt: HttpAttempt, resolve: (result: AttemptResult) => void) {
    this.#attempt = attempt;
    this.#resolve = resolve;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    const { cancellation } = this.#attempt;
    if (cancellation.isCancelled) return controller.abort(new AbortedError());
    // undici starts a request when a connection is there for it: from here on bytes may leave.
    this.#wasSent = true;
    cancellation.listen(this.#abort);
  }

  onRequestUpgrade(controller: Dispatcher.DispatchController, _status: number, _parsed: unknown, socket: Duplex): void {
    this.#attempt.cancellation.listen(undefined);
    // undici has taken its listeners away.
    socket.on('error', () => socket.destroy());
    this.#isAnswered = true;
    this.#resolve({ kind: 'switched', headers: textsOf(controller.rawHeaders), socket });
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    const headers = textsOf(controller.rawHeaders);
    if (status < 200) return this.#attempt.onInformation?.(status, headers);
    this.#head = { status, headers };
    // Whatever length their head names: undici takes that of a 304 for a body that is missing.
    if (status === 204 || status === 304 || this.#attempt.method === 'HEAD') this.#isComplete = true;
    // A short body comes with the head, in the same turn: the answer is then written at once, with its length.
    queueMicrotask(() => this.#answer());
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#body === undefined) this.#early.push(chunk);
    else if (!this.#body.push(chunk)) controller.pause();
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    this.#attempt.cancellation.listen(undefined);
    this.#trailers = textsOf(controller.rawTrailers);
    this.#isComplete = true;
    this.#body?.push(null);
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#attempt.cancellation.listen(undefined);
    if (this.#body !== undefined) {
      // The client must not take what came for the whole.
      this.#body.destroy(error);
      return;
    }
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#resolve({ kind: 'failed', failure: failureOf(error, this.#wasSent) });
  }

  abort(reason: Error): void {
    this.#controller?.abort(reason);
  }

  readonly #abort = (): void => this.abort(new AbortedError());

  #answer(): void {
    if (this.#isAnswered || this.#head === undefined) return;
    this.#isAnswered = true;
    const { status, headers } = this.#head;
    const trailers = () => this.#trailers;
    // Trailers need a body in chunks.
    const hasTrailers = announcesTrailers(headers) || this.#trailers.length > 0;
    const body = this.#isComplete && !hasTrailers ? joined(this.#early) : this.#stream();
    this.#resolve({ kind: 'answered', answer: { status, headers, body, trailers } });
  }

  #stream(): AnswerBody {
    const body = new AnswerBody(
      () => this.#controller?.resume(),
      () => this.#controller?.abort(new AbortedError()),
    );
    for (const chunk of this.#early) body.push(chunk);
    this.#early = [];
    if (this.#isComplete) body.push(null);
    this.#body = body;
    return body;
  }
}

/** The body of an answer while it arrives. Whoever stops reading it ends the upstream request. */
class AnswerBody extends Readable {
  readonly #resume: () => void;
  readonly #abort: () => void;

  constructor(resume: () => void, abort: () => void) {
    super();
    this.#resume = resume;
    this.#abort = abort;
  }

  override _read(): void {
    this.#resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.readableEnded) this.#abort();
    done(error);
  }
}

class AbortedError extends Error {
  constructor() {
    super('aborted');
    this.name = 'AbortedError';
  }
}

class WriteTimeoutError extends Error {
  constructor() {
    super('the endpoint takes nothing of the body');
    this.name = 'WriteTimeoutError';
  }
}

/** Calls back when a body stays paused for the time: undici pauses it while the connection takes nothing. */
function watchWrites(body: Readable, timeoutMs: number, onTimeout: () => void): void {
  let timer: NodeJS.Timeout | undefined;
  const stop = () => clearTimeout(timer);
  body.on('pause', () => {
    stop();
    timer = setTimeout(onTimeout, timeoutMs);
  });
  body.on('resume', stop).once('close', stop);
}

function failureOf(error: Error, wasSent: boolean): AttemptFailure {
  const text = error.message === '' ? error.name : error.message;
  if (error instanceof AbortedError) return { reason: 'aborted', mayHaveReached: wasSent, error: text };
  if (error instanceof errors.ConnectTimeoutError)
    return { reason: 'connect timeout', mayHaveReached: false, error: text };
  if (error instanceof WriteTimeoutError) return { reason: 'timeout', mayHaveReached: true, error: text };
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) {
    return { reason: 'timeout', mayHaveReached: true, error: text };
  }
  return { reason: wasSent ? 'broken' : 'refused', mayHaveReached: wasSent, error: text };
}

function joined(chunks: readonly Buffer[]): Buffer {
  const [first = noBytes, ...rest] = chunks;
  return rest.length === 0 ? first : Buffer.concat(chunks);
}

function announcesTrailers(headers: readonly string[]): boolean {
  return headers.some((name, index) => index % 2 === 0 && name.toLowerCase() === 'trailer');
}

/** Returns raw headers as texts: one character a byte, as node:http gives and takes them. */
function textsOf(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')));
}
