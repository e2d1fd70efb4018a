import type { Lane } from './lane.ts';
import type { Failure } from './produce-failure.ts';

/** The lanes of a topic by partition, and those of removed partitions that still have a batch in flight. */
export class TopicLanes {
  readonly #current: Lane[] = [];
  readonly #retired = new Set<Lane>();
  #next = 0;

  /** Returns the number of partitions. */
  get count(): number {
    return this.#current.length;
  }

  get isBusy(): boolean {
    return this.#retired.size > 0 || this.#current.some(({ isBusy }) => isBusy);
  }

  get earliestDeadlineMs(): number {
    let earliest = Infinity;
    for (const lane of this.#current) earliest = Math.min(earliest, lane.earliestDeadlineMs);
    for (const lane of this.#retired) earliest = Math.min(earliest, lane.earliestDeadlineMs);
    return earliest;
  }

  of(partition: number): Lane | undefined {
    return this.#current[partition];
  }

  add(lane: Lane): void {
    this.#current[lane.partition] = lane;
  }

  /** Removes the partitions from this one on, and returns their lanes. */
  cut(count: number): readonly Lane[] {
    return this.#current.splice(count);
  }

  /** Keeps a lane that was cut until its batch is answered. */
  keepRetired(lane: Lane): void {
    this.#retired.add(lane);
  }

  /** Forgets a lane that was cut. @returns false for a lane of a present partition */
  endRetired(lane: Lane): boolean {
    return this.#retired.delete(lane);
  }

  some(holds: (lane: Lane) => boolean): boolean {
    return this.#current.some(holds);
  }

  /** Returns the next lane in turn that is free; null when none is. */
  nextInTurn(isFree: (lane: Lane, nowMs: number) => boolean, nowMs: number): Lane | null {
    const { length } = this.#current;
    for (let step = 0; step < length; step++) {
      const index = (this.#next + step) % length;
      const lane = this.#current[index];
      if (lane === undefined || !isFree(lane, nowMs)) continue;
      this.#next = (index + 1) % length;
      return lane;
    }
    return null;
  }

  expire(nowMs: number): void {
    for (const lane of this.#current) lane.expire(nowMs);
    for (const lane of this.#retired) lane.expire(nowMs);
  }

  failWaiting(failure: Failure): void {
    for (const lane of this.#current) lane.failWaiting(failure);
    for (const lane of this.#retired) lane.failWaiting(failure);
  }

  abandon(failure: Failure): void {
    for (const lane of this.#current) lane.abandon(failure);
    for (const lane of this.#retired) lane.abandon(failure);
  }
}
