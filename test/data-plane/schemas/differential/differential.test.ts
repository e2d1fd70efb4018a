import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { expect } from 'chai';
import * as fc from 'fast-check';
import { Registry } from 'prom-client';
import { defaultServicesDirectory, downloadJars } from '../../../../control-plane/cli/services/download.ts';
import { javaCommand } from '../../../../control-plane/cli/services/java.ts';
import type { Encoders } from '../../../../data-plane/schemas/encoder.ts';
import { createEncoders } from '../../../../data-plane/schemas/encoders.ts';
import { createLogger } from '../../../../shared/log.ts';
import { pythonPackages } from '../../../helpers/python-packages.ts';
import { register, testRegistry } from '../../../helpers/registry.ts';
import { avroSchema } from './avro-cases.ts';
import { type Gen, type GeneratedSchema } from './cases.ts';
import { jsonSchema } from './json-cases.ts';
import { protobufSchema } from './protobuf-cases.ts';

/** Schemas a format; each has four values. */
const more = process.env['SLUICE_TEST_DIFFERENTIAL'];
const schemasMax = Number(more ?? 20);
/** The same in every usual run: what readers of other makes do with a rare value must not come up by chance. */
const seed = Number(process.env['SLUICE_TEST_SEED'] ?? (more === undefined ? 1 : Date.now() % 2 ** 31));
const registryUrl = testRegistry();
const scripts = resolve('test/data-plane/schemas/differential');
// Newer than the registry: 3.0.9 cannot be told that a Protobuf record has message indexes.
const serdeVersion = '3.1.7';
const javaFolder = `apicurio-serdes-${serdeVersion}`;
const javaArtifacts = [
  ...['avro', 'jsonschema', 'protobuf'].map(
    (format) => `io.apicurio:apicurio-registry-${format}-serde-kafka:${serdeVersion}`,
  ),
  // Maven would choose older ones than what they depend on needs.
  'com.fasterxml.jackson.core:jackson-core:2.20.0',
  'org.jetbrains.kotlin:kotlin-stdlib:2.2.20',
  'org.slf4j:slf4j-nop:2.0.17',
];
const encodeTimeoutMs = 30_000;
/** Registered at the same time. */
const schemasAtOnce = 8;

interface Case {
  readonly type: GeneratedSchema['schemaType'];
  readonly schema: string;
  readonly json: string;
  readonly expected: unknown;
  /** The record as it goes to Kafka, in hex. */
  readonly record: string;
  readonly topic: string;
  readonly message?: string;
  readonly descriptor?: unknown;
}

/** What readers of other makes find in our records is what the request said. */
describe(`records of generated schemas (seed ${seed})`, function () {
  this.timeout(300_000 + schemasMax * 2_000);
  let encoders: Encoders;
  const cases: Case[] = [];

  before(async () => {
    const logger = createLogger({ level: 'error', format: 'json', write: () => {} });
    encoders = createEncoders({ logger, metrics: new Registry(), registryTimeoutMs: encodeTimeoutMs });
    for (const make of [avroSchema, jsonSchema, protobufSchema]) {
      const schemas = fc.sample(fc.gen(), { seed, numRuns: schemasMax }).map((gen: Gen) => make(gen));
      for (let start = 0; start < schemas.length; start += schemasAtOnce) {
        const some = schemas.slice(start, start + schemasAtOnce);
        const encoded = some.map(async (schema, index) => encodeValues(schema, start + index));
        cases.push(...(await Promise.all(encoded)).flat());
      }
    }
  });
  after(() => encoders.close());

  async function encodeValues(generated: GeneratedSchema, index: number): Promise<Case[]> {
    const { schemaType, schema, values, message, descriptor } = generated;
    const subjectName = `differential-${schemaType}-${seed}-${process.pid}-${index}`;
    await register(subjectName, { schemaType, schema }, registryUrl);
    const lease = encoders.acquire({
      registry: { url: registryUrl, ttlSeconds: 3600, sslVerify: true, authentication: { mode: 'none' }, headers: {} },
      subjectName,
      schemaVersion: 'latest',
      payloadEncoding: 'auto',
      messageName: null,
      subjectNameStrategy: 'subject_name',
      role: 'value',
    });
    return Promise.all(
      values.map(async ({ json, expected }) => {
        const record = await encode(() => lease.encode('t', json, performance.now() + encodeTimeoutMs), schema, json);
        const common = { type: schemaType, schema, json, expected, record: record.toString('hex'), topic: subjectName };
        return { ...common, ...(message === undefined ? {} : { message, descriptor }) };
      }),
    );
  }

  it("are read by confluent-kafka's deserializers (Python) as they were sent", async function () {
    const packages = await pythonPackages('confluent-kafka-2.16.1', ['confluent-kafka[avro,json,protobuf]==2.16.1']);
    if (packages === undefined) {
      console.log('      not compared with Python: there is no python3 with pip');
      this.skip();
    }
    const args = [join(scripts, 'read_back.py'), registryUrl];
    compare(cases, await readBack('python3', args, cases, { PYTHONPATH: packages }));
  });

  it("are read by Avro's and Protobuf's Java libraries as they were sent", async () => {
    const known = cases.filter(({ type }) => type !== 'JSON');
    compare(known, await readBack(javaCommand(), await javaArgs(), known));
  });

  // Confluent's Java ones are not on Maven Central.
  it("are read by Apicurio's Java deserializers as they were sent", async () => {
    const args = [...(await javaArgs()), new URL('../registry/v3', registryUrl).href];
    compare(cases, await readBack(javaCommand(), args, cases));
  });
});

async function javaArgs(): Promise<string[]> {
  const jars = await downloadJars({
    root: resolve(defaultServicesDirectory),
    folder: javaFolder,
    artifacts: javaArtifacts,
  });
  return ['-Xmx256m', '-cp', join(jars, '*'), join(scripts, 'ReadBack.java')];
}

async function encode(work: () => Buffer | Promise<Buffer>, schema: string, json: string): Promise<Buffer> {
  try {
    return await work();
  } catch (error) {
    const details = error instanceof Error && 'details' in error ? JSON.stringify(error.details) : '';
    throw new Error(`${String(error)} ${details}\nof ${json}\nby ${schema}`, { cause: error });
  }
}

/** Gives the cases to a reader, a line each; it answers with a line each. */
async function readBack(
  command: string,
  args: readonly string[],
  cases: readonly Case[],
  env: NodeJS.ProcessEnv = {},
): Promise<unknown[]> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  const output = readText(child.stdout);
  const exited = once(child, 'exit');
  child.stdin.on('error', () => {}); // A reader that ended early says why by itself.
  child.stdin.end(cases.map((each) => `${JSON.stringify(each)}\n`).join(''));
  const lines = (await output).split('\n').filter((line) => line !== '');
  await exited;
  return lines.map((line): unknown => JSON.parse(line));
}

function compare(cases: readonly Case[], found: readonly unknown[]): void {
  for (const [index, { type, schema, json, expected, record }] of cases.entries()) {
    // One that was not read ended the reader.
    expect(found[index], `${type} ${json}\nby ${schema}\nas ${record}`).to.deep.equal(expected);
  }
  expect(found.length).to.equal(cases.length);
  const counts = [...new Set(cases.map(({ type }) => type))].map(
    (type) => `${cases.filter((each) => each.type === type).length} ${type}`,
  );
  console.log(`      ${counts.join(', ')} values`);
}
