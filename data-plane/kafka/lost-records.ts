import type { Logger } from '../../shared/log.ts';
import type { Entry } from './entry.ts';
import type { Verdict } from './producer-types.ts';

const logEveryMs = 1000;
/** Distinct partitions and reasons; more are written before the second is over. */
const keysMax = 100;

interface Loss {
  readonly topic: string;
  /** -1: none had been chosen yet. */
  readonly partition: number;
  readonly code: string;
  readonly outcome: string;
  count: number;
}

export interface LostRecordsOptions {
  /** Returns the cluster's name. */
  readonly label: () => string;
  readonly logger: Logger;
}

/**
 * Settles the records of async mode. Nobody waits for their verdicts, so lost records are logged, with one line for each
 * partition and second.
 */
export class LostRecords {
  readonly #label: () => string;
  readonly #logger: Logger;
  readonly #losses = new Map<string, Loss>();
  #timer: NodeJS.Timeout | undefined;

  constructor({ label, logger }: LostRecordsOptions) {
    this.#label = label;
    this.#logger = logger;
  }

  readonly settle = (verdict: Verdict, entry: Entry): void => {
    if (verdict.outcome === 'acked' || verdict.outcome === 'accepted') return;
    const { topic } = verdict;
    const { partition } = entry;
    const key = `${topic}\0${partition}\0${verdict.code}\0${verdict.outcome}`;
    const loss = this.#losses.get(key);
    if (loss !== undefined) {
      loss.count++;
    } else {
      if (this.#losses.size >= keysMax) this.#write();
      this.#losses.set(key, { topic, partition, code: verdict.code, outcome: verdict.outcome, count: 1 });
    }
    this.#timer ??= setTimeout(() => this.#write(), logEveryMs);
  };

  close(): void {
    this.#write();
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { topic, partition, code, outcome, count } of this.#losses.values()) {
      this.#logger.error('records_lost', `${count} accepted records were not confirmed`, {
        cluster: this.#label(),
        topic,
        partition,
        code,
        outcome,
        count,
      });
    }
    this.#losses.clear();
  }
}
