import type { Logger } from '../../shared/log.ts';
import type { HealthSettings } from './producer.ts';

export interface HealthGateOptions {
  readonly label: string;
  readonly logger: Logger;
  /** Asks the cluster for a sign of life. Rejects when there is none. */
  readonly probe: (deadlineMs: number) => Promise<void>;
  /** How long a probe may take. */
  readonly probeTimeoutMs: number;
}

/**
 * Whether async records are taken: closes after so many failures in a row, probes the cluster while it is closed, and
 * opens after so many successes in a row, which are probes answered or batches acked.
 */
export class HealthGate {
  readonly #settings: HealthSettings;
  readonly #options: HealthGateOptions;
  #failures = 0;
  #successes = 0;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(settings: HealthSettings, options: HealthGateOptions) {
    this.#settings = settings;
    this.#options = options;
  }

  /** Closed: the cluster is known to fail, and records are refused. */
  get isClosed(): boolean {
    return this.#closed;
  }

  failed(): void {
    this.#successes = 0;
    if (this.#closed || ++this.#failures < this.#settings.failureThreshold) return;
    this.#closed = true;
    const { logger, label } = this.#options;
    logger.warn('kafka_gate_closed', `Async records for Kafka cluster ${label} are refused: it fails`, {
      cluster: label,
      failures: this.#failures,
    });
    this.#probeLater();
  }

  succeeded(): void {
    this.#failures = 0;
    if (!this.#closed || ++this.#successes < this.#settings.recoveryThreshold) return;
    this.stop();
    const { logger, label } = this.#options;
    logger.info('kafka_gate_opened', `Async records for Kafka cluster ${label} are taken again`, { cluster: label });
  }

  /** Opens it and ends its timer. */
  stop(): void {
    this.#closed = false;
    this.#failures = 0;
    this.#successes = 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #probeLater(): void {
    const timer = setTimeout(() => {
      this.#options.probe(performance.now() + this.#options.probeTimeoutMs).then(
        () => this.#probed(timer, true),
        () => this.#probed(timer, false),
      );
    }, this.#settings.probeIntervalMs);
    this.#timer = timer;
  }

  #probed(timer: NodeJS.Timeout, answered: boolean): void {
    // Opened or stopped meanwhile.
    if (this.#timer !== timer) return;
    if (answered) this.succeeded();
    else this.failed();
    if (this.#closed) this.#probeLater();
  }
}

/** The gates of one producer: one for each set of thresholds in use, shared by reference count. */
export class HealthGates {
  readonly #options: HealthGateOptions;
  readonly #gates = new Map<string, { readonly gate: HealthGate; leases: number }>();

  constructor(options: HealthGateOptions) {
    this.#options = options;
  }

  acquire(settings: HealthSettings): { readonly gate: HealthGate; readonly release: () => void } {
    const key = `${settings.failureThreshold}/${settings.probeIntervalMs}/${settings.recoveryThreshold}`;
    let shared = this.#gates.get(key);
    if (shared === undefined) {
      shared = { gate: new HealthGate(settings, this.#options), leases: 0 };
      this.#gates.set(key, shared);
    }
    const held = shared;
    held.leases++;
    return {
      gate: held.gate,
      release: () => {
        if (--held.leases > 0) return;
        held.gate.stop();
        this.#gates.delete(key);
      },
    };
  }

  /** The cluster failed: a connection broke or could not be made, or accepted records were lost to it. */
  failed(): void {
    for (const { gate } of this.#gates.values()) gate.failed();
  }

  /** The cluster acked a batch. */
  succeeded(): void {
    for (const { gate } of this.#gates.values()) gate.succeeded();
  }

  close(): void {
    for (const { gate } of this.#gates.values()) gate.stop();
    this.#gates.clear();
  }
}
