import { type Failure, largerThanQueue, nodeOverloaded, producerOverloaded } from './produce-failure.ts';
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
    const setting = 'producer_async_buffering_limits_bytes_in_memory';
    if (bytes > queueBytesMax) return largerThanQueue(queueBytesMax, setting);
    if (bytes > this.#memory.bytesMax) return largerThanQueue(this.#memory.bytesMax, 'producer_memory_max');
    if (this.#records >= queueRecordsMax || this.#bytes + bytes > queueBytesMax) return producerOverloaded;
    if (this.#memory.bytes + bytes > this.#memory.granted) return nodeOverloaded;
    return null;
  }

  add(bytes: number): void {
    this.#change(1, bytes);
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
