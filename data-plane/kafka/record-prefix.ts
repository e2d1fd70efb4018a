/**
 * The records of one request for one topic, which are written as a prefix in each partition: once one is not acked, none
 * behind it in its partition is sent, so that a client that sends the rest again keeps the order of each key.
 */
export class RecordPrefix {
  #isWhollyBroken = false;
  #brokenPartitions: Set<number> | null = null;

  /** Notes that a record was not acked; partition -1: none was chosen yet, so that any may be meant. */
  break(partition: number): void {
    if (partition < 0) this.#isWhollyBroken = true;
    else (this.#brokenPartitions ??= new Set()).add(partition);
  }

  /** Says whether a record before was not acked, in this partition or in one that nobody knows. */
  isBroken(partition: number): boolean {
    return this.#isWhollyBroken || this.#brokenPartitions?.has(partition) === true;
  }
}
