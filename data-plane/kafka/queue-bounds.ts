import {
  type Failure,
  largerThanQueue,
  moreThanQueue,
  nodeOverloaded,
  producerOverloaded,
  requestLargerThanQueue,
} from './produce-failure.ts';
import type { ProducerLimits } from './producer-types.ts';

/** Bytes of records over all producers of the node. */
export interface NodeMemory {
  readonly bytesMax: number;
  /** What this process may use of it now; less than all where several processes share it. */
  readonly granted: number;
  bytes: number;
  /** Makes room for so many bytes more, where others may have what is free. Resolves whether it is there. Never rejects. */
  more?(bytes: number): Promise<boolean>;
}

/** The memory of a node that is one process. */
export function ownMemory(bytesMax: number): NodeMemory {
  return { bytesMax, granted: bytesMax, bytes: 0 };
}

const queueBytesSetting = 'producer_async_buffering_limits_bytes_in_memory';
const nodeBytesSetting = 'producer_memory_max';

/** Counts the records of one producer, queued or in flight, within its own bounds and the node's. */
export class QueueBounds {
  readonly #memory: NodeMemory;
  #records = 0;
  #bytes = 0;

  constructor(memory: NodeMemory) {
    this.#memory = memory;
  }

  get records(): number {
    return this.#records;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Returns the reason for refusing a record of so many bytes; null when it may be queued. */
  refusal({ queueRecordsMax, queueBytesMax }: ProducerLimits, bytes: number): Failure | null {
    if (bytes > queueBytesMax) return largerThanQueue(queueBytesMax, queueBytesSetting);
    if (bytes > this.#memory.bytesMax) return largerThanQueue(this.#memory.bytesMax, nodeBytesSetting);
    return this.#lackOfRoom(1, bytes, queueRecordsMax, queueBytesMax);
  }

  /** Returns the reason for refusing the records of one request; null when all may be queued. */
  refusalOfAll({ queueRecordsMax, queueBytesMax }: ProducerLimits, records: number, bytes: number): Failure | null {
    if (records > queueRecordsMax) return moreThanQueue(queueRecordsMax);
    if (bytes > queueBytesMax) return requestLargerThanQueue(queueBytesMax, queueBytesSetting);
    if (bytes > this.#memory.bytesMax) return requestLargerThanQueue(this.#memory.bytesMax, nodeBytesSetting);
    return this.#lackOfRoom(records, bytes, queueRecordsMax, queueBytesMax);
  }

  add(bytes: number): void {
    this.#change(1, bytes);
  }

  /** Reserves room for the records of one request. */
  addAll(records: number, bytes: number): void {
    this.#change(records, bytes);
  }

  #lackOfRoom(records: number, bytes: number, queueRecordsMax: number, queueBytesMax: number): Failure | null {
    if (this.#records + records > queueRecordsMax || this.#bytes + bytes > queueBytesMax) return producerOverloaded;
    if (this.#memory.bytes + bytes > this.#memory.granted) return nodeOverloaded;
    return null;
  }

  remove(bytes: number): void {
    this.#change(-1, -bytes);
  }

  #change(records: number, bytes: number): void {
    this.#records += records;
    this.#bytes += bytes;
    this.#memory.bytes += bytes;
  }
}
