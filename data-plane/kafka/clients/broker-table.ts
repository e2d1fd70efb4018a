import { doublingMs } from '../../../shared/backoff.ts';
import { KafkaError } from '../kafka-error.ts';
import type { MetadataAnswer } from '../wire/metadata-request.ts';
import {
  type BrokerAddress,
  type BrokerConnection,
  connectionFailed,
  type OpenBrokerConnection,
} from './broker-connection.ts';

const reconnectBackoff = { firstMs: 50, maxMs: 1_000 } as const;
/** A refused login is tried again more slowly: brokers and directories may lock accounts. */
export const loginBackoffMs = 5_000;
/** A connection that a broker closes sooner than this was not idle. The limits of brokers are above it. */
const idleLeastMs = 1_000;

/** A broker of the cluster and the one connection to it. */
interface Broker {
  readonly id: number;
  address: BrokerAddress;
  connection: BrokerConnection | null;
  state: 'down' | 'opening' | 'up';
  /** Monotonic; when its connection was last opened. */
  openedAtMs: number;
  failures: number;
  /** Monotonic; no attempt before. */
  retryAtMs: number;
}

export interface BrokerTableOptions {
  readonly open: OpenBrokerConnection;
  /** Runs a function later, unless the client is closed by then. */
  readonly after: (delayMs: number, run: () => void) => void;
  /** Called when a broker may be ready that was not, or may be connected to again. */
  readonly onReady: () => void;
  readonly onUp: () => void;
  /** Called when a connection failed and none is left. */
  readonly onAllDown: (error: unknown) => void;
}

/** The brokers of a cluster by id, with one connection to each that is asked for. */
export class BrokerTable {
  readonly #options: BrokerTableOptions;
  readonly #brokers = new Map<number, Broker>();
  #closed = false;

  constructor(options: BrokerTableOptions) {
    this.#options = options;
  }

  get isOpening(): boolean {
    return [...this.#brokers.values()].some(({ state }) => state === 'opening');
  }

  /** Says whether a batch could be written to the broker at once. Opens its connection when there is none. */
  isReady(brokerId: number): boolean {
    const broker = this.#brokers.get(brokerId);
    if (broker === undefined) return false;
    if (broker.state === 'up') return broker.connection !== null && broker.connection.isReady();
    if (broker.state === 'down') this.#open(broker);
    return false;
  }

  /** The connection to a broker; null when it is not up. */
  connectionOf(brokerId: number): BrokerConnection | null {
    const broker = this.#brokers.get(brokerId);
    return broker?.state === 'up' ? broker.connection : null;
  }

  /** Any connection that is up, if possible one that is ready. */
  anyUp(): BrokerConnection | null {
    let up: BrokerConnection | null = null;
    for (const { state, connection } of this.#brokers.values()) {
      if (state !== 'up' || connection === null) continue;
      if (connection.isReady()) return connection;
      up = connection;
    }
    return up;
  }

  /** Connects to each broker, so that the state of the cluster is known without traffic. */
  openAll(): void {
    for (const broker of this.#brokers.values()) this.#open(broker);
  }

  /** Takes over the brokers that the cluster names. */
  learn(brokers: MetadataAnswer['brokers']): void {
    if (this.#closed) return;
    const seen = new Set<number>();
    for (const { id, host, port } of brokers) {
      seen.add(id);
      this.#learnAddress(id, { host, port });
    }
    for (const broker of this.#brokers.values()) {
      // A broker that the cluster no longer names and that does not answer either is forgotten.
      if (!seen.has(broker.id) && broker.state === 'down') this.#brokers.delete(broker.id);
    }
  }

  /** Ends all connections. */
  close(): void {
    this.#closed = true;
    for (const broker of this.#brokers.values()) {
      broker.connection?.destroy();
      broker.connection = null;
      broker.state = 'down';
    }
  }

  #learnAddress(id: number, address: BrokerAddress): void {
    const broker = this.#brokers.get(id);
    if (broker === undefined) {
      const fresh = { state: 'down', openedAtMs: -Infinity, failures: 0, retryAtMs: 0 } as const;
      this.#brokers.set(id, { id, address, connection: null, ...fresh });
    } else if (broker.address.host !== address.host || broker.address.port !== address.port) {
      broker.address = address;
      broker.failures = 0;
      broker.retryAtMs = 0;
      if (broker.state === 'up') this.#drop(broker, connectionFailed('the broker has moved', 'untouched'));
    }
  }

  #open(broker: Broker): void {
    if (this.#closed || broker.state !== 'down' || performance.now() < broker.retryAtMs) return;
    const connection = this.#options.open(broker.address, {
      onReady: () => this.#options.onReady(),
      onClosed: (error, wasIdle) => this.#ended(broker, error, wasIdle),
    });
    broker.state = 'opening';
    broker.connection = connection;
    connection.open().then(
      () => {
        if (this.#closed || broker.connection !== connection) return connection.destroy();
        broker.state = 'up';
        broker.openedAtMs = performance.now();
        broker.failures = 0;
        this.#options.onUp();
      },
      (error: unknown) => {
        connection.destroy();
        if (broker.connection === connection) this.#drop(broker, error);
      },
    );
  }

  /** Brokers close connections that are idle for long (`connections.max.idle.ms`): that is no failure. */
  #ended(broker: Broker, error: KafkaError, wasIdle: boolean): void {
    if (!wasIdle || performance.now() - broker.openedAtMs < idleLeastMs) return this.#drop(broker, error);
    broker.connection = null;
    broker.state = 'down';
    this.#open(broker);
  }

  #drop(broker: Broker, error: unknown): void {
    if (this.#closed) return;
    broker.connection?.destroy();
    broker.connection = null;
    broker.state = 'down';
    const delayMs = isLoginRefused(error) ? loginBackoffMs : reconnectDelayMs(broker.failures++);
    broker.retryAtMs = performance.now() + delayMs;
    if (this.anyUp() === null) this.#options.onAllDown(error);
    this.#options.after(delayMs + 1, () => {
      // Only the owner knows whether the broker is still of use: it asks isReady, which connects.
      if (broker.state === 'down') this.#options.onReady();
    });
  }
}

export function isLoginRefused(error: unknown): boolean {
  return error instanceof KafkaError && error.kafkaName === 'AUTHENTICATION_FAILED';
}

/** Returns three quarters of the doubled delay or more, with jitter so that many nodes do not come back in step. */
export function reconnectDelayMs(failures: number): number {
  return doublingMs(failures, reconnectBackoff) * (0.75 + Math.random() / 4);
}
