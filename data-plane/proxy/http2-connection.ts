import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { FrameBudget, type CostlyFrame } from './frame-budget.ts';
import { Http2Exchange, type StreamConnection } from './http2-exchange.ts';
import { parseHead } from './http2-request.ts';
import { refusalOf } from './http1-refusal.ts';
import type { ListenerContext } from './listener-context.ts';
import { unmapped } from './trusted-addresses.ts';

/** What the sweep remembers of an open exchange. */
interface Progress {
  unsent: number;
  sinceMs: number;
}

const streamIdMax = 2 ** 31 - 1;

/** One HTTP/2 connection: its streams become exchanges, within the bounds of the listener. */
export class Http2Connection implements StreamConnection {
  readonly sni: string | undefined;
  readonly peerAddress: string;
  readonly #session: ServerHttp2Session;
  readonly #context: ListenerContext;
  readonly #budget = new FrameBudget();
  /** Exchanges whose stream is open. */
  readonly #open = new Map<Http2Exchange, Progress>();
  /** Requests that are not answered: a stream that its client reset counts until its record has a verdict. */
  #unanswered = 0;
  #idleSinceMs = performance.now();
  /** When the last PING was sent; the first is due once a connection has been open for idle_timeout. */
  #probedAtMs = performance.now();
  /** Its answer is awaited. */
  #isProbing = false;

  constructor(session: ServerHttp2Session, sni: string | undefined, context: ListenerContext) {
    this.#session = session;
    this.sni = sni;
    this.#context = context;
    this.peerAddress = unmapped(session.socket.remoteAddress ?? '');
    // The types leave out the last argument, the flat list of the fields.
    session.on('stream', (stream: ServerHttp2Stream, _headers: unknown, _flags: unknown, ...rest: string[][]) =>
      this.#take(stream, rest[0] ?? []),
    );
    session.on('remoteSettings', () => this.#spend('settings'));
    session.on('ping', () => this.#spend('pings'));
    session.on('priority', () => this.#spend('priorities'));
    // The session is closed by then; a client that breaks the protocol is told by its GOAWAY.
    session.on('error', () => undefined);
  }

  answered(isFinished: boolean): void {
    this.#unanswered -= 1;
    if (isFinished) this.#budget.requestFinished();
    if (this.#unanswered === 0) this.#idleSinceMs = performance.now();
  }

  /** Tells the client to begin no stream, and serves those that it begins before it knows (RFC 9113, 6.8). */
  drain(): void {
    if (!this.#session.destroyed) this.#session.goaway(constants.NGHTTP2_NO_ERROR, streamIdMax);
  }

  /** Takes no further stream; ends once the open ones are finished. */
  end(): void {
    this.#session.close();
  }

  /** Looks at the time-outs. */
  check(nowMs: number): void {
    const { limits, onLimit, isDraining } = this.#context;
    for (const [exchange, progress] of this.#open) {
      const { unfinishedSinceMs, restingSinceMs } = exchange;
      if (unfinishedSinceMs !== undefined && nowMs - unfinishedSinceMs > limits.bodyTimeoutMs) {
        onLimit('body_timeout');
        exchange.timeOut();
      } else if (isDraining && restingSinceMs !== undefined && nowMs - restingSinceMs > limits.drainIdleMs) {
        // As an idle connection: its client is not in the middle of something.
        exchange.endMessages();
      } else if (this.#isStalled(exchange, progress, nowMs)) {
        onLimit('send_timeout');
        this.#session.destroy();
        return;
      }
    }
    if (this.#open.size > 0 || this.#unanswered > 0) {
      this.#probe(nowMs);
      return;
    }
    if (nowMs - this.#idleSinceMs < limits.idleTimeoutMs) return;
    onLimit('idle_timeout');
    this.#session.close();
  }

  /** A gRPC call may rest for hours: every idle_timeout a PING finds out whether its client is still there. */
  #probe(nowMs: number): void {
    const { limits, onLimit } = this.#context;
    if (nowMs - this.#probedAtMs < limits.idleTimeoutMs || this.#session.destroyed) return;
    if (this.#isProbing) {
      onLimit('idle_timeout');
      this.#session.destroy();
      return;
    }
    this.#probedAtMs = nowMs;
    // False where the session cannot send it; the next look tries again.
    this.#isProbing = this.#session.ping((error) => {
      if (error === null) this.#isProbing = false;
    });
  }

  #isStalled(exchange: Http2Exchange, progress: Progress, nowMs: number): boolean {
    const { unsent } = exchange;
    if (unsent !== progress.unsent) {
      progress.unsent = unsent;
      progress.sinceMs = nowMs;
    }
    return unsent > 0 && nowMs - progress.sinceMs > this.#context.limits.sendTimeoutMs;
  }

  #take(stream: ServerHttp2Stream, rawHeaders: readonly string[]): void {
    const { limits, onLimit, handle } = this.#context;
    // A broken stream says so by its 'close' event.
    stream.on('error', () => undefined);
    if (this.#unanswered >= limits.http2StreamsMax) {
      onLimit('http2_streams_max');
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
      return;
    }
    const parsed = parseHead(rawHeaders, limits);
    if (parsed.kind === 'refused') {
      if (parsed.limit !== undefined) onLimit(parsed.limit);
      this.#refuse(stream, parsed.status);
      return;
    }
    const exchange = new Http2Exchange(stream, parsed.head, this, this.#context);
    this.#unanswered += 1;
    this.#open.set(exchange, { unsent: 0, sinceMs: exchange.receivedAtMs });
    stream.once('close', () => {
      this.#open.delete(exchange);
      if (this.#open.size === 0) this.#idleSinceMs = performance.now();
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) this.#spend('resets');
    });
    handle(exchange);
  }

  #refuse(stream: ServerHttp2Stream, status: number): void {
    const { headers, body } = refusalOf(status);
    const fields: Record<string, string | number> = { ':status': status };
    for (let index = 0; index + 1 < headers.length; index += 2) {
      const name = (headers[index] ?? '').toLowerCase();
      if (name !== 'connection') fields[name] = headers[index + 1] ?? '';
    }
    this.#context.onRefused(status);
    stream.respond(fields);
    stream.end(body);
    stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR));
  }

  /** Counts a frame that does no work, and ends the connection over the budget. */
  #spend(frame: CostlyFrame): void {
    const limit = this.#budget.spend(frame);
    if (limit === undefined || this.#session.destroyed) return;
    this.#context.onLimit(limit);
    this.#session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    this.#session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}
