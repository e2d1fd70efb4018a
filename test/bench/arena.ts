import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Kafka, logLevel } from 'kafkajs';
import { bootstrapServers, makeKafkaRoute } from '../helpers/admin.ts';
import { register } from '../helpers/registry.ts';
import { type DataPlaneProcess, runControlPlane, runDataPlane } from '../helpers/sluice-process.ts';
import { waitFor } from '../helpers/wait-for.ts';
import { loadHttp2 } from './http2-load.ts';
import { cpuMs, load, type LoadResult, startServer, table } from './load.ts';
import { orderAvro, orderBody, orderJsonSchema, orderMessage, orderProto } from './order.ts';

/** One server under load: where, which process's CPU counts, and the topic its records must be in. */
export interface Contestant {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  readonly topic: string | null;
  /** The client whose data plane it is; null for the rivals. */
  readonly node: DataPlaneProcess | null;
}

/** What one turn of a contestant brought. */
export interface Round {
  readonly perSecond: number;
  /** Of the contestant's process, a request. */
  readonly cpuMicros: number;
}

/** Cleartext protocols of a data plane, each with a rival of its own. */
export type BenchProtocol = 'h1' | 'h2' | 'grpc';

export interface BenchOptions {
  readonly protocol?: BenchProtocol;
  readonly kafka: string;
  readonly registry: string;
  readonly clients: readonly string[];
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: readonly number[];
}

export type PathName = 'body' | 'envelope' | 'keyed' | 'avro' | 'json-schema' | 'protobuf' | 'lua';

/** Who takes part besides the bare server. */
export interface Field {
  /** The plain kafkajs server. */
  readonly plain: boolean;
  readonly paths: readonly PathName[];
}

/** The rounds of a contestant with this many connections. */
export type RoundsOf = (connections: number, name: string) => readonly Round[];

const partitions = 12;
const bareServers = {
  h1: { name: 'bare node:http', file: './bare-server.js' },
  h2: { name: 'bare node:http2', file: './bare-http2-server.js' },
  grpc: { name: 'bare grpc-js', file: './bare-grpc-server.js' },
} as const;

/** Returns the name of the rival that does nothing else. */
export function bareName(protocol: BenchProtocol = 'h1'): string {
  return bareServers[protocol].name;
}

export const plainName = 'kafkajs send a request';

/**
 * Lets data planes, a bare server of the same protocol that reads the same body and, where wanted, a plain kafkajs server take
 * turns under load, round after round in one run, and hands on what it measured. Only ratios within a run mean anything.
 * Fails when a topic's content differs from the acked count.
 */
export async function compete(
  options: BenchOptions,
  field: Field,
  report: (contestants: readonly Contestant[], roundsOf: RoundsOf) => void,
): Promise<void> {
  const folder = mkdtempSync(`${tmpdir()}/sluice-bench-`);
  const stops: (() => Promise<unknown>)[] = [];
  try {
    const contestants = await start(options, field, folder, stops);
    const results = new Map<string, Round[]>();
    for (const connections of options.connections) {
      for (let round = -1; round < options.rounds; round += 1) {
        for (const contestant of contestants) {
          // Round -1 warms every process up and is not counted.
          const seconds = round < 0 ? 2 : options.seconds;
          const result = await run(contestant, { connections, seconds, folder, protocol: options.protocol ?? 'h1' });
          if (round < 0) continue;
          const key = `${connections} ${contestant.name}`;
          results.set(key, [...(results.get(key) ?? []), result]);
        }
      }
    }
    report(contestants, (connections, name) => results.get(`${connections} ${name}`) ?? []);
    await checkTopics(options.kafka, contestants);
  } finally {
    for (const stop of stops.toReversed()) await stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The figure of a contestant's rounds over the rival's of the same round. */
export function ratios(rounds: readonly Round[], rival: readonly Round[], figure: keyof Round): number[] {
  return rounds.map((round, index) => round[figure] / (rival[index] ?? round)[figure]);
}

/** Writes a scenario's figures to `sluice-data/bench/<scenario>.json`. */
export function writeFigures(scenario: string, figures: readonly object[]): void {
  mkdirSync('sluice-data/bench', { recursive: true });
  writeFileSync(`sluice-data/bench/${scenario}.json`, JSON.stringify(figures, null, 2));
}

async function start(
  options: BenchOptions,
  field: Field,
  folder: string,
  stops: (() => Promise<unknown>)[],
): Promise<Contestant[]> {
  const run = randomUUID().slice(0, 8);
  const subject = `bench-${run}`;
  const { registry } = options;
  await register(`${subject}-avro`, { schema: orderAvro }, registry);
  await register(`${subject}-json-schema`, { schemaType: 'JSON', schema: orderJsonSchema }, registry);
  await register(`${subject}-protobuf`, { schemaType: 'PROTOBUF', schema: orderProto }, registry);

  const { name: bareTitle, file } = bareServers[options.protocol ?? 'h1'];
  const bare = await startServer(file);
  stops.push(() => bare.stop());
  const contestants: Contestant[] = [{ name: bareTitle, url: bare.url, pid: bare.pid, topic: null, node: null }];

  if (field.plain) {
    const plainTopic = `bench-plain-${run}`;
    await createTopic(options.kafka, plainTopic);
    const plain = await startServer('./kafkajs-server.js', [options.kafka, plainTopic]);
    stops.push(() => plain.stop());
    contestants.push({ name: plainName, url: plain.url, pid: plain.pid, topic: null, node: null });
  }

  const controlPlane = await runControlPlane({ folder });
  stops.push(() => controlPlane.stop());
  for (const client of options.clients) {
    const node = await runDataPlane({
      folder: `${folder}/${client}`,
      controlPlane: controlPlane.cluster,
      args: [`--kafka-client=${client}`],
    });
    stops.push(() => node.stop());
    for (const name of field.paths) {
      const { query, config } = paths(registry, subject)[name];
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

/** A message of a few of the body's members. */
const luaFunction = `return function(message)
  local order = message.body_args
  return { id = order.id, customer = order.customer, method = message.method }
end`;

function paths(
  registry: string,
  subject: string,
): Record<PathName, { readonly query: string; readonly config: object }> {
  const bySchema = (name: string) => {
    const value_schema = { subject_name: `${subject}-${name}`, schema_version: 'latest' };
    return {
      query: '',
      config: { record_value: 'body', schema_registry: { confluent: { url: registry, value_schema } } },
    };
  };
  return {
    body: { query: '', config: { record_value: 'body' } },
    envelope: { query: '', config: {} },
    keyed: { query: '?key=order-84213', config: { record_value: 'body', key_query_arg: 'key' } },
    avro: bySchema('avro'),
    'json-schema': bySchema('json-schema'),
    protobuf: bySchema('protobuf'),
    lua: { query: '', config: { message_by_lua_functions: [luaFunction] } },
  };
}

interface RunOptions {
  readonly connections: number;
  readonly seconds: number;
  readonly folder: string;
  readonly protocol: BenchProtocol;
}

async function run({ name, url, pid }: Contestant, options: RunOptions): Promise<Round> {
  const before = cpuMs(pid);
  const result = await loadOver(options, url, name.endsWith(' protobuf'));
  if (result.failed > 0) throw new Error(`${name}: ${result.failed} of ${result.requests} requests failed`);
  return {
    perSecond: result.requestsPerSecond,
    cpuMicros: ((cpuMs(pid) - before) * 1000) / result.requests,
  };
}

function loadOver(
  { connections, seconds, folder, protocol }: RunOptions,
  url: string,
  isProtobuf: boolean,
): Promise<LoadResult> {
  if (protocol === 'h1') {
    return load({ url, body: orderBody, contentType: 'application/json', connections, seconds }, folder);
  }
  const common = { url, concurrency: connections, seconds } as const;
  if (protocol === 'h2') {
    const headers = [['content-type', 'application/json']] as const;
    return loadHttp2({ ...common, body: Buffer.from(orderBody), headers, isGrpc: false });
  }
  const headers = [
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
  ] as const;
  const message = isProtobuf ? orderMessage() : Buffer.from(orderBody);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return loadHttp2({ ...common, body: Buffer.concat([prefix, message]), headers, isGrpc: true });
}

/** A topic of the bench's number of partitions. */
export async function createTopic(kafka: string, topic: string): Promise<void> {
  const admin = new Kafka({ brokers: kafka.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: partitions }] });
  await admin.disconnect();
}

/** Every record that the node counted as acked is in its topic, and no other. */
async function checkTopics(kafka: string, contestants: readonly Contestant[]): Promise<void> {
  const admin = new Kafka({ brokers: kafka.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const wrong: string[] = [];
  const rows = [['topic', 'acked', 'in the topic']];
  for (const { topic, node } of contestants) {
    if (topic === null || node === null) continue;
    // The load may have ended before its last answers: what is acked is counted when nothing is under way any more.
    const metrics = await waitFor(() => metricsAtRest(node), { what: 'the last answers', timeoutMs: 60_000 });
    const offsets = await admin.fetchTopicOffsets(topic);
    const held = offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
    const lines = metrics.split('\n').filter((line) => line.startsWith('sluice_kafka_records_total{'));
    const acked = lines
      .filter((line) => line.includes(`topic="${topic}"`) && line.includes('outcome="acked"'))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    rows.push([topic, String(acked), String(held)]);
    if (acked !== held || held === 0) wrong.push(topic);
    await admin.deleteTopics({ topics: [topic] });
  }
  await admin.disconnect();
  console.log(`\n${table(rows)}`);
  if (wrong.length > 0) throw new Error(`the acked count differs from the topic's: ${wrong.join(', ')}`);
}

/** The node's metrics once it works on no request and has no record queued; undefined before. */
async function metricsAtRest(node: DataPlaneProcess): Promise<string | undefined> {
  const text = await (await fetch(`${node.status}/metrics`)).text();
  const busy = /^sluice_(?:http_requests_in_flight|kafka_queue_records(?:\{\S*\})?) [^0]/m.test(text);
  return busy ? undefined : text;
}
