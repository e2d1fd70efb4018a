import { constants, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2';
import { performance } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import type { Cancellation } from './cancellation.ts';
import { GrpcConnectError, type GrpcSlot } from './grpc-sessions.ts';
import type { AttemptFailure, AttemptResult } from './http-attempt.ts';
import type { ReplayBody } from './replay-body.ts';

/** One try to hand a gRPC call to one endpoint. */
export interface GrpcAttempt {
  /** Returns room for the call on a connection to the endpoint. @throws GrpcConnectError */
  readonly slot: (authority: string) => Promise<GrpcSlot>;
  readonly method: string;
  readonly path: string;
  readonly host: string;
  /** Flat list: name, value, name, value. */
  readonly headers: readonly string[];
  readonly body: ReplayBody;
  /** Bounds the time for which nothing passes either way. */
  readonly idleMs: number;
  /** The client's deadline, monotonic milliseconds. */
  readonly deadlineMs: number | undefined;
  /** Cancels the call. */
  readonly cancellation: Cancellation;
}

/** Statuses of gRPC that this node answers behind messages that the endpoint sent already. */
const deadlineExceeded = '4';
const unavailable = '14';
/** The longest timer of Node.js. */
const timerMsMax = 2 ** 31 - 1;

/**
 * Hands a call to an endpoint as a stream of HTTP/2: messages are not looked at, so that compression and size are the
 * business of both ends. Resolves with the head of the answer, or with why there is none. Never rejects.
 */
export async function attemptGrpc(attempt: GrpcAttempt): Promise<AttemptResult> {
  const first = await attemptOnce(attempt);
  // A server that closes its connection refuses the calls that were on their way: they go over another one, as gRPC's
  // clients do it.
  return wasRefused(first) ? attemptOnce(attempt) : first;
}

async function attemptOnce(attempt: GrpcAttempt): Promise<AttemptResult> {
  let slot: GrpcSlot;
  try {
    slot = await attempt.slot(attempt.host);
  } catch (error) {
    return { kind: 'failed', failure: connectFailure(error) };
  }
  if (attempt.cancellation.isCancelled) {
    slot.release();
    return failed('aborted', false, 'aborted');
  }
  try {
    return await new Call(attempt, slot).answered;
  } catch (error) {
    // The session closed in this very turn: the call never began.
    return failed('broken', false, error instanceof Error ? error.message : String(error));
  }
}

function wasRefused(result: AttemptResult): boolean {
  return result.kind === 'failed' && result.failure.reason === 'broken' && !result.failure.mayHaveReached;
}

class Call {
  readonly answered: Promise<AttemptResult>;
  readonly #attempt: GrpcAttempt;
  readonly #stream: ClientHttp2Stream;
  readonly #stopSending: () => void;
  readonly #deadline: NodeJS.Timeout | undefined;
  #resolve: (result: AttemptResult) => void = () => undefined;
  #body: CallBody | undefined = undefined;
  #trailers: readonly string[] = [];
  #timedOut: 'idle' | 'deadline' | undefined = undefined;

  constructor(attempt: GrpcAttempt, slot: GrpcSlot) {
    this.#attempt = attempt;
    const { body, idleMs, deadlineMs, cancellation } = attempt;
    this.answered = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const stream = slot.request(fieldsOf(attempt), { endStream: body.isEmpty });
    this.#stream = stream;
    stream.on('error', () => undefined);
    // The types leave out the last argument, the flat list of the fields.
    stream.once('response', (_fields: unknown, flags: number, ...rest: string[][]) =>
      this.#begin(flags, rest[0] ?? []),
    );
    stream.once('trailers', (_fields: unknown, _flags: unknown, ...rest: string[][]) => {
      this.#trailers = withoutPseudo(rest[0] ?? []);
    });
    stream.once('end', () => this.#end());
    stream.once('close', () => this.#close());
    stream.setTimeout(Math.min(idleMs, timerMsMax), () => this.#timeOut('idle'));
    cancellation.listen(this.#cancel);
    if (deadlineMs !== undefined) {
      const leftMs = Math.max(0, deadlineMs - performance.now());
      this.#deadline = setTimeout(() => this.#timeOut('deadline'), Math.min(leftMs, timerMsMax));
    }
    this.#stopSending = body.isEmpty ? () => undefined : body.sendTo(stream);
  }

  #begin(flags: number, fields: readonly string[]): void {
    const { body } = this.#attempt;
    body.settle();
    const status = Number(valueOf(fields, ':status'));
    const headers = withoutPseudo(fields);
    const isWhole = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    if (isWhole) {
      this.#stream.resume();
      this.#resolve({ kind: 'answered', answer: { status, headers, body: Buffer.alloc(0), trailers: () => [] } });
      return;
    }
    const trailers = (): readonly string[] => this.#trailers;
    this.#body = new CallBody(this.#stream);
    this.#resolve({ kind: 'answered', answer: { status, headers, body: this.#body, trailers } });
  }

  /** The answer is whole. What the client still sends is of no use (RFC 9113, 8.1). */
  #end(): void {
    this.#stopSending();
    if (this.#body !== undefined && this.#trailers.length > 0) this.#body.finish();
    if (!this.#stream.writableEnded) this.#stream.close(constants.NGHTTP2_NO_ERROR);
  }

  #close(): void {
    const { cancellation, body } = this.#attempt;
    cancellation.listen(undefined);
    clearTimeout(this.#deadline);
    this.#stopSending();
    const { rstCode } = this.#stream;
    if (this.#body !== undefined) {
      if (this.#trailers.length === 0) this.#trailers = brokenTrailers(this.#timedOut, rstCode);
      this.#body.finish();
      return;
    }
    // RFC 9113, 8.7: a refused stream was not processed.
    const wasTaken = rstCode !== constants.NGHTTP2_REFUSED_STREAM || !body.canRestart;
    if (cancellation.isCancelled) this.#resolve(failed('aborted', wasTaken, 'aborted'));
    else if (this.#timedOut === 'deadline') this.#resolve(failed('deadline', true, 'the deadline of the call passed'));
    else if (this.#timedOut === 'idle') this.#resolve(failed('timeout', true, 'nothing came for read_timeout'));
    else this.#resolve(failed('broken', wasTaken, `the stream was reset (${nameOfCode(rstCode)})`));
  }

  readonly #cancel = (): void => this.#stream.close(constants.NGHTTP2_CANCEL);

  #timeOut(by: 'idle' | 'deadline'): void {
    this.#timedOut ??= by;
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }
}

/** The messages of an answer as they come. It always ends: how the call ended stands in the trailers. */
class CallBody extends Readable {
  readonly #stream: ClientHttp2Stream;
  #isFinished = false;

  constructor(stream: ClientHttp2Stream) {
    super();
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) stream.pause();
    });
  }

  /** No more comes. */
  finish(): void {
    if (this.#isFinished || this.destroyed) return;
    this.#isFinished = true;
    this.push(null);
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#isFinished) this.#stream.close(constants.NGHTTP2_CANCEL);
    done(error);
  }
}

function connectFailure(error: unknown): AttemptFailure {
  const text = error instanceof Error ? error.message : String(error);
  const isTimeout = error instanceof GrpcConnectError && error.isTimeout;
  return { reason: isTimeout ? 'connect timeout' : 'refused', mayHaveReached: false, error: text };
}

function failed(reason: AttemptFailure['reason'], mayHaveReached: boolean, error: string): AttemptResult {
  return { kind: 'failed', failure: { reason, mayHaveReached, error } };
}

/** The endpoint broke off behind the head of its answer, or was too slow: the client must see that this is not all. */
function brokenTrailers(timedOut: 'idle' | 'deadline' | undefined, rstCode: number | undefined): string[] {
  if (timedOut !== undefined) {
    return ['grpc-status', deadlineExceeded, 'grpc-message', 'The upstream server is timing out'];
  }
  const message = `The upstream server broke off (${nameOfCode(rstCode)})`;
  return ['grpc-status', unavailable, 'grpc-message', message];
}

function nameOfCode(code: number | undefined): string {
  const names = Object.entries(constants).filter(([name, value]) => name.startsWith('NGHTTP2_') && value === code);
  const known = names.find(([name]) =>
    /_(?:NO_ERROR|[A-Z]+_ERROR|REFUSED_STREAM|CANCEL|ENHANCE_YOUR_CALM)$/.test(name),
  );
  return known?.[0].slice('NGHTTP2_'.length) ?? String(code);
}

/** Returns the header fields as HTTP/2 takes them. */
function fieldsOf({ method, path, host, headers, deadlineMs }: GrpcAttempt): OutgoingHttpHeaders {
  const fields: OutgoingHttpHeaders = { ':method': method, ':path': path, ':authority': host };
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = (headers[index] ?? '').toLowerCase();
    const value = headers[index + 1] ?? '';
    if (name === 'host') continue;
    const known = fields[name];
    if (known === undefined) fields[name] = value;
    else fields[name] = Array.isArray(known) ? [...known, value] : [String(known), value];
  }
  if (deadlineMs !== undefined) fields['grpc-timeout'] = timeoutText(deadlineMs - performance.now());
  return fields;
}

/** The digits of a `grpc-timeout` (gRPC over HTTP/2). */
const digitsMax = 8;

/** Returns what is left of a deadline as header `grpc-timeout`. */
function timeoutText(leftMs: number): string {
  const ms = Math.max(1, Math.floor(leftMs));
  return String(ms).length <= digitsMax ? `${ms}m` : `${Math.floor(ms / 1_000)}S`;
}

function valueOf(fields: readonly string[], name: string): string | undefined {
  const at = fields.findIndex((text, index) => index % 2 === 0 && text === name);
  return at === -1 ? undefined : fields[at + 1];
}

function withoutPseudo(fields: readonly string[]): string[] {
  const list: string[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? '';
    if (!name.startsWith(':')) list.push(name, fields[index + 1] ?? '');
  }
  return list;
}
