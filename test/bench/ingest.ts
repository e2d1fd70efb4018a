import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { bootstrapServers, makeKafkaRoute } from '../helpers/admin.ts';
import { register } from '../helpers/registry.ts';
import { type DataPlaneProcess, runControlPlane, runDataPlane } from '../helpers/sluice-process.ts';
import { cpuMs, generator, load, median, spread, startServer, table } from './load.ts';
import { orderAvro, orderBody, orderJsonSchema, orderProto } from './order.ts';

/** One server under load: where, which process's CPU counts, and the topic its records must be in. */
interface Contestant {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  readonly topic: string | null;
  /** The client whose data plane it is; null for the rivals. */
  readonly node: DataPlaneProcess | null;
}

interface Round {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

export interface IngestOptions {
  readonly kafka: string;
  readonly registry: string;
  readonly clients: readonly string[];
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: readonly number[];
}

const partitions = 12;
/** Until what is under way when the load ends has its verdict. */
const settleMs = 15_000;

/**
 * Acked produce through the data plane against a bare HTTP server, a plain kafkajs send a request, and its own schema
 * path (bench.md `ingest` and `cpu`). Contestants take turns, round after round, in one run; only ratios are compared.
 * Fails when a topic's content differs from the acked count.
 */
export async function ingest(options: IngestOptions): Promise<void> {
  const folder = mkdtempSync(`${tmpdir()}/sluice-bench-`);
  const stops: (() => Promise<unknown>)[] = [];
  try {
    const contestants = await start(options, folder, stops);
    const results = new Map<string, Round[]>();
    for (const connections of options.connections) {
      for (let round = -1; round < options.rounds; round += 1) {
        for (const contestant of contestants) {
          // Round -1 warms every process up and is not counted.
          const result = await run(contestant, connections, round < 0 ? 2 : options.seconds, folder);
          if (round < 0) continue;
          const key = `${connections} ${contestant.name}`;
          results.set(key, [...(results.get(key) ?? []), result]);
        }
      }
    }
    report(options, contestants, results);
    await checkTopics(options.kafka, contestants);
  } finally {
    for (const stop of stops.toReversed()) await stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function start(options: IngestOptions, folder: string, stops: (() => Promise<unknown>)[]): Promise<Contestant[]> {
  const run = randomUUID().slice(0, 8);
  const subject = `bench-${run}`;
  const { registry } = options;
  await register(`${subject}-avro`, { schema: orderAvro }, registry);
  await register(`${subject}-json-schema`, { schemaType: 'JSON', schema: orderJsonSchema }, registry);
  await register(`${subject}-protobuf`, { schemaType: 'PROTOBUF', schema: orderProto }, registry);

  const bare = await startServer('./bare-server.js');
  stops.push(() => bare.stop());
  const contestants: Contestant[] = [{ name: 'bare node:http', url: bare.url, pid: bare.pid, topic: null, node: null }];

  const plainTopic = `bench-plain-${run}`;
  await createTopic(options.kafka, plainTopic);
  const plain = await startServer('./kafkajs-server.js', [options.kafka, plainTopic]);
  stops.push(() => plain.stop());
  contestants.push({ name: 'kafkajs send a request', url: plain.url, pid: plain.pid, topic: null, node: null });

  const controlPlane = await runControlPlane({ folder });
  stops.push(() => controlPlane.stop());
  for (const client of options.clients) {
    const node = await runDataPlane({
      folder: `${folder}/${client}`,
      controlPlane: controlPlane.cluster,
      args: [`--kafka-client=${client}`],
    });
    stops.push(() => node.stop());
    for (const { name, query, config } of paths(registry, subject)) {
      const topic = `bench-${client}-${name}-${run}`;
      await createTopic(options.kafka, topic);
      await makeKafkaRoute(controlPlane.admin, {
        name: `${client}-${name}`,
        path: `/${client}/${name}`,
        config: { bootstrap_servers: bootstrapServers(options.kafka), topic, ...config },
      });
      const url = `${node.proxy}/${client}/${name}${query}`;
      contestants.push({ name: `${client} ${name}`, url, pid: node.pid, topic, node });
    }
  }
  return contestants;
}

function paths(registry: string, subject: string) {
  const bySchema = (name: string) => {
    const value_schema = { subject_name: `${subject}-${name}`, schema_version: 'latest' };
    const schema_registry = { confluent: { url: registry, value_schema } };
    return { name, query: '', config: { record_value: 'body', schema_registry } };
  };
  return [
    { name: 'body', query: '', config: { record_value: 'body' } },
    { name: 'envelope', query: '', config: {} },
    { name: 'keyed', query: '?key=order-84213', config: { record_value: 'body', key_query_arg: 'key' } },
    ...['avro', 'json-schema', 'protobuf'].map(bySchema),
  ];
}

async function run(
  { name, url, pid }: Contestant,
  connections: number,
  seconds: number,
  folder: string,
): Promise<Round> {
  const before = cpuMs(pid);
  const result = await load({ url, body: orderBody, contentType: 'application/json', connections, seconds }, folder);
  if (result.failed > 0) throw new Error(`${name}: ${result.failed} of ${result.requests} requests failed`);
  return {
    perSecond: result.requestsPerSecond,
    cpuMicros: ((cpuMs(pid) - before) * 1000) / result.requests,
  };
}

function report(
  options: IngestOptions,
  contestants: readonly Contestant[],
  results: ReadonlyMap<string, Round[]>,
): void {
  const json: Record<string, unknown>[] = [];
  for (const connections of options.connections) {
    const of = (name: string) => results.get(`${connections} ${name}`) ?? [];
    const ratios = (name: string, rival: string, figure: (round: Round) => number) =>
      of(name).map((round, index) => figure(round) / figure(of(rival)[index] ?? round));
    const rows = [['', 'requests/s', 'CPU µs/request', 'of bare', 'CPU of bare', 'times plain kafkajs', 'of body']];
    for (const { name, node } of contestants) {
      const body = node === null ? null : `${name.split(' ')[0]} body`;
      const ofBare = ratios(name, 'bare node:http', (round) => round.perSecond);
      const cpuOfBare = ratios(name, 'bare node:http', (round) => round.cpuMicros);
      const ofPlain = ratios(name, 'kafkajs send a request', (round) => round.perSecond);
      const ofBody = body === null ? [] : ratios(name, body, (round) => round.perSecond);
      rows.push([
        name,
        spread(
          of(name).map((round) => round.perSecond),
          0,
        ),
        spread(
          of(name).map((round) => round.cpuMicros),
          1,
        ),
        spread(ofBare, 2),
        spread(cpuOfBare, 2),
        spread(ofPlain, 1),
        ofBody.length === 0 ? '' : spread(ofBody, 2),
      ]);
      json.push({
        connections,
        name,
        perSecond: median(of(name).map((round) => round.perSecond)),
        ofBare: median(ofBare),
        cpuOfBare: median(cpuOfBare),
        timesPlain: median(ofPlain),
        ofBody: ofBody.length === 0 ? null : median(ofBody),
      });
    }
    console.log(
      `\n${connections} connections, ${options.rounds} rounds of ${options.seconds} s, ${generator}: median (min–max)`,
    );
    console.log(table(rows));
  }
  mkdirSync('sluice-data/bench', { recursive: true });
  writeFileSync('sluice-data/bench/ingest.json', JSON.stringify(json, null, 2));
}

/** A topic of the bench's number of partitions. */
export async function createTopic(kafka: string, topic: string): Promise<void> {
  const admin = new Kafka({ brokers: kafka.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: partitions }] });
  await admin.disconnect();
}

async function ackedRecords(status: string, topic: string): Promise<number> {
  const metrics = await (await fetch(`${status}/metrics`)).text();
  return metrics
    .split('\n')
    .filter((line) => line.startsWith('sluice_kafka_records_total{'))
    .filter((line) => line.includes(`topic="${topic}"`) && line.includes('outcome="acked"'))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/** Every record that the node counted as acked is in its topic, and no other. */
async function checkTopics(kafka: string, contestants: readonly Contestant[]): Promise<void> {
  const admin = new Kafka({ brokers: kafka.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const wrong: string[] = [];
  const rows = [['topic', 'acked', 'in the topic']];
  for (const { topic, node } of contestants) {
    if (topic === null || node === null) continue;
    let acked = 0;
    let held = 0;
    // Of requests whose clients are gone records may still be under way.
    for (const untilMs = performance.now() + settleMs; performance.now() < untilMs; await delay(100)) {
      acked = await ackedRecords(node.status, topic);
      const offsets = await admin.fetchTopicOffsets(topic);
      held = offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
      if (acked === held) break;
    }
    rows.push([topic, String(acked), String(held)]);
    if (acked !== held || held === 0) wrong.push(topic);
    await admin.deleteTopics({ topics: [topic] });
  }
  await admin.disconnect();
  console.log(`\n${table(rows)}`);
  if (wrong.length > 0) throw new Error(`the acked count differs from the topic's: ${wrong.join(', ')}`);
}
