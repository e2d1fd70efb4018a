import { Holders } from '../../shared/counted-leases.ts';
import type { Logger } from '../../shared/log.ts';

/** While a configuration takes over, its producers and those before it are open at once; this long is no clash yet. */
const settleDefaultMs = 60_000;

interface Use {
  readonly producers: Holders;
  isTold: boolean;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Warns once of a label that producers with different settings go on sharing: their metrics are one then. A plugin whose
 * settings change shares its label with itself until its old producer is released, which is none.
 */
export class LabelClashes {
  readonly #logger: Logger;
  readonly #settleMs: number;
  readonly #uses = new Map<string, Use>();

  constructor(logger: Logger, settleMs = settleDefaultMs) {
    this.#logger = logger;
    this.#settleMs = settleMs;
  }

  /** A producer with this label has come. */
  add(label: string): void {
    const use = this.#uses.get(label);
    if (use === undefined) {
      this.#uses.set(label, { producers: new Holders(), isTold: false, timer: undefined });
      return;
    }
    use.producers.hold();
    if (use.isTold) return;
    use.timer ??= setTimeout(() => this.#tell(label, use), this.#settleMs).unref();
  }

  /** One has gone. */
  remove(label: string): void {
    const use = this.#uses.get(label);
    if (use === undefined) return;
    const wasLast = use.producers.release();
    if (use.producers.count > 1) return;
    clearTimeout(use.timer);
    use.timer = undefined;
    use.isTold = false;
    if (wasLast) this.#uses.delete(label);
  }

  close(): void {
    for (const { timer } of this.#uses.values()) clearTimeout(timer);
    this.#uses.clear();
  }

  #tell(label: string, use: Use): void {
    use.isTold = true;
    use.timer = undefined;
    this.#logger.warn('kafka_label_clash', `Kafka clusters with different settings are called ${label}`, {
      cluster: label,
      producers: use.producers.count,
    });
  }
}
