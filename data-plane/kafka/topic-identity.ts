/**
 * If a broker does not know the id of a topic, no broker is sent to for this long. Most likely the topic is gone, and a
 * broker that does not know that yet would still write to the old log. Or the topic is so new that this broker has not
 * heard of it.
 */
const doubtMs = 500;
/**
 * If a broker has accepted records for the id before, the topic is certainly gone, and brokers that still name the id lag
 * behind. Bounded, in case this conclusion is wrong.
 */
const goneMs = 5_000;
/** Ids of topics of this name that are gone. An older one that comes back would only cost a refresh. */
const formerIdsMax = 8;

/** Knows which of the topics that had or have a name is the present one (KIP-516). */
export class TopicIdentity {
  #id: string | null = null;
  /** Ids of topics that had this name before: a broker that lags behind may still name them. */
  readonly #formerIds = new Set<string>();
  /** The present id is ignored until then (monotonic ms); 0: it is trusted. */
  #doubtUntilMs = 0;

  /** 32 hex digits; null where the brokers know no ids. */
  get id(): string | null {
    return this.#id;
  }

  get isInDoubt(): boolean {
    return this.#doubtUntilMs !== 0;
  }

  /** A broker does not know the id. `isGone`: the same broker has accepted records for it before. */
  doubt(id: string | null, isGone: boolean, nowMs: number): void {
    if (id !== this.#id) return;
    // A doubt may become a certainty.
    if (this.isInDoubt && !isGone) return;
    this.#doubtUntilMs = nowMs + (isGone ? goneMs : doubtMs);
  }

  /** @returns whether metadata with this id is of the present topic, not of one that had its name before */
  learn(id: string | null, nowMs: number): boolean {
    if (id !== null && this.#formerIds.has(id)) return false;
    const before = this.#id;
    if (id === before && nowMs < this.#doubtUntilMs) return false;
    this.#doubtUntilMs = 0;
    this.#id = id;
    if (before === null || id === null || before === id) return true;
    this.#formerIds.add(before);
    const [oldest] = this.#formerIds;
    if (oldest !== undefined && this.#formerIds.size > formerIdsMax) this.#formerIds.delete(oldest);
    return true;
  }
}
