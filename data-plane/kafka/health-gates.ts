import { CountedLeases, type Lease } from '../../shared/counted-leases.ts';
import type { Logger } from '../../shared/log.ts';
import type { PartitionsByTopic } from './kafka-client.ts';
import type { HealthSettings } from './producer-types.ts';

/**
 * open: records are accepted. closed: they are refused, and the cluster is probed. trial: the probes were answered, but
 * only an acked batch proves that records get through; until then one record an interval is admitted.
 */
export type GateState = 'open' | 'closed' | 'trial';

/** A topic-partition; -1: none had been chosen yet. */
interface Place {
  readonly topic: string;
  readonly partition: number;
}

/** Partitions that failed and are probed; more are left to the trial. */
const suspectsMax = 100;

export interface HealthGateOptions {
  /** Returns the cluster's name. */
  readonly label: () => string;
  readonly logger: Logger;
  /** Asks the cluster, and the leaders of these partitions, for a sign of life. Rejects when there is none. */
  readonly probe: (partitions: PartitionsByTopic, deadlineMs: number) => Promise<void>;
  /** Time limit of a probe. */
  readonly probeTimeoutMs: number;
  readonly onState: (state: GateState) => void;
}

/**
 * Decides whether async records are accepted. It closes after a number of failures in a row, probes the partitions that
 * failed while it is closed, and opens after a number of successes in a row and an acked batch.
 */
export class HealthGate {
  readonly #settings: HealthSettings;
  readonly #options: HealthGateOptions;
  /** Partitions that failed and have had no ack since. */
  readonly #suspects = new Map<string, Set<number>>();
  #state: GateState = 'open';
  #failures = 0;
  #successes = 0;
  #nextTrialMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(settings: HealthSettings, options: HealthGateOptions) {
    this.#settings = settings;
    this.#options = options;
  }

  get state(): GateState {
    return this.#state;
  }

  /**
   * Says whether to accept a record now (monotonic ms). The result of a trial need not be reported: the next record is
   * admitted after the interval.
   */
  admits(nowMs: number): boolean {
    if (this.#state === 'open') return true;
    if (this.#state === 'closed' || nowMs < this.#nextTrialMs) return false;
    this.#nextTrialMs = nowMs + this.#settings.probeIntervalMs;
    return true;
  }

  /** The cluster failed, at these places as far as it is known. */
  failed(places: readonly Place[]): void {
    for (const place of places) this.#suspect(place);
    this.#successes = 0;
    if (this.#state === 'closed') return;
    if (this.#state === 'open' && ++this.#failures < this.#settings.failureThreshold) return;
    const { logger, label } = this.#options;
    if (this.#state === 'open') {
      const cluster = label();
      logger.warn('kafka_gate_closed', `Async records for Kafka cluster ${cluster} are refused: it fails`, {
        cluster,
        failures: this.#failures,
      });
    }
    this.#enter('closed');
    this.#probeLater();
  }

  /** A batch was acked there. */
  acked({ topic, partition }: Place): void {
    this.#failures = 0;
    const partitions = this.#suspects.get(topic);
    // Elsewhere it may go well all the while.
    if (this.#state === 'closed' && this.#suspects.size > 0 && partitions === undefined) return;
    if (partitions?.delete(partition) === true && partitions.size === 0) this.#suspects.delete(topic);
    if (this.#state === 'open') return;
    if (this.#state === 'closed' && ++this.#successes < this.#settings.recoveryThreshold) return;
    this.stop();
    this.#enter('open');
    const { logger, label } = this.#options;
    const cluster = label();
    logger.info('kafka_gate_opened', `Async records for Kafka cluster ${cluster} are taken again`, { cluster });
  }

  /** Ends its timer. */
  stop(): void {
    this.#failures = 0;
    this.#successes = 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #enter(state: GateState): void {
    this.#state = state;
    if (state === 'open') this.#suspects.clear();
    this.#options.onState(state);
  }

  #suspect({ topic, partition }: Place): void {
    if (partition < 0) return;
    const partitions = this.#suspects.get(topic);
    if (partitions !== undefined) partitions.add(partition);
    else if (this.#suspects.size < suspectsMax) this.#suspects.set(topic, new Set([partition]));
  }

  #probeLater(): void {
    const timer = setTimeout(() => {
      this.#options.probe(this.#suspects, performance.now() + this.#options.probeTimeoutMs).then(
        () => this.#probed(timer, true),
        () => this.#probed(timer, false),
      );
    }, this.#settings.probeIntervalMs);
    this.#timer = timer;
  }

  #probed(timer: NodeJS.Timeout, answered: boolean): void {
    // Opened or stopped meanwhile.
    if (this.#timer !== timer) return;
    this.#successes = answered ? this.#successes + 1 : 0;
    if (this.#successes < this.#settings.recoveryThreshold) return this.#probeLater();
    this.stop();
    this.#nextTrialMs = 0;
    this.#enter('trial');
  }
}

/** The gates of one producer: one for each set of thresholds in use, shared by reference count. */
export class HealthGates {
  readonly #options: HealthGateOptions;
  readonly #gates = new CountedLeases<string, HealthGate>((gate) => gate.stop());

  constructor(options: HealthGateOptions) {
    this.#options = options;
  }

  /** The number of gates that refuse records, except for trials; null without any gate. */
  get closed(): number | null {
    if (this.#gates.size === 0) return null;
    return [...this.#gates.values()].filter(({ state }) => state !== 'open').length;
  }

  acquire(settings: HealthSettings): Lease<HealthGate> {
    const key = `${settings.failureThreshold}/${settings.probeIntervalMs}/${settings.recoveryThreshold}`;
    return this.#gates.acquire(key, () => new HealthGate(settings, this.#options));
  }

  /** A connection broke or could not be made, or accepted records were lost to the cluster. */
  failed(places: readonly Place[]): void {
    for (const gate of this.#gates.values()) gate.failed(places);
  }

  /** The cluster acked a batch. */
  acked(topic: string, partition: number): void {
    if (this.#gates.size === 0) return;
    for (const gate of this.#gates.values()) gate.acked({ topic, partition });
  }

  close(): void {
    for (const gate of this.#gates.clear()) gate.stop();
  }
}
