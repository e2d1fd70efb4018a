import { doublingMs } from '../../shared/backoff.ts';
import type { KafkaClient, ProducerId, SequenceStamp } from './kafka-client.ts';
import { KafkaError } from './kafka-error.ts';

/** Between two requests for a producer id that bring none: doubling. A broker that has just started has none yet. */
const retryBackoff = { firstMs: 50, maxMs: 200 } as const;
/** Sequence numbers begin anew after 2^31-1. */
const sequenceCount = 2 ** 31;

export interface ProducerIdentityOptions {
  readonly client: KafkaClient;
  /** Time limit of a broker to give a producer id. */
  readonly requestTimeoutMs: number;
  readonly wakeAt: (monotonicMs: number) => void;
  /** Called when the producer id is available. */
  readonly onReady: () => void;
  /** The brokers give none, and waiting will not help. */
  readonly onRefused: (error: KafkaError) => void;
}

/**
 * A lane's producer id and the sequence number of its next batch (KIP-98).
 *
 * A number is used up only by an ack: what was certainly not written leaves its number to whatever is sent next. After
 * an attempt without a verdict nobody knows whether the number is used up, so the batch keeps its stamp until it is acked,
 * or the producer id is retired with it.
 */
export class ProducerIdentity {
  readonly #options: ProducerIdentityOptions;
  #producer: ProducerId | null = null;
  #sequence = 0;
  #asking = false;
  #failures = 0;
  /** Monotonic; no request before. */
  #notBeforeMs = 0;

  constructor(options: ProducerIdentityOptions) {
    this.#options = options;
  }

  /** Says whether a batch can be stamped. If not, it asks for a producer id; `onReady` is called when it is available. */
  isReady(nowMs: number): boolean {
    if (this.#producer !== null) return true;
    if (!this.#asking) {
      if (nowMs >= this.#notBeforeMs) this.#ask(nowMs);
      else this.#options.wakeAt(this.#notBeforeMs);
    }
    return false;
  }

  /** For the next batch that was not sent before; null when it is not ready. */
  stamp(): SequenceStamp | null {
    if (this.#producer === null) return null;
    return { producer: this.#producer, sequence: this.#sequence, createdAtMs: Date.now() };
  }

  /** Notes that a number of records with this stamp are written. */
  acked({ producer, sequence }: SequenceStamp, records: number): void {
    if (producer === this.#producer) this.#sequence = (sequence + records) % sequenceCount;
  }

  /** The producer id is not used again. */
  retire(): void {
    this.#producer = null;
  }

  #ask(nowMs: number): void {
    this.#asking = true;
    const { client, requestTimeoutMs, onReady } = this.#options;
    client.producerId(nowMs + requestTimeoutMs).then(
      (producer) => {
        this.#asking = false;
        this.#producer = producer;
        this.#sequence = 0;
        this.#failures = 0;
        onReady();
      },
      (error: unknown) => this.#failed(error),
    );
  }

  #failed(error: unknown): void {
    this.#asking = false;
    this.#notBeforeMs = performance.now() + doublingMs(this.#failures++, retryBackoff);
    this.#options.wakeAt(this.#notBeforeMs);
    if (error instanceof KafkaError && error.wire === 'verdict' && !error.retriable) this.#options.onRefused(error);
  }
}
