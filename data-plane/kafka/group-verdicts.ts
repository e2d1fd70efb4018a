import type { Entry } from './entry.ts';
import type { FailedVerdict, Verdict } from './producer-types.ts';

/** Gathers the verdicts on the records of one request, by their positions, without an object for each acked one. */
export class GroupVerdicts {
  readonly count: number;
  /** By position; -1: not acked. */
  readonly partitions: Int32Array;
  /** By position; only of acked records. Offsets beyond 2^53 are out of Kafka's reach in practice. */
  readonly offsets: Float64Array;
  readonly failures = new Map<number, FailedVerdict>();
  /** Resolves when every record has its verdict. */
  readonly all: Promise<void>;
  acked = 0;
  #open: number;
  #resolve: () => void = () => undefined;

  constructor(count: number) {
    this.count = count;
    this.#open = count;
    this.partitions = new Int32Array(count).fill(-1);
    this.offsets = new Float64Array(count);
    this.all = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    if (count === 0) this.#resolve();
  }

  /** Notes an acked record. */
  noteAcked(position: number, partition: number, offset: number): void {
    this.partitions[position] = partition;
    this.offsets[position] = offset;
    this.acked++;
    this.#settled();
  }

  /** Settles an entry of the request. */
  readonly settle = (verdict: Verdict, { position }: Entry): void => {
    if (verdict.outcome === 'acked') return this.noteAcked(position, verdict.partition, Number(verdict.offset));
    if (verdict.outcome !== 'accepted') this.failures.set(position, verdict);
    this.#settled();
  };

  #settled(): void {
    if (--this.#open === 0) this.#resolve();
  }
}
