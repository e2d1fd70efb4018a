import { createHash } from 'node:crypto';
import type { Registry } from 'prom-client';
import type { Logger } from '../../shared/log.ts';
import { canonicalJson } from '../../shared/snapshot.ts';
import type { KafkaClient } from './client.ts';
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
  type ProducerLimits,
  type ProducerOptions,
  type Producers,
} from './producer.ts';
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

/** The node's producers: one for each set of cluster settings in use, shared by reference count. */
export function createProducers(options: ProducersOptions): Producers {
  return new SharedProducers(options, options.createClient ?? clientFactories[options.kafkaClient]);
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
  readonly hash: string;
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

class SharedProducers implements Producers {
  readonly #options: ProducersOptions;
  readonly #createClient: (options: KafkaClientOptions) => KafkaClient;
  readonly #memory: NodeMemory;
  readonly #metrics: ProducerMetrics;
  readonly #labels: LabelClashes;
  readonly #shared = new Map<string, Shared>();
  /** Producers that work off their queue after the last lease. */
  readonly #closing = new Map<LogicalProducer, Promise<void>>();

  constructor(options: ProducersOptions, createClient: (options: KafkaClientOptions) => KafkaClient) {
    this.#options = options;
    this.#createClient = createClient;
    this.#memory = { bytesMax: options.producerMemoryMaxBytes, bytes: 0 };
    this.#labels = new LabelClashes(options.logger, options.labelSettleMs);
    this.#metrics = createProducerMetrics(options.metrics, () =>
      this.#producers().map((producer) => producer.figures()),
    );
  }

  acquire(options: ProducerOptions): ProducerLease {
    const hash = hashOf(options.cluster);
    const shared = this.#shared.get(hash) ?? this.#create(hash, options);
    const { limits } = options;
    if (shared.limits.add(limits)) shared.producer.setLimits(shared.limits.inForce());
    const { producer } = shared;
    let released = false;
    const held = options.health == null ? null : producer.gates.acquire(options.health);
    return {
      publish: (topic, record, deadlineMs) => producer.publish(topic, record, deadlineMs),
      enqueue: (topic, record, deadlineMs) =>
        held === null || held.gate.admits(performance.now())
          ? producer.enqueue(topic, record, deadlineMs)
          : producer.answerRefused(topic, gateClosed),
      release: () => {
        if (released) return;
        released = true;
        held?.release();
        this.#release(shared, limits);
      },
    };
  }

  clusters(): readonly ClusterStatus[] {
    return [...this.#shared.values()].map(({ producer, status }) => ({
      ...status,
      state: producer.status.state,
      error: producer.status.error,
    }));
  }

  async close(deadlineMs: number): Promise<void> {
    const producers = this.#producers();
    this.#shared.clear();
    this.#labels.close();
    await Promise.all(producers.map((producer) => producer.close(deadlineMs)));
  }

  #producers(): LogicalProducer[] {
    return [...[...this.#shared.values()].map(({ producer }) => producer), ...this.#closing.keys()];
  }

  #create(hash: string, { cluster, limits, label }: ProducerOptions): Shared {
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
    const shared = {
      hash,
      producer,
      status: { name: label, brokers: brokersText(cluster) },
      limits: new LeasedLimits(),
    };
    this.#shared.set(hash, shared);
    this.#labels.add(label);
    return shared;
  }

  #release(shared: Shared, limits: ProducerLimits): void {
    const changed = shared.limits.remove(limits);
    if (!shared.limits.isEmpty) {
      if (changed) shared.producer.setLimits(shared.limits.inForce());
      return;
    }
    if (this.#shared.get(shared.hash) !== shared) return;
    this.#shared.delete(shared.hash);
    this.#labels.remove(shared.status.name);
    const { producer } = shared;
    const closed = producer
      .close(performance.now() + releaseFlushMs)
      .catch((error: unknown) => this.#options.logger.error('kafka_close', String(error), { cluster: producer.label }))
      .finally(() => this.#closing.delete(producer));
    this.#closing.set(producer, closed);
  }
}
