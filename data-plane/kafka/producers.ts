import { createHash } from 'node:crypto';
import type { Registry } from 'prom-client';
import { CountedLeases } from '../../shared/counted-leases.ts';
import type { Logger } from '../../shared/log.ts';
import { canonicalJson } from '../../shared/snapshot.ts';
import type { KafkaClient } from './kafka-client.ts';
import { createKafkajsClient, type KafkaClientOptions } from './clients/kafkajs-client.ts';
import { createPlatformaticClient } from './clients/platformatic-client.ts';
import { unsupportedLogin } from './clients/security-login.ts';
import { loadPlatformatic } from './clients/platformatic-connection.ts';
import { LabelClashes } from './label-clashes.ts';
import { LeasedLimits } from './leased-limits.ts';
import { LogicalProducer } from './logical-producer.ts';
import { createProducerMetrics, type ProducerMetrics } from './producer-metrics.ts';
import { gateClosed } from './produce-failure.ts';
import {
  brokersText,
  type ClusterSettings,
  type ClusterStatus,
  type ProducerLease,
  type ProducerOptions,
} from './producer-types.ts';
import type { NodeMemory } from './queue-bounds.ts';

export type KafkaClientName = 'kafkajs' | 'platformatic';

export interface ProducersOptions {
  readonly kafkaClient: KafkaClientName;
  /** Bytes of records queued over all producers. */
  readonly producerMemoryMaxBytes: number;
  readonly logger: Logger;
  readonly metrics: Registry;
  /** In place of the named client. */
  readonly createClient?: (options: KafkaClientOptions) => KafkaClient;
  /** How long two producers may share a label before that is a clash (ms). */
  readonly labelSettleMs?: number;
}

/** How long a producer whose last lease is gone may still work off its queue. */
const releaseFlushMs = 30_000;

const clientFactories: Readonly<Record<KafkaClientName, (options: KafkaClientOptions) => KafkaClient>> = {
  kafkajs: createKafkajsClient,
  platformatic: createPlatformaticClient,
};

/**
 * Loads the client's library, where that happens only on demand. To be awaited before a node takes requests: loading
 * holds up the event loop for most of a second, and with it every answer beyond its deadline.
 */
export async function loadKafkaClient(name: KafkaClientName): Promise<void> {
  if (name === 'platformatic') await loadPlatformatic();
}

/** A setting that the node cannot fulfil: its path below `config` of kafka-upstream, and why. */
export interface UnsupportedSetting {
  readonly field: string;
  readonly reason: string;
}

/** What of these settings neither client can keep. The configuration is refused then; producers do not look again. */
export function unsupportedSettings(cluster: ClusterSettings): UnsupportedSetting[] {
  return unsupportedLogin(cluster.sasl);
}

interface Shared {
  readonly producer: LogicalProducer;
  readonly status: { readonly name: string; readonly brokers: string };
  readonly limits: LeasedLimits;
}

/** Equal for settings that make the same connections: the bootstrap servers are a set, in whatever order, however often. */
function hashOf(cluster: ClusterSettings): string {
  const bootstrapServers = [...new Set(cluster.bootstrapServers.map(({ host, port }) => `${host}:${port}`))].sort();
  return createHash('sha256')
    .update(canonicalJson({ ...cluster, bootstrapServers }))
    .digest('hex');
}

/** The producers of the node: one for each set of cluster settings in use, shared by the plugins that have these. */
export class Producers {
  readonly #options: ProducersOptions;
  readonly #createClient: (options: KafkaClientOptions) => KafkaClient;
  readonly #memory: NodeMemory;
  readonly #metrics: ProducerMetrics;
  readonly #labels: LabelClashes;
  readonly #shared = new CountedLeases<string, Shared>((shared) => this.#closeUnused(shared));
  /** Producers that work off their queue after the last lease. */
  readonly #closing = new Map<LogicalProducer, Promise<void>>();

  constructor(options: ProducersOptions) {
    this.#options = options;
    this.#createClient = options.createClient ?? clientFactories[options.kafkaClient];
    this.#memory = { bytesMax: options.producerMemoryMaxBytes, bytes: 0 };
    this.#labels = new LabelClashes(options.logger, options.labelSettleMs);
    this.#metrics = createProducerMetrics(options.metrics, () =>
      this.#producers().map((producer) => producer.figures()),
    );
  }

  /** Never waits and never fails on the network: connections start in the background. */
  acquire(options: ProducerOptions): ProducerLease {
    const { value: shared, release } = this.#shared.acquire(hashOf(options.cluster), () => this.#create(options));
    const { producer } = shared;
    const releaseLimits = shared.limits.acquire(options.limits);
    const gate = options.health == null ? null : producer.gates.acquire(options.health);
    return {
      publish: (topic, record, deadlineMs) => producer.publish(topic, record, deadlineMs),
      enqueue: (topic, record, deadlineMs) =>
        gate === null || gate.value.admits(performance.now())
          ? producer.enqueue(topic, record, deadlineMs)
          : producer.answerRefused(topic, gateClosed),
      release: () => {
        gate?.release();
        releaseLimits();
        release();
      },
    };
  }

  /** Every cluster in use, for status and readiness. */
  clusters(): readonly ClusterStatus[] {
    return [...this.#shared.values()].map(({ producer, status }) => ({
      ...status,
      state: producer.status.state,
      error: producer.status.error,
    }));
  }

  /** Flushes queues until the deadline (monotonic ms), then closes. Records that are left are counted, logged and answered. */
  async close(deadlineMs: number): Promise<void> {
    const producers = this.#producers();
    this.#shared.clear();
    this.#labels.close();
    await Promise.all(producers.map((producer) => producer.close(deadlineMs)));
  }

  #producers(): LogicalProducer[] {
    return [...[...this.#shared.values()].map(({ producer }) => producer), ...this.#closing.keys()];
  }

  #create({ cluster, limits, label }: ProducerOptions): Shared {
    const { logger } = this.#options;
    const producer = new LogicalProducer({
      label,
      cluster,
      limits,
      memory: this.#memory,
      logger,
      metrics: this.#metrics,
      createClient: (events) => this.#createClient({ cluster, logger, events }),
    });
    this.#labels.add(label);
    return {
      producer,
      status: { name: label, brokers: brokersText(cluster) },
      limits: new LeasedLimits((inForce) => producer.setLimits(inForce)),
    };
  }

  #closeUnused({ producer, status }: Shared): void {
    this.#labels.remove(status.name);
    const closed = producer
      .close(performance.now() + releaseFlushMs)
      .catch((error: unknown) => this.#options.logger.error('kafka_close', String(error), { cluster: producer.label }))
      .finally(() => this.#closing.delete(producer));
    this.#closing.set(producer, closed);
  }
}
