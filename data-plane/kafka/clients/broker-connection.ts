import type { Socket } from 'node:net';
import { KafkaError, type Wire } from '../kafka-error.ts';
import type { WireRequest } from '../wire/wire-request.ts';

/**
 * One connection to one broker. Each library is used at this level, below its own producer, because only here it is known
 * whether the leader's connection is up before a batch is handed over, and whether bytes of it left. A failed topic then
 * shares nothing with another.
 */
export interface BrokerConnection {
  /** Connects and logs in, once, within the cluster's connect time-out. @throws KafkaError */
  open(): Promise<void>;
  /** Up, logged in, not throttled by the broker, and the socket has room: what is sent now is written now. */
  isReady(): boolean;
  /** The highest version of the API that the broker offers, once it is open; -1: it does not know it. */
  highestVersion(apiKey: number): number;
  /**
   * Sends one request, once.
   * @returns the body of the answer; null when none is expected and the bytes are handed to the socket
   * @throws KafkaError, untouched or unknown; after a time-out the connection ends
   */
  exchange(request: WireRequest): Promise<Buffer | null>;
  /** Makes the connection not ready for the time that the broker asks for. */
  throttle(throttleMs: number): void;
  /** Ends it at once; requests in flight fail as unknown. Calls no event. */
  destroy(): void;
}

export interface BrokerConnectionEvents {
  /** It was not ready (throttled, socket full, logging in again) and is now. */
  onReady(): void;
  /** It ended after it had been open. `wasIdle`: no request waited for an answer, so that nothing was lost with it. */
  onClosed(error: KafkaError, wasIdle: boolean): void;
}

export type OpenBrokerConnection = (address: BrokerAddress, events: BrokerConnectionEvents) => BrokerConnection;

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** Lets the socket gather what is written in this turn of the event loop into one system call. */
export function corkThisTurn(socket: Socket): void {
  if (socket.writableCorked > 0) return;
  socket.cork();
  process.nextTick(() => socket.uncork());
}

/** The connection is down, or went down under a request. */
export function connectionFailed(message: string, wire: Wire, cause?: unknown): KafkaError {
  return new KafkaError('CONNECTION_FAILED', message, { retriable: true, wire, cause });
}

/** The broker let the time for an answer pass. */
export function timedOut(wire: Wire, cause?: unknown): KafkaError {
  return new KafkaError('TIMED_OUT', 'the broker did not answer in time', { retriable: true, wire, cause });
}

/** The request's bytes behind this much room for a header. @throws KafkaError: certain that no byte left. */
export function encodeRequest(request: WireRequest, headroomBytes: number): Buffer {
  try {
    return request.encode(headroomBytes);
  } catch (cause) {
    const options = { retriable: false, wire: 'untouched', cause } as const;
    throw new KafkaError('ENCODING_FAILED', 'the request could not be encoded', options);
  }
}

/** The pause that a broker asks for (KIP-219). Until its end the connection counts as not ready. */
export class Throttle {
  readonly #onEnd: () => void;
  #untilMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  get isOver(): boolean {
    return this.#untilMs === 0 || performance.now() >= this.#untilMs;
  }

  extend(throttleMs: number): void {
    if (throttleMs <= 0) return;
    this.#untilMs = performance.now() + throttleMs;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#untilMs = 0;
      this.#onEnd();
    }, throttleMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
