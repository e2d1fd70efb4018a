import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { endGently } from '../../shared/end-gently.ts';
import type { ListenerContext } from './listener-context.ts';

/** A request that was parsed, with the response that node:http made for it. */
export interface ParsedRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly expects: 'nothing' | 'continue' | 'unknown';
}

/**
 * One HTTP/1.1 connection: which requests are under way, and whether more may follow. Its requests may be pipelined; their
 * answers go out in the order of the requests, whatever the order in which they are given.
 */
export class Http1Connection {
  readonly socket: Socket;
  /** The server name of the TLS handshake; undefined on a cleartext connection. */
  readonly sni: string | undefined;
  readonly #context: ListenerContext;
  readonly #begin: (parsed: ParsedRequest, connection: Http1Connection) => void;
  /** Requests begun so far. */
  requests = 0;
  /** Requests begun and not answered yet. */
  #unanswered = 0;
  /** Requests that wait until fewer are unanswered. */
  #waiting: ParsedRequest[] = [];
  /** How many of these have begun: the list is dropped as a whole. */
  #begun = 0;
  #isBeginning = false;
  #bytesBeforeDrain = 0;
  /** The response to the newest request, until it is written. */
  #newest: ServerResponse | undefined;
  /** The newest request's answer ends the connection, whatever it says. */
  #endsAfterNewest = false;
  /** Since when the body of the newest request makes no progress, or is awaited as a whole. */
  #bodySinceMs = 0;
  #bodyStreams = false;
  #bodyBytesRead = 0;
  /** An answer said `Connection: close`: nothing after it is processed (RFC 9112, 9.6). */
  #isEnding = false;

  constructor(
    socket: Socket,
    sni: string | undefined,
    context: ListenerContext,
    begin: (parsed: ParsedRequest, connection: Http1Connection) => void,
  ) {
    this.socket = socket;
    this.sni = sni;
    this.#context = context;
    this.#begin = begin;
    // node:http resumes the socket for each body that is read.
    socket.on('resume', this.#pauseAgain);
  }

  /** Whether the body of the newest request is still on its way. */
  get isReadingBody(): boolean {
    return this.#newest?.req.complete === false;
  }

  /** The body of a request, named by its number, goes on as it comes, however long that takes. */
  streamsBody(number: number): void {
    if (number === this.requests) this.#bodyStreams = true;
  }

  /**
   * Whether the client takes too long for the body of the newest request: for the whole of it where it is awaited whole, for
   * the next byte where it streams to somebody who takes it.
   */
  isBodyOverdue(nowMs: number): boolean {
    const request = this.#newest?.req;
    if (request === undefined || request.complete) return false;
    if (this.#bodyStreams) {
      const { bytesRead } = this.socket;
      const isAwaited = request.readableFlowing === true && request.readableLength === 0;
      if (!isAwaited || bytesRead !== this.#bodyBytesRead) this.#bodySinceMs = nowMs;
      this.#bodyBytesRead = bytesRead;
    }
    return nowMs - this.#bodySinceMs > this.#context.limits.bodyTimeoutMs;
  }

  /** Begins a request, or lets it wait behind too many unanswered ones. */
  take(parsed: ParsedRequest): void {
    if (this.#isEnding || this.#endsAfterNewest) {
      // The client can send it again elsewhere without harm.
      parsed.request.resume();
    } else if (this.#waiting.length > 0 || this.#unanswered >= this.#context.limits.pipelinedMax) {
      if (this.#waiting.push(parsed) === 1) this.#context.onLimit('pipelined_max');
      this.socket.pause();
    } else {
      this.#start(parsed);
    }
  }

  /** Whether the answer to a request, named by its number, ends the connection. Only the newest request's can. */
  endsWith(number: number, wantsEnd: boolean): boolean {
    if (number !== this.requests || this.#waiting.length > 0) return false;
    if (wantsEnd || this.#endsAfterNewest || this.#context.isDraining) this.#isEnding = true;
    return this.#isEnding;
  }

  /** Counts an answer; the next request that waits begins. */
  answered(): void {
    this.#unanswered -= 1;
    // An answer that is given at once comes back here: the loop below is then on the stack already.
    if (this.#waiting.length === 0 || this.#isBeginning) return;
    this.#isBeginning = true;
    while (this.#waiting.length > 0 && this.#unanswered < this.#context.limits.pipelinedMax) this.#startNext();
    this.#isBeginning = false;
  }

  /** Calls back once every request begun so far has its answer written; not when such an answer ends the connection. */
  whenAnswered(next: () => void): void {
    if (this.#isEnding || this.#endsAfterNewest) return;
    const last = this.#waiting.at(-1)?.response ?? this.#newest;
    if (last === undefined || last.writableFinished) next();
    else
      last.once('finish', () => {
        if (!this.#isEnding) next();
      });
  }

  /** Begins a request that is the last one of the connection, since node:http has let go of it. */
  startLast(response: ServerResponse): void {
    this.requests += 1;
    this.#unanswered += 1;
    this.#newest = response;
    this.#endsAfterNewest = true;
  }

  /** Removes what node:http left at the socket when it let go of it: it is about to be given it again. */
  forgetPauses(): void {
    this.socket.removeAllListeners('pause').removeAllListeners('resume');
    this.socket.on('resume', this.#pauseAgain);
  }

  /** Takes no request after this one. */
  end(): void {
    this.#isEnding = true;
  }

  /** The node begins to drain: bytes that come from here on may be the beginning of a request. */
  noteDrain(): void {
    this.#bytesBeforeDrain = this.socket.bytesRead;
  }

  /** Closes the connection where no request is under way, and none has begun to come. */
  endIdle(): void {
    const { bytesRead } = this.socket;
    const isBeginning = bytesRead !== this.#bytesBeforeDrain || (this.requests === 0 && bytesRead > 0);
    if (this.#unanswered === 0 && this.#written && !isBeginning) this.#end(undefined);
  }

  /** Ends the connection with these words once every request before has its answer. */
  endAfterAnswers(lastWords: string): 'now' | 'later' | 'cut' {
    const newest = this.#newest;
    if (newest === undefined || this.#written) {
      this.#end(lastWords);
      return 'now';
    }
    if (newest.req.complete) {
      // Rubbish behind a request that is still served: its answer says that it is the last one, where it still can.
      if (!newest.headersSent) {
        this.#endsAfterNewest = true;
        return 'later';
      }
      newest.once('finish', () => this.#end(newest.shouldKeepAlive ? lastWords : undefined));
      return newest.shouldKeepAlive ? 'now' : 'later';
    }
    // The newest request itself is at fault.
    if (newest.headersSent) return 'cut';
    if (newest.socket === null) newest.once('socket', () => this.#end(lastWords));
    else this.#end(lastWords);
    return 'now';
  }

  /** Lets go of a response that is written. */
  forgetWritten(): void {
    // A body that is skipped behind the answer still has its bound.
    if (this.#written && this.#newest?.req.complete === true) this.#newest = undefined;
  }

  readonly #pauseAgain = (): void => {
    if (this.#waiting.length > 0) this.socket.pause();
  };

  /** Whether every answer given so far is written. */
  get #written(): boolean {
    return this.#newest === undefined || this.#newest.writableFinished;
  }

  #start(parsed: ParsedRequest): void {
    this.requests += 1;
    this.#unanswered += 1;
    this.#newest = parsed.response;
    this.#bodySinceMs = performance.now();
    this.#bodyStreams = false;
    this.#begin(parsed, this);
  }

  #startNext(): void {
    const next = this.#waiting[this.#begun];
    this.#begun += 1;
    if (this.#begun === this.#waiting.length) {
      this.#waiting = [];
      this.#begun = 0;
      this.socket.resume();
    }
    if (next === undefined) return;
    if (this.#isEnding) next.request.resume();
    else this.#start(next);
  }

  #end(lastWords: string | undefined): void {
    this.#isEnding = true;
    endGently(this.socket, lastWords, this.#context.limits.lingerMs);
  }
}
