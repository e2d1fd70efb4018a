import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Outcome } from '../../shared/errors.ts';
import type { GateState } from './health-gates.ts';
import type { ClusterStatus } from './producer-types.ts';
import type { NodeMemory } from './queue-bounds.ts';

/** The present contents of one producer's queues. */
export interface QueueFigures {
  readonly label: string;
  readonly records: number;
  readonly bytes: number;
  readonly recordsMax: number;
  readonly bytesMax: number;
  readonly oldestAgeSeconds: number;
  readonly state: ClusterStatus['state'];
  /** Health gates that refuse records; null: none is in use. */
  readonly gatesClosed: number | null;
}

/** The producers' metrics. Topics are the labels of `TopicLabels`. Counted once a batch, so that a record costs nothing here. */
export interface ProducerMetrics {
  records(cluster: string, topic: string, outcome: Outcome, count: number): void;
  batch(cluster: string, topic: string, records: number, bytes: number): void;
  produced(cluster: string, seconds: number): void;
  attemptFailed(cluster: string, error: string): void;
  /** Verdicts that came after their records had been answered `unknown`. */
  late(cluster: string, acked: boolean, count: number): void;
  /** Async records that were accepted and lost. */
  lost(cluster: string, topic: string, count: number): void;
  /** A health gate of async mode has changed to this state. */
  gate(cluster: string, state: GateState): void;
}

export function createProducerMetrics(
  registry: Registry,
  queues: () => Iterable<QueueFigures>,
  memory: NodeMemory,
): ProducerMetrics {
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[]): Counter =>
    new Counter({ name, help, labelNames, registers });
  const records = counter('sluice_kafka_records_total', 'Records by topic and outcome', [
    'cluster',
    'topic',
    'outcome',
  ]);
  const bytes = counter('sluice_kafka_bytes_total', 'Bytes of keys, values and headers handed to the brokers', [
    'cluster',
    'topic',
  ]);
  const batchRecords = new Histogram({
    name: 'sluice_kafka_batch_records',
    help: 'Records in a batch: of one partition in a Produce request',
    labelNames: ['cluster'],
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
    registers,
  });
  const duration = new Histogram({
    name: 'sluice_kafka_produce_duration_seconds',
    help: 'From the hand-over of a Produce request to its answer',
    labelNames: ['cluster'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const failures = counter(
    'sluice_kafka_failed_attempts_total',
    'Batches that a Produce request brought no success for, by error',
    ['cluster', 'error'],
  );
  const late = counter(
    'sluice_kafka_late_verdicts_total',
    'Records whose verdict came after they had been answered unknown',
    ['cluster', 'verdict'],
  );
  const lost = counter(
    'sluice_kafka_async_lost_total',
    'Records accepted in async mode that the brokers did not confirm',
    ['cluster', 'topic'],
  );
  const gates = counter(
    'sluice_kafka_health_gate_transitions_total',
    'Changes of the health gates of async mode, by the state they changed to',
    ['cluster', 'state'],
  );
  registerQueueGauges(registry, queues);
  registerMemoryGauges(registry, memory);

  return {
    records: (cluster, topic, outcome, count) => records.inc({ cluster, topic, outcome }, count),
    batch: (cluster, topic, count, size) => {
      batchRecords.observe({ cluster }, count);
      bytes.inc({ cluster, topic }, size);
    },
    produced: (cluster, seconds) => duration.observe({ cluster }, seconds),
    attemptFailed: (cluster, error) => failures.inc({ cluster, error }),
    late: (cluster, acked, count) => late.inc({ cluster, verdict: acked ? 'acked' : 'failed' }, count),
    lost: (cluster, topic, count) => lost.inc({ cluster, topic }, count),
    gate: (cluster, state) => gates.inc({ cluster, state }),
  };
}

/** The value of one cluster, from the values of its producers. */
const combined = {
  sum: (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0),
  least: (values: readonly number[]) => Math.min(...values),
  most: (values: readonly number[]) => Math.max(...values),
} as const;

/** How the figures of several workers become one, by prom-client's names. */
const aggregators = { sum: 'sum', least: 'min', most: 'max' } as const;

interface QueueGauge {
  readonly name: string;
  readonly help: string;
  readonly combine: keyof typeof combined;
  /** Returns null where the figure does not apply. */
  readonly read: (figures: QueueFigures) => number | null;
}

const queueGauges: readonly QueueGauge[] = [
  {
    name: 'sluice_kafka_queue_records',
    help: 'Records queued or in flight',
    combine: 'sum',
    read: ({ records }) => records,
  },
  {
    name: 'sluice_kafka_queue_records_limit',
    help: 'Records that may be queued or in flight',
    combine: 'sum',
    read: ({ recordsMax }) => recordsMax,
  },
  {
    name: 'sluice_kafka_queue_bytes',
    help: 'Bytes of records queued or in flight',
    combine: 'sum',
    read: ({ bytes }) => bytes,
  },
  {
    name: 'sluice_kafka_queue_limit_bytes',
    help: 'Bytes of records that may be queued or in flight',
    combine: 'sum',
    read: ({ bytesMax }) => bytesMax,
  },
  {
    name: 'sluice_kafka_queue_oldest_age_seconds',
    help: 'Age of the oldest queued record',
    combine: 'most',
    read: ({ oldestAgeSeconds }) => oldestAgeSeconds,
  },
  {
    name: 'sluice_kafka_cluster_up',
    help: '1 while the cluster answers, else 0',
    combine: 'least',
    read: ({ state }) => (state === 'connected' ? 1 : 0),
  },
  {
    name: 'sluice_kafka_health_gates_closed',
    help: 'Health gates of async mode that refuse records',
    combine: 'sum',
    read: ({ gatesClosed }) => gatesClosed,
  },
];

/** Gauges that are read when they are scraped. */
function registerQueueGauges(registry: Registry, queues: () => Iterable<QueueFigures>): void {
  for (const { name, help, combine, read } of queueGauges) {
    const gauge = new Gauge({
      name,
      help,
      labelNames: ['cluster'],
      aggregator: aggregators[combine],
      registers: [],
      collect() {
        this.reset();
        const values = new Map<string, number[]>();
        for (const figures of queues()) {
          const value = read(figures);
          if (value === null) continue;
          const known = values.get(figures.label);
          if (known === undefined) values.set(figures.label, [value]);
          else known.push(value);
        }
        for (const [cluster, ofCluster] of values) this.set({ cluster }, combined[combine](ofCluster));
      },
    });
    registry.registerMetric(gauge);
  }
}

function registerMemoryGauges(registry: Registry, memory: NodeMemory): void {
  const gauge = (name: string, help: string, aggregator: 'sum' | 'max', read: () => number): void => {
    registry.registerMetric(
      new Gauge({
        name,
        help,
        aggregator,
        registers: [],
        collect() {
          this.set(read());
        },
      }),
    );
  };
  gauge(
    'sluice_kafka_memory_bytes',
    'Bytes of records queued or in flight, of all clusters',
    'sum',
    () => memory.bytes,
  );
  gauge('sluice_kafka_memory_limit_bytes', 'The setting producer_memory_max', 'max', () => memory.bytesMax);
}
