import { createHash } from 'node:crypto';
import type { Registry } from 'prom-client';
import { CountedLeases } from '../../shared/counted-leases.ts';
import type { Destination } from '../../shared/destination.ts';
import { LatencyCounts } from '../../shared/latency-counts.ts';
import type { Logger } from '../../shared/log.ts';
import { canonicalJson } from '../../shared/snapshot.ts';
import type { KafkaClient, KafkaRecord } from './kafka-client.ts';
import { createKafkajsClient, type KafkaClientOptions } from './clients/kafkajs-client.ts';
import { createPlatformaticClient } from './clients/platformatic-client.ts';
import { unsupportedLogin } from './clients/security-login.ts';
import { loadPlatformatic } from './clients/platformatic-connection.ts';
import { LeasedLimits } from './leased-limits.ts';
import { LogicalProducer } from './logical-producer.ts';
import { createProducerMetrics, type ProducerMetrics } from './producer-metrics.ts';
import { gateClosed } from './produce-failure.ts';
import type { ProducerLease } from './producer-lease.ts';
import { brokersText, type ClusterSettings, type ClusterStatus, type ProducerOptions } from './producer-types.ts';
import { type NodeMemory, ownMemory } from './queue-bounds.ts';
import { TopicLabels } from './topic-labels.ts';

export type KafkaClientName = 'kafkajs' | 'platformatic';

export interface ProducersOptions {
  readonly kafkaClient: KafkaClientName;
  /** Bytes of records queued over all producers. */
  readonly producerMemoryMaxBytes: number;
  /** Where several processes share those bytes: the share of this one. */
  readonly memory?: NodeMemory;
  readonly logger: Logger;
  readonly metrics: Registry;
  /** In place of the named client. */
  readonly createClient?: (options: KafkaClientOptions) => KafkaClient;
}

/** Time limit of a producer to empty its queue after its last lease was released. */
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

/** Returns the settings that no client can fulfil. A configuration with one is refused, so that producers do not check again. */
export function unsupportedSettings(cluster: ClusterSettings): UnsupportedSetting[] {
  return unsupportedLogin(cluster.sasl);
}

interface Shared {
  readonly producer: LogicalProducer;
  readonly brokers: string;
  /** The bootstrap servers, in order. */
  readonly addresses: string;
  /** The cluster's name in each lease; the first one counts. */
  readonly labels: Set<() => string>;
  readonly limits: LeasedLimits;
}

/** Returns equal hashes for settings that make the same connections: the bootstrap servers are compared as a set. */
function hashOf(cluster: ClusterSettings): string {
  const bootstrapServers = [...new Set(cluster.bootstrapServers.map(({ host, port }) => `${host}:${port}`))].sort();
  return createHash('sha256')
    .update(canonicalJson({ ...cluster, bootstrapServers }))
    .digest('hex');
}

function addressesOf(servers: ClusterSettings['bootstrapServers']): string {
  return [...new Set(servers.map(({ host, port }) => `${host}:${port}`))].sort().join(',');
}

/** The producers of the node: one for each set of cluster settings in use, shared by the plugins that have these. */
export class Producers {
  readonly #options: ProducersOptions;
  readonly #createClient: (options: KafkaClientOptions) => KafkaClient;
  readonly #memory: NodeMemory;
  readonly #metrics: ProducerMetrics;
  readonly #produceLatency = new LatencyCounts();
  readonly #topicLabels = new TopicLabels();
  readonly #shared = new CountedLeases<string, Shared>(({ producer }) => this.#closeUnused(producer));
  /** Producers that work off their queue after the last lease. */
  readonly #closing = new Map<LogicalProducer, Promise<void>>();

  constructor(options: ProducersOptions) {
    this.#options = options;
    this.#createClient = options.createClient ?? clientFactories[options.kafkaClient];
    this.#memory = options.memory ?? ownMemory(options.producerMemoryMaxBytes);
    const metrics = createProducerMetrics(
      options.metrics,
      () => this.#producers().map((producer) => producer.figures()),
      this.#memory,
    );
    this.#metrics = {
      ...metrics,
      produced: (cluster, seconds) => {
        metrics.produced(cluster, seconds);
        this.#produceLatency.observe(seconds * 1_000);
      },
    };
  }

  /** Never waits and never fails on the network: connections start in the background. */
  acquire(options: ProducerOptions): ProducerLease {
    const { value: shared, release } = this.#shared.acquire(hashOf(options.cluster), () => this.#create(options));
    const { producer, labels } = shared;
    labels.add(options.label);
    const gate = options.health == null ? null : producer.gates.acquire(options.health);
    const releases = [
      shared.limits.acquire(options.limits),
      ...options.topics.map((topic) => producer.configureTopic(topic)),
      ...(gate === null ? [] : [gate.release]),
      // A producer that works off its queue keeps its last name.
      () => labels.size > 1 && labels.delete(options.label),
      release,
    ];
    return {
      publish: (topic, record, deadlineMs) => producer.publish(topic, record, deadlineMs),
      enqueue: (topic, record, deadlineMs) =>
        gate === null || gate.value.admits(performance.now())
          ? producer.enqueue(topic, record, deadlineMs)
          : producer.answerRefused(topic, gateClosed),
      checkPlace: (topic, place, deadlineMs) => producer.checkPlace(topic, place, deadlineMs),
      publishAll: (records, deadlineMs) => producer.group.publish(records, deadlineMs),
      enqueueAll: (records, deadlineMs) =>
        gate === null || gate.value.admits(performance.now())
          ? producer.group.enqueue(records, deadlineMs)
          : Promise.resolve(producer.answerRefused(records[0]?.topic ?? '', gateClosed, records.length)),
      checkAll: (records, deadlineMs) => producer.checkAll(records, deadlineMs),
      countRefused: (topic, outcome, count) => producer.countRefused(topic, outcome, count),
      partitionOf: (topic, record) => producer.partitionOf(topic, record),
      release: () => {
        for (const each of releases.splice(0)) each();
      },
    };
  }

  /** Every cluster in use, for status and readiness. Producers of one cluster are one: the worst state counts. */
  clusters(): readonly ClusterStatus[] {
    const clusters = new Map<string, ClusterStatus>();
    for (const { producer, brokers } of this.#shared.values()) {
      const { state, error } = producer.status;
      const known = clusters.get(producer.label);
      if (known !== undefined && stateWeights[known.state] >= stateWeights[state]) continue;
      clusters.set(producer.label, { name: producer.label, brokers, state, error });
    }
    return [...clusters.values()];
  }

  /** Every cluster in use and its configured topics, each once, with the worst of its states. */
  destinations(): readonly Destination[] {
    const destinations = new Map<string, Destination>();
    for (const { producer } of this.#shared.values()) {
      for (const destination of producer.destinations()) {
        const key = `${destination.kind} ${destination.name}`;
        const known = destinations.get(key);
        if (known !== undefined && reachWeights[known.state] >= reachWeights[destination.state]) continue;
        destinations.set(key, destination);
      }
    }
    return [...destinations.values()];
  }

  /** Returns what waits in all queues. */
  queue(): { readonly records: number; readonly bytes: number; readonly oldestMs: number } {
    let records = 0;
    let oldestMs = 0;
    for (const producer of this.#producers()) {
      const figures = producer.figures();
      records += figures.records;
      oldestMs = Math.max(oldestMs, figures.oldestAgeSeconds * 1_000);
    }
    return { records, bytes: this.#memory.bytes, oldestMs };
  }

  /** Returns the durations of Produce requests. */
  produceLatency(): LatencyCounts {
    return this.#produceLatency;
  }

  /** Returns the partition of a record at a cluster in use, whatever its login; undefined when no such cluster is in use. */
  partitionOfKnown(
    servers: ClusterSettings['bootstrapServers'],
    topic: string,
    record: KafkaRecord,
  ): number | null | undefined {
    const wanted = addressesOf(servers);
    for (const { producer, addresses } of this.#shared.values()) {
      if (addresses === wanted) return producer.partitionOf(topic, record);
    }
    return undefined;
  }

  /** Flushes queues until the deadline (monotonic ms), then closes. Records that are left are counted, logged and answered. */
  async close(deadlineMs: number): Promise<void> {
    const producers = this.#producers();
    this.#shared.clear();
    await Promise.all(producers.map((producer) => producer.close(deadlineMs)));
  }

  #producers(): LogicalProducer[] {
    return [...[...this.#shared.values()].map(({ producer }) => producer), ...this.#closing.keys()];
  }

  #create({ cluster, limits, label }: ProducerOptions): Shared {
    const { logger } = this.#options;
    const labels = new Set([label]);
    const producer = new LogicalProducer({
      label: () => (labels.values().next().value ?? label)(),
      cluster,
      limits,
      memory: this.#memory,
      logger,
      metrics: this.#metrics,
      topicLabels: this.#topicLabels,
      createClient: (events) => this.#createClient({ cluster, logger, events }),
    });
    return {
      producer,
      brokers: brokersText(cluster),
      addresses: addressesOf(cluster.bootstrapServers),
      labels,
      limits: new LeasedLimits((inForce) => producer.setLimits(inForce)),
    };
  }

  #closeUnused(producer: LogicalProducer): void {
    const closed = producer
      .close(performance.now() + releaseFlushMs)
      .catch((error: unknown) => this.#options.logger.error('kafka_close', String(error), { cluster: producer.label }))
      .finally(() => this.#closing.delete(producer));
    this.#closing.set(producer, closed);
  }
}

const stateWeights: Readonly<Record<ClusterStatus['state'], number>> = { connected: 0, connecting: 1, failing: 2 };
const reachWeights: Readonly<Record<Destination['state'], number>> = { reachable: 0, untested: 1, unreachable: 2 };
