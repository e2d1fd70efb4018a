import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { Registry } from 'prom-client';
import type { ProducerLease } from '../../../data-plane/kafka/producer-lease.ts';
import type { HealthSettings, Verdict } from '../../../data-plane/kafka/producer-types.ts';
import { Producers, type KafkaClientName } from '../../../data-plane/kafka/producers.ts';
import { createLogger } from '../../../shared/log.ts';
import { readTopic } from '../../helpers/kafka.ts';
import { testCluster, testLimits } from './fake-kafka-client.ts';

const deliveryTimeoutMs = 1500;
const concurrency = 32;
/** Beyond the longest delay of the event loop itself, which on a busy machine is no fault of the producer's. */
const lateMs = 150;
const loopDelay = monitorEventLoopDelay({ resolution: 10 });

export interface Answered {
  readonly verdict: Verdict;
  readonly tookMs: number;
}

export function openProducers(
  kafkaClient: KafkaClientName,
  brokers: string,
  lines: string[],
  health: HealthSettings | null = null,
) {
  const producers = new Producers({
    kafkaClient,
    producerMemoryMaxBytes: 100_000_000,
    logger: createLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) }),
    metrics: new Registry(),
  });
  const bootstrapServers = brokers.split(',').map((address) => {
    const [host = '', port = ''] = address.split(':');
    return { host, port: Number(port) };
  });
  const lease = producers.acquire({
    label: () => 'faults',
    topics: [],
    cluster: {
      ...testCluster,
      bootstrapServers,
      connectTimeoutMs: 2000,
      requestTimeoutMs: 1000,
    },
    limits: { ...testLimits, retryBackoffMs: 50 },
    health,
  });
  return { producers, lease };
}

/** Numbered records, half of them with keys, in a closed loop. */
export function startLoad(lease: ProducerLease, topic: string) {
  loopDelay.reset();
  loopDelay.enable();
  const answers = new Map<number, Answered>();
  let next = 0;
  let running = true;
  async function client(index: number): Promise<void> {
    while (running) {
      const number = next++;
      const startedMs = performance.now();
      const record = {
        key: index % 2 === 0 ? Buffer.from(`k${index}`) : null,
        value: Buffer.from(`${number}`),
        headers: [],
      };
      const verdict = await lease.publish(topic, record, startedMs + deliveryTimeoutMs);
      answers.set(number, { verdict, tookMs: performance.now() - startedMs });
      await delay(verdict.outcome === 'acked' ? 1 : 20);
    }
  }
  const clients = Array.from({ length: concurrency }, (_, index) => client(index));
  return {
    answers,
    stop: async () => {
      running = false;
      await Promise.all(clients);
      loopDelay.disable();
    },
  };
}

export function outcomes(answers: ReadonlyMap<number, Answered>): Record<Verdict['outcome'], number> {
  const counts = { acked: 0, accepted: 0, rejected: 0, not_sent: 0, unknown: 0 };
  for (const { verdict } of answers.values()) counts[verdict.outcome]++;
  return counts;
}

/** bench.md: acked but absent, or refused but present, is a lie. */
export async function checkOracle(
  topic: string,
  answers: ReadonlyMap<number, Answered>,
  brokers: string,
): Promise<void> {
  const written = new Set<number>();
  const places = new Map<string, number>();
  for (const { value, partition, offset } of await readTopic(topic, brokers)) {
    written.add(Number(value));
    places.set(`${partition}/${offset}`, Number(value));
  }
  const lost: number[] = [];
  const misplaced: number[] = [];
  const wronglyWritten: number[] = [];
  let longestMs = 0;
  for (const [number, { verdict, tookMs }] of answers) {
    longestMs = Math.max(longestMs, tookMs);
    if (verdict.outcome === 'acked') {
      if (!written.has(number)) lost.push(number);
      if (places.get(`${verdict.partition}/${verdict.offset}`) !== number) misplaced.push(number);
    }
    if ((verdict.outcome === 'not_sent' || verdict.outcome === 'rejected') && written.has(number))
      wronglyWritten.push(number);
  }
  expect({ lost, misplaced, wronglyWritten }).to.deep.equal({ lost: [], misplaced: [], wronglyWritten: [] });
  expect(longestMs).to.be.lessThan(deliveryTimeoutMs + lateMs + loopDelay.max / 1e6);
}
