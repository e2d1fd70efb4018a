import type { BatchOutcome, ProduceBatch } from './kafka-client.ts';
import { KafkaError } from './kafka-error.ts';
import type { Entry, EntryQueue } from './entry.ts';
import type { Lane } from './lane.ts';
import type { LaneProducer, LaneTopic } from './lane-owner.ts';
import { bytesOf } from './lane-batch.ts';

/**
 * Produce requests in flight to one leader for one topic. A broker handles a connection's requests one by one, so more
 * would only mean smaller batches, and more records with an unknown outcome when the broker hangs. The limit is one
 * topic's, so that a busy topic cannot starve another.
 */
const inFlightMax = 4;

/** The topic that requests are sent for. */
export interface RequestTopic extends LaneTopic {
  sent(entries: readonly Entry[]): void;
  /** Says that a request for these lanes has ended; `error` holds for all of it. */
  answered(lanes: readonly Lane[], error: KafkaError | null, tookMs: number): void;
}

interface Gathered {
  readonly leader: number;
  readonly lanes: Lane[];
  readonly batches: ProduceBatch[];
  bytes: number;
}

/**
 * The Produce requests of one topic: what its lanes have for one leader in one turn of the event loop goes in one
 * request, up to the bytes of a batch (`producer_request_limits_bytes_per_request`). Each lane keeps its own verdict.
 */
export class LeaderRequests {
  readonly #topic: RequestTopic;
  readonly #producer: LaneProducer;
  /** By leader. */
  readonly #inFlight = new Map<number, number>();
  readonly #gathered = new Map<number, Gathered>();

  constructor(topic: RequestTopic, producer: LaneProducer) {
    this.#topic = topic;
    this.#producer = producer;
  }

  /** Says whether a batch may be added for this leader within the limit of requests in flight. */
  hasRoom(leader: number): boolean {
    return this.#gathered.has(leader) || (this.#inFlight.get(leader) ?? 0) < inFlightMax;
  }

  /** Adds the lane's next batch to what leaves at the end of the turn. @returns whether there was one and room for it */
  add(lane: Lane, source: EntryQueue, topicId: string | null, nowMs: number): boolean {
    const bytesMax = this.#producer.limits().batchBytesMax;
    const { leader } = lane;
    let gathered = this.#gathered.get(leader);
    if (gathered !== undefined && gathered.bytes + lane.leastBytes(source) > bytesMax) {
      this.#send(gathered, topicId);
      gathered = undefined;
    }
    if (!this.hasRoom(leader)) return false;
    const taken = lane.take(source, bytesMax - (gathered?.bytes ?? 0), nowMs);
    if (taken === null) return false;
    if (gathered === undefined) {
      gathered = { leader, lanes: [], batches: [], bytes: 0 };
      this.#gathered.set(leader, gathered);
    }
    gathered.lanes.push(lane);
    gathered.batches.push(taken.batch);
    gathered.bytes += bytesOf(taken.entries);
    this.#topic.sent(taken.entries);
    return true;
  }

  /** Sends what was gathered. */
  sendAll(topicId: string | null): void {
    for (const gathered of this.#gathered.values()) this.#send(gathered, topicId);
  }

  #send(gathered: Gathered, topicId: string | null): void {
    const { leader, batches } = gathered;
    this.#gathered.delete(leader);
    this.#inFlight.set(leader, (this.#inFlight.get(leader) ?? 0) + 1);
    const sentAtMs = performance.now();
    const { client, requestTimeoutMs } = this.#producer;
    client.produce({ topic: this.#topic.name, topicId, leader, batches, timeoutMs: requestTimeoutMs }).then(
      (outcomes) => this.#answered(gathered, outcomes, null, sentAtMs),
      (error: unknown) => this.#answered(gathered, [], toKafkaError(error), sentAtMs),
    );
  }

  #answered(
    { leader, lanes }: Gathered,
    outcomes: readonly BatchOutcome[],
    error: KafkaError | null,
    sentAtMs: number,
  ): void {
    const left = (this.#inFlight.get(leader) ?? 0) - 1;
    if (left > 0) this.#inFlight.set(leader, left);
    else this.#inFlight.delete(leader);
    this.#topic.answered(lanes, error, performance.now() - sentAtMs);
    lanes.forEach((lane, index) => lane.answered(error ?? outcomes[index] ?? toKafkaError(undefined)));
  }
}

/** Returns the error for a client that misbehaves: it is open whether anything was written. */
function toKafkaError(error: unknown): KafkaError {
  if (error instanceof KafkaError) return error;
  const options = { retriable: false, wire: 'unknown', cause: error } as const;
  return new KafkaError('INVALID_RESPONSE', 'the client failed', options);
}
