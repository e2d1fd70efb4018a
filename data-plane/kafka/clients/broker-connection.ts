import type { Socket } from 'node:net';
import { KafkaError, type ProduceBatch, type ProduceResult, type Wire } from '../client.ts';
import { encodeProduceRequest } from '../produce-request.ts';
import type { ClusterSettings } from '../producer.ts';

/**
 * One connection to one broker: what a library has to offer. Each library is used at this level, below its own producer,
 * because only here it is known whether the leader's connection is up before a batch is handed over and whether bytes of
 * it left; and because a failed topic then has nothing to share with another.
 */
export interface BrokerConnection {
  /** Connects and logs in, once, within the cluster's connect time-out. @throws KafkaError */
  open(): Promise<void>;
  /** Up, logged in, not throttled by the broker, and the socket has room: what is sent now is written now. */
  isReady(): boolean;
  /** Brokers, and the named topic; null: brokers only. @throws KafkaError when there is no answer. */
  metadata(topic: string | null, timeoutMs: number): Promise<MetadataAnswer>;
  /** The topic's setting; null when the broker does not tell. @throws KafkaError when there is no answer */
  topicConfig(topic: string, name: string, timeoutMs: number): Promise<string | null>;
  /** @throws KafkaError */
  produce(batch: ProduceBatch): Promise<ProduceResult>;
  /** Ends it at once; requests in flight fail as unknown. Calls no event. */
  destroy(): void;
}

export interface BrokerConnectionEvents {
  /** It was not ready (throttled, socket full, logging in again) and is now. */
  onReady(): void;
  /** It broke after it had been open. */
  onClosed(error: KafkaError): void;
}

export type OpenBrokerConnection = (address: BrokerAddress, events: BrokerConnectionEvents) => BrokerConnection;

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

export interface MetadataAnswer {
  readonly brokers: readonly (BrokerAddress & { readonly id: number })[];
  readonly topic: {
    readonly errorCode: number;
    readonly partitions: readonly { readonly id: number; readonly leader: number }[];
  } | null;
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

/** The request's bytes behind this much room for a header. @throws KafkaError: certain that no byte left. */
export function encodeBatch(
  { acks, compression }: ClusterSettings,
  batch: ProduceBatch,
  headroomBytes: number,
): Buffer {
  try {
    return encodeProduceRequest({ batch, acks, compression, nowMs: Date.now(), headroomBytes });
  } catch (cause) {
    const options = { retriable: false, wire: 'untouched', cause } as const;
    throw new KafkaError('ENCODING_FAILED', 'the batch could not be encoded', options);
  }
}

/** How long a broker asks to be spared (KIP-219): until then its connection counts as not ready. */
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
