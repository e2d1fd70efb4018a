import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Outcome } from '../../shared/errors.ts';
import type { GateState } from './health-gates.ts';
import type { ClusterStatus } from './producer-types.ts';

/** What the queues of one producer hold at the moment. */
export interface QueueFigures {
  readonly label: string;
  readonly records: number;
  readonly bytes: number;
  readonly oldestAgeSeconds: number;
  readonly state: ClusterStatus['state'];
  /** Health gates that refuse records; null: none is in use. */
  readonly gatesClosed: number | null;
}

/** Topics that no metadata has confirmed share this label: their names come from requests and have no bound. */
export const unconfirmedTopic = '';

/** The producers' metrics (operations.md section 5). Counted a batch at a time, so that a record costs nothing here. */
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

export function createProducerMetrics(registry: Registry, queues: () => Iterable<QueueFigures>): ProducerMetrics {
  const registers = [registry];
  const records = new Counter({
    name: 'sluice_kafka_records_total',
    help: 'Records by topic and outcome',
    labelNames: ['cluster', 'topic', 'outcome'],
    registers,
  });
  const bytes = new Counter({
    name: 'sluice_kafka_bytes_total',
    help: 'Bytes of keys, values and headers handed to the brokers',
    labelNames: ['cluster', 'topic'],
    registers,
  });
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
  const failures = new Counter({
    name: 'sluice_kafka_failed_attempts_total',
    help: 'Batches that a Produce request brought no success for, by error',
    labelNames: ['cluster', 'error'],
    registers,
  });
  const late = new Counter({
    name: 'sluice_kafka_late_verdicts_total',
    help: 'Records whose verdict came after they had been answered unknown',
    labelNames: ['cluster', 'verdict'],
    registers,
  });
  const lost = new Counter({
    name: 'sluice_kafka_async_lost_total',
    help: 'Records accepted in async mode that the brokers did not confirm',
    labelNames: ['cluster', 'topic'],
    registers,
  });
  const gates = new Counter({
    name: 'sluice_kafka_health_gate_transitions_total',
    help: 'Changes of the health gates of async mode, by the state they changed to',
    labelNames: ['cluster', 'state'],
    registers,
  });
  registerQueueGauges(registry, queues);

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

/** Read when they are scraped. */
function registerQueueGauges(registry: Registry, queues: () => Iterable<QueueFigures>): void {
  const gauge = (name: string, help: string, read: (figures: QueueFigures) => number | null): void => {
    const metric = new Gauge({
      name,
      help,
      labelNames: ['cluster'],
      registers: [],
      collect() {
        this.reset();
        for (const figures of queues()) {
          const value = read(figures);
          if (value !== null) this.inc({ cluster: figures.label }, value);
        }
      },
    });
    registry.registerMetric(metric);
  };
  gauge('sluice_kafka_queue_records', 'Records queued or in flight', (figures) => figures.records);
  gauge('sluice_kafka_cluster_up', '1 while the cluster answers, else 0', ({ state }) =>
    state === 'connected' ? 1 : 0,
  );
  gauge('sluice_kafka_queue_bytes', 'Bytes of records queued or in flight', (figures) => figures.bytes);
  gauge(
    'sluice_kafka_queue_oldest_age_seconds',
    'Age of the oldest queued record',
    (figures) => figures.oldestAgeSeconds,
  );
  gauge(
    'sluice_kafka_health_gates_closed',
    'Health gates of async mode that refuse records, open ones are 0',
    (figures) => figures.gatesClosed,
  );
}
