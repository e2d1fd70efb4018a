import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { bootstrapServers, makeKafkaRoute } from '../helpers/admin.ts';
import { countRecords } from '../helpers/kafka.ts';
import { register } from '../helpers/registry.ts';
import { runControlPlane, runDataPlane } from '../helpers/sluice-process.ts';
import { waitFor } from '../helpers/wait-for.ts';
import { createTopic, writeFigures } from './arena.ts';
import { javaRecordsPerSecond } from './java-producer.ts';
import { cpuMs, generator, load, median, spread, startServer, table } from './load.ts';

export interface BatchBenchOptions {
  readonly kafka: string;
  readonly registry: string;
  readonly clients: readonly string[];
  readonly sizes: readonly number[];
  readonly rounds: number;
  readonly seconds: number;
}

type FormatName = 'ndjson' | 'array';
interface Contestant {
  readonly name: string;
  readonly format: FormatName;
  readonly url: string;
  readonly pid: number;
  readonly topic: string;
}

interface Round {
  readonly recordsPerSecond: number;
  readonly cpuMicros: number;
  readonly loadMicros: number;
  readonly ofJava: number;
  readonly timesBare: number;
}

const recordBytes = 200;
const batchBytes = 1_048_576;
const mediaTypes = { ndjson: 'application/x-ndjson', array: 'application/json' } as const;
/** Records that are under way together, about. */
const inFlightRecords = 10_000;
const connectionsMax = 128;
const javaRecords = 400_000;

const recordAvro = JSON.stringify({
  type: 'record',
  name: 'Reading',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'sensor', type: 'string' },
    { name: 'value', type: 'double' },
    { name: 'count', type: 'long' },
    { name: 'ok', type: 'boolean' },
    { name: 'note', type: 'string' },
  ],
});
const recordJsonSchema = JSON.stringify({
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  additionalProperties: false,
  required: ['id', 'sensor', 'value', 'count', 'ok', 'note'],
  properties: {
    id: { type: 'string' },
    sensor: { type: 'string' },
    value: { type: 'number' },
    count: { type: 'integer' },
    ok: { type: 'boolean' },
    note: { type: 'string' },
  },
});

/** One record of exactly `recordBytes` bytes. */
function record(index: number): string {
  const fields = {
    id: `reading-${index}`,
    sensor: `s-${index % 50}`,
    value: index / 8,
    count: index,
    ok: true,
    note: '',
  };
  const note = 'n'.repeat(recordBytes - JSON.stringify(fields).length);
  return JSON.stringify({ ...fields, note });
}

function bodyOf(format: FormatName, size: number): string {
  const records = Array.from({ length: size }, (_, index) => record(index));
  return format === 'ndjson' ? records.join('\n') : `[${records.join(',')}]`;
}

/**
 * Records a second and CPU time a record of batches, beside Kafka's own producer-performance tool on the same topic
 * settings and beside a bare server that splits the same bytes and gives them to one `send`, all in turn in one run.
 */
export async function batch(options: BatchBenchOptions): Promise<void> {
  const folder = mkdtempSync(`${tmpdir()}/sluice-bench-`);
  const stops: (() => Promise<unknown>)[] = [];
  try {
    const { bare, contestants, javaTopic } = await start(options, folder, stops);
    const figures: object[] = [];
    for (const size of options.sizes) {
      const results = await runSize(options, size, { bare, contestants, javaTopic }, folder);
      const rows = [['', 'records/s', 'of Java', 'CPU µs/record', 'times bare', "load's CPU µs/record"]];
      for (const [name, rounds] of results) {
        const of = (figure: keyof Round): number[] => rounds.map((round) => round[figure]);
        rows.push([
          name,
          spread(of('recordsPerSecond'), 0),
          spread(of('ofJava'), 2),
          spread(of('cpuMicros'), 2),
          spread(of('timesBare'), 2),
          spread(of('loadMicros'), 2),
        ]);
        const [ofJava, timesBare] = [median(of('ofJava')), median(of('timesBare'))];
        figures.push({ size, name, recordsPerSecond: median(of('recordsPerSecond')), ofJava, timesBare });
      }
      const { rounds, seconds } = options;
      console.log(`\nbatches of ${size}, ${rounds} rounds of ${seconds} s, ${generator}: median (min–max)`);
      console.log(table(rows));
    }
    console.log('\nGoals at 1,000: raw ndjson 0.8 of Java; CPU 1.5 times bare, with Avro 4 times.');
    writeFigures('batch', figures);
  } finally {
    for (const stop of stops.toReversed()) await stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Field {
  readonly bare: Readonly<Record<FormatName, Contestant>>;
  readonly contestants: readonly Contestant[];
  readonly javaTopic: string;
}

async function runSize(
  { kafka, rounds, seconds }: BatchBenchOptions,
  size: number,
  { bare, contestants, javaTopic }: Field,
  folder: string,
): Promise<Map<string, Round[]>> {
  const results = new Map<string, Round[]>();
  for (let round = -1; round < rounds; round += 1) {
    // Round -1 warms every process up and is not counted.
    const forSeconds = round < 0 ? 1 : seconds;
    const java = await javaRecordsPerSecond({ kafka, topic: javaTopic, records: javaRecords, recordBytes, batchBytes });
    const bareCpu = new Map<FormatName, number>();
    for (const contestant of [...Object.values(bare), ...contestants]) {
      const measured = await run(kafka, contestant, size, forSeconds, folder);
      if (!bareCpu.has(contestant.format)) bareCpu.set(contestant.format, measured.cpuMicros);
      const ofJava = measured.recordsPerSecond / java;
      const timesBare = measured.cpuMicros / (bareCpu.get(contestant.format) ?? NaN);
      if (round >= 0) {
        const { name } = contestant;
        results.set(name, [...(results.get(name) ?? []), { ...measured, ofJava, timesBare }]);
      }
    }
  }
  return results;
}

async function run(
  kafka: string,
  { name, format, url, pid, topic }: Contestant,
  size: number,
  seconds: number,
  folder: string,
): Promise<Pick<Round, 'recordsPerSecond' | 'cpuMicros' | 'loadMicros'>> {
  const body = bodyOf(format, size);
  const connections = Math.max(4, Math.min(connectionsMax, Math.round(inFlightRecords / size)));
  const heldBefore = await countRecords(topic, kafka);
  const [before, ownBefore] = [cpuMs(pid), process.cpuUsage()];
  const result = await load({ url, body, contentType: mediaTypes[format], connections, seconds }, folder);
  const [after, own] = [cpuMs(pid), process.cpuUsage(ownBefore)];
  if (result.failed > 0) throw new Error(`${name}: ${result.failed} of ${result.requests} requests failed`);
  const held = (await countAtRest(topic, kafka)) - heldBefore;
  // Requests that the load broke off at its end may have been written too.
  const answered = result.requests * size;
  if (held < answered || held > answered + 2 * connections * size) {
    throw new Error(`${name}: ${answered} records were acked, and the topic has ${held}`);
  }
  return {
    recordsPerSecond: result.requestsPerSecond * size,
    cpuMicros: ((after - before) * 1000) / held,
    loadMicros: (own.user + own.system) / held,
  };
}

/** Counts the records of a topic once nothing is on its way to it: the load breaks off its last requests. */
async function countAtRest(topic: string, kafka: string): Promise<number> {
  let count = -1;
  return waitFor(
    async () => {
      const before = count;
      count = await countRecords(topic, kafka);
      return count === before ? count : undefined;
    },
    { what: 'the last records', timeoutMs: 60_000 },
  );
}

async function start(
  { kafka, registry, clients }: BatchBenchOptions,
  folder: string,
  stops: (() => Promise<unknown>)[],
): Promise<Field> {
  const id = randomUUID().slice(0, 8);
  await register(`batch-${id}-avro`, { schema: recordAvro }, registry);
  await register(`batch-${id}-json-schema`, { schemaType: 'JSON', schema: recordJsonSchema }, registry);
  const newTopic = async (name: string): Promise<string> => {
    const topic = `bench-${name}-${id}`;
    await createTopic(kafka, topic);
    return topic;
  };
  const bareTopic = await newTopic('bare');
  const server = await startServer('./bare-batch-server.js', [kafka, bareTopic]);
  stops.push(() => server.stop());
  const bareOf = (format: FormatName): Contestant => ({
    name: `bare, ${format}`,
    format,
    url: `${server.url}${format}`,
    pid: server.pid,
    topic: bareTopic,
  });
  const controlPlane = await runControlPlane({ folder });
  stops.push(() => controlPlane.stop());
  const contestants: Contestant[] = [];
  for (const client of clients) {
    const node = await runDataPlane({
      folder: `${folder}/${client}`,
      controlPlane: controlPlane.cluster,
      args: [`--kafka-client=${client}`],
    });
    stops.push(() => node.stop());
    for (const { name, format, config } of shapes(registry, `batch-${id}`)) {
      const route = `${client}-${name.replaceAll(/\W+/g, '-')}`;
      const topic = await newTopic(route);
      await makeKafkaRoute(controlPlane.admin, {
        name: route,
        path: `/${route}`,
        config: { bootstrap_servers: bootstrapServers(kafka), topic, record_value: 'body', ...config },
      });
      contestants.push({ name: `${client}, ${name}`, format, url: `${node.proxy}/${route}`, pid: node.pid, topic });
    }
  }
  return { bare: { ndjson: bareOf('ndjson'), array: bareOf('array') }, contestants, javaTopic: await newTopic('java') };
}

function shapes(registry: string, subject: string) {
  const bySchema = (name: string): object => {
    const value_schema = { subject_name: `${subject}-${name}`, schema_version: 'latest' };
    return { schema_registry: { confluent: { url: registry, value_schema } } };
  };
  const values: Readonly<Record<string, object>> = {
    raw: {},
    Avro: bySchema('avro'),
    'JSON Schema': bySchema('json-schema'),
  };
  const keys: Readonly<Record<string, object>> = { '': {}, ', keyed': { key_from: { body_pointer: '/id' } } };
  const formats: Readonly<Record<FormatName, object>> = {
    ndjson: { records_from: 'ndjson' },
    array: { records_from: 'json_array' },
  };
  return (['ndjson', 'array'] as const).flatMap((format) =>
    Object.entries(values).flatMap(([value, valueConfig]) =>
      Object.entries(keys).map(([key, keyConfig]) => ({
        name: `${format}, ${value}${key}`,
        format,
        config: { ...formats[format], ...valueConfig, ...keyConfig },
      })),
    ),
  );
}
