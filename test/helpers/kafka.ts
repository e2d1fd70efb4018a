import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Kafka, logLevel, type Consumer, type IHeaders } from 'kafkajs';
import { downloadKafka } from '../../control-plane/cli/services/download.ts';
import { javaCommand } from '../../control-plane/cli/services/java.ts';
import { createTopic as createTopicOnce } from '../../control-plane/cli/services/kafka-wire.ts';
import { firstAddress } from '../../control-plane/cli/services/services.ts';
import { waitFor } from './wait-for.ts';

const run = promisify(execFile);
const readTimeoutMs = 60_000;

/** The brokers of this run, `host:port,…`. */
export function testKafka(): string {
  const brokers = process.env['SLUICE_TEST_KAFKA'];
  if (brokers === undefined) throw new Error('SLUICE_TEST_KAFKA is not set; npm test sets it.');
  return brokers;
}

export interface TopicOptions {
  readonly partitions?: number;
  readonly replicationFactor?: number;
  readonly configs?: Readonly<Record<string, string>>;
  /** A PLAINTEXT listener; the run's brokers by default. */
  readonly brokers?: string;
  /** The whole name, where a test needs a certain one. */
  readonly name?: string;
}

/** Creates a topic with a name that no other test has, and waits until its partitions have leaders. */
export async function createTopic(prefix: string, options: TopicOptions = {}): Promise<string> {
  const { partitions = 1, replicationFactor = 1, configs = {}, brokers = testKafka() } = options;
  const topic = options.name ?? `${prefix}-${randomUUID()}`;
  const address = firstAddress(brokers);
  await createTopicOnce({ address, topic, partitions, replicationFactor, configs, timeoutMs: 15_000 });
  const admin = client(brokers).admin();
  await admin.connect();
  try {
    await waitFor(
      async () => {
        const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
        const leaders = topics[0]?.partitions.filter(({ leader }) => leader >= 0) ?? [];
        return leaders.length === partitions;
      },
      { what: `leaders of ${topic}`, timeoutMs: 15_000 },
    );
  } finally {
    await admin.disconnect();
  }
  return topic;
}

export interface ReadRecord {
  readonly partition: number;
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: IHeaders;
  readonly timestamp: string;
}

/** Every record of the topic as it stands now, in order of partition and offset. */
export async function readTopic(topic: string, brokers = testKafka()): Promise<ReadRecord[]> {
  const kafka = client(brokers);
  const ends = await endOffsets(kafka, topic);
  const records: ReadRecord[] = [];
  const missing = new Set(ends.filter(({ low, high }) => high > low).map(({ partition }) => partition));
  if (missing.size === 0) return records;
  const consumer = kafka.consumer({ groupId: `read-${randomUUID()}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await readUntil(consumer, (record) => {
      const end = ends.find(({ partition }) => partition === record.partition)?.high ?? 0n;
      if (BigInt(record.offset) < end) records.push(record);
      if (BigInt(record.offset) >= end - 1n) missing.delete(record.partition);
      return missing.size === 0;
    });
  } finally {
    await consumer.disconnect();
  }
  return records.sort((a, b) => a.partition - b.partition || Number(BigInt(a.offset) - BigInt(b.offset)));
}

/** Feeds records to `take` until it says that it has all. */
async function readUntil(consumer: Consumer, take: (record: ReadRecord) => boolean): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`the topic was not read within ${readTimeoutMs} ms`)),
      readTimeoutMs,
    );
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    consumer
      .run({
        eachMessage: async ({ partition, message }) => {
          const { offset, key, value, headers = {}, timestamp } = message;
          if (take({ partition, offset, key, value, headers, timestamp })) done();
        },
      })
      .catch((error: unknown) => {
        clearTimeout(timer);
        reject(error instanceof Error ? error : new Error(String(error)));
      });
  });
}

async function endOffsets(kafka: Kafka, topic: string) {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const offsets = await admin.fetchTopicOffsets(topic);
    return offsets.map(({ partition, low, high }) => ({ partition, low: BigInt(low), high: BigInt(high) }));
  } finally {
    await admin.disconnect();
  }
}

/** Number of records in the topic by its offsets alone (no transactions, nothing compacted). */
export async function countRecords(topic: string, brokers = testKafka()): Promise<number> {
  const ends = await endOffsets(client(brokers), topic);
  return ends.reduce((sum, { low, high }) => sum + Number(high - low), 0);
}

/**
 * The lines that Kafka's own console consumer (Java) prints for this many records: by default key, tab, value.
 * Further `--formatter-property name=value` pairs by `properties`, e.g. `print.headers`.
 */
export async function readWithConsoleConsumer(
  topic: string,
  count: number,
  options: { readonly brokers?: string; readonly properties?: Readonly<Record<string, string>> } = {},
): Promise<string[]> {
  const { brokers = testKafka(), properties = {} } = options;
  const jars = await downloadKafka();
  const shown = Object.entries({ 'print.key': 'true', ...properties });
  const { stdout } = await run(
    javaCommand(),
    [
      '-Xmx128m',
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
      '-cp',
      join(jars, '*'),
      'org.apache.kafka.tools.consumer.ConsoleConsumer',
      `--bootstrap-server=${brokers}`,
      `--topic=${topic}`,
      '--from-beginning',
      `--max-messages=${count}`,
      '--timeout-ms=30000',
      ...shown.flatMap(([name, value]) => ['--formatter-property', `${name}=${value}`]),
    ],
    { timeout: readTimeoutMs, maxBuffer: 64 * 1024 * 1024 },
  );
  return stdout.split('\n').slice(0, -1);
}

function client(brokers: string): Kafka {
  return new Kafka({ clientId: 'sluice-test', brokers: brokers.split(','), logLevel: logLevel.NOTHING });
}
