import { Readable } from 'node:stream';
import type { Answer, OpenExchange } from '../../plugin-api/exchange.ts';
import { grpcStatus } from './grpc-status.ts';

const checkPath = '/grpc.health.v1.Health/Check';
const watchPath = '/grpc.health.v1.Health/Watch';
/** How often the state is looked at for clients that watch it. */
const pollMs = 1_000;

/** HealthCheckResponse with its `status`, in its frame. */
const responses = {
  serving: Buffer.from([0, 0, 0, 0, 2, 0x08, 1]),
  notServing: Buffer.from([0, 0, 0, 0, 2, 0x08, 2]),
  serviceUnknown: Buffer.from([0, 0, 0, 0, 2, 0x08, 3]),
} as const;
const headers = ['content-type', 'application/grpc'] as const;

export interface HealthDeps {
  /** Whether the node is ready, as `/status/ready` says. */
  readonly isServing: () => boolean;
  /** The node stops: those who watch are told, and let go. */
  readonly isDraining: () => boolean;
}

/** Answers calls of the node's own service; undefined for all others. */
export type HealthAnswers = (exchange: OpenExchange) => Promise<Answer> | undefined;

/**
 * Makes the node's own answers to grpc.health.v1.Health, for calls that no route takes. Its health is that of all of its
 * services: the name of a single one is not known to it.
 */
export function createHealthAnswers(deps: HealthDeps): HealthAnswers {
  const watchers = new Watchers(deps);
  const check = (request: Buffer): Answer => {
    if (!isForNode(request)) return unknownService;
    return okAnswer(deps.isServing() ? responses.serving : responses.notServing, grpcStatus.OK);
  };
  // A watcher ends with the node only, which is no success.
  const watch = (request: Buffer): Answer => okAnswer(watchers.add(isForNode(request)), grpcStatus.UNAVAILABLE);
  return (exchange) => {
    const { path, publishMessages } = exchange;
    const method = path === checkPath ? check : path === watchPath ? watch : undefined;
    return method && publishMessages?.(async (message) => method(await message.readBody()));
  };
}

function okAnswer(body: Answer['body'], code: number): Answer {
  return { status: 200, headers, body, trailers: () => ['grpc-status', String(code)] };
}

const unknownService: Answer = {
  status: 200,
  headers: [...headers, 'grpc-status', String(grpcStatus.NOT_FOUND), 'grpc-message', 'unknown service'],
  body: '',
};

/** Returns whether a HealthCheckRequest names no service (field 1), or this one. */
function isForNode(request: Buffer): boolean {
  if (request.length === 0) return true;
  const [tag, length] = request;
  const name = request.toString('utf8', 2);
  return tag === 0x0a && length === request.length - 2 && (name === '' || name === 'grpc.health.v1.Health');
}

/** The clients that watch the node's health, which one timer looks at. */
class Watchers {
  readonly #deps: HealthDeps;
  /** The streams of those who watch, with the response that each was sent last. */
  readonly #open = new Map<Readable, Buffer>();
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(deps: HealthDeps) {
    this.#deps = deps;
  }

  /** Returns a stream of responses: the state now, and each time that it changes. */
  add(isKnown: boolean): Readable {
    const stream = new Readable({ read: () => undefined });
    const first = isKnown ? this.#state() : responses.serviceUnknown;
    this.#open.set(stream, first);
    stream.push(first);
    stream.once('close', () => this.#remove(stream));
    this.#timer ??= setInterval(() => this.#look(), pollMs);
    return stream;
  }

  #state(): Buffer {
    return this.#deps.isServing() ? responses.serving : responses.notServing;
  }

  #look(): void {
    const state = this.#state();
    for (const [stream, last] of this.#open) {
      if (last !== state && last !== responses.serviceUnknown) {
        this.#open.set(stream, state);
        stream.push(state);
      }
      if (this.#deps.isDraining()) {
        this.#remove(stream);
        stream.push(null);
      }
    }
  }

  #remove(stream: Readable): void {
    this.#open.delete(stream);
    if (this.#open.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
