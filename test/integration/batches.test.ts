import { expect } from 'chai';
import type { Answer } from '../../data-plane/plugin-api/exchange.ts';
import { RequestError } from '../../shared/errors.ts';
import { Closing } from '../helpers/closing.ts';
import { createTopic, type ReadRecord, readTopic } from '../helpers/kafka.ts';
import { registerAvro, testRegistry } from '../helpers/registry.ts';
import { realUpstream } from '../helpers/real-upstream.ts';

interface BatchBody {
  readonly outcome: string;
  readonly count: number;
  readonly records: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly count: number;
    readonly first_offset: string;
    readonly last_offset: string;
  }[];
  readonly offsets: readonly (readonly [index: number, partition: number, offset: string])[];
}

const lines = ['content-type', 'application/x-ndjson'];

function bodyOf(answer: Answer | RequestError): BatchBody {
  if (answer instanceof RequestError) throw answer;
  // The answer is what this suite is about.
  return JSON.parse(typeof answer.body === 'string' ? answer.body : '') as BatchBody;
}

describe('batches with a real Kafka and registry', function () {
  this.timeout(60_000);
  const closing = new Closing();
  const { create, send } = realUpstream(closing);
  after(() => closing.close());

  it('stand in the order of their elements for each key, in the ranges that the answer tells', async () => {
    const topic = await createTopic('batch', { partitions: 3 });
    const instance = create({ topic, record_value: 'body', records_from: 'ndjson', key_from: { body_pointer: '/k' } });
    const elements = Array.from({ length: 1_000 }, (_, index) => `{"k":"${index % 7}","n":${index},"x":1.0}`);
    const headers = [...lines, 'prefer', 'return=representation'];
    const body = bodyOf(await send(instance, { headers, body: elements.join('\n') }));
    expect(body).to.include({ outcome: 'acked', count: 1_000 });
    const records = await readTopic(topic);
    expect(records).to.have.length(1_000);
    const place = ({ partition, offset }: ReadRecord): string => `${partition}/${offset}`;
    const byPlace = new Map(records.map((record) => [place(record), record]));
    body.offsets.forEach(([index, partition, offset]) => {
      const record = byPlace.get(`${partition}/${offset}`);
      expect(record?.value?.toString()).to.equal(elements[index]);
      expect(record?.key?.toString()).to.equal(String(index % 7));
    });
    for (const { partition, count, first_offset: first, last_offset: last } of body.records) {
      expect(records.filter((record) => record.partition === partition)).to.have.length(count);
      expect(Number(last) - Number(first) + 1).to.equal(count);
    }
    for (const key of ['0', '6']) {
      const numbers = records
        .filter((record) => record.key?.toString() === key)
        .map(({ value }) => (JSON.parse(String(value)) as { n: number }).n);
      expect(numbers).to.deep.equal(numbers.toSorted((a, b) => a - b));
    }
  });

  it('are encoded with the schemas of their topics, or nothing is written', async () => {
    const topic = await createTopic('batch-avro');
    const fields = [{ name: 'n', type: 'long' as const }];
    const id = await registerAvro(`${topic}-value`, { type: 'record', name: 'N', fields });
    const confluent = { url: testRegistry(), value_schema: { subject_name: `${topic}-value` } };
    const instance = create({
      topic,
      record_value: 'body',
      records_from: 'json_array',
      records_pointer: '/records',
      value_from: { body_pointer: '/value' },
      schema_registry: { confluent },
    });
    const bodyWith = (...values: unknown[]): string => JSON.stringify({ records: values.map((value) => ({ value })) });
    const refused = await send(instance, { body: bodyWith({ n: 1 }, { n: 'x' }, { m: 1 }) });
    expect(refused).to.include({ status: 422, code: 'SCHEMA_VALIDATION_FAILED', detailsTotal: 3 });
    expect(refused instanceof RequestError && refused.details?.map(({ pointer }) => pointer)).to.deep.equal([
      '/1/n',
      '/2/n',
      '/2/m',
    ]);
    expect(bodyOf(await send(instance, { body: bodyWith({ n: 1 }, { n: 2 }) }))).to.include({ count: 2 });
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(id, 1);
    expect((await readTopic(topic)).map(({ value }) => value?.toString('hex'))).to.deep.equal([
      `${prefix.toString('hex')}02`,
      `${prefix.toString('hex')}04`,
    ]);
  });

  it('are refused before anything is written when one record is too large or belongs nowhere', async () => {
    const topic = await createTopic('batch-small', { configs: { 'max.message.bytes': '2000' } });
    const instance = create({
      topic,
      record_value: 'body',
      records_from: 'ndjson',
      topic_template: '${body./t}',
      allowed_topics: ['*'],
      partition_from: { body_pointer: '/p' },
      timestamp_from: { body_pointer: '/at' },
    });
    const line = (fields: object): string => JSON.stringify({ t: topic, ...fields });
    const rows: [fields: object, status: number, code: string][] = [
      [{ x: 'x'.repeat(2_000) }, 413, 'RECORD_TOO_LARGE'],
      [{ p: 1 }, 400, 'PARTITION_INVALID'],
      [{ at: '2999-01-01' }, 400, 'TIMESTAMP_INVALID'],
      [{ at: '2999-01-01T00:00:00Z' }, 400, 'TIMESTAMP_INVALID'],
      [{ t: 'no such topic' }, 400, 'TOPIC_INVALID'],
      [{ t: `unknown-${topic}` }, 404, 'TOPIC_NOT_FOUND'],
    ];
    for (const [fields, status, code] of rows) {
      const answer = await send(instance, { headers: lines, body: `${line({})}\n${line(fields)}\n${line({})}` });
      expect(answer).to.include({ status, code });
    }
    expect(await readTopic(topic)).to.deep.equal([]);
    // Together they are larger than a batch of the topic may be: they go in several.
    const many = Array.from({ length: 30 }, (_, n) => line({ n, x: 'x'.repeat(300) }));
    expect(bodyOf(await send(instance, { headers: lines, body: many.join('\n') }))).to.include({ count: 30 });
    expect((await readTopic(topic)).map(({ value }) => value?.toString())).to.deep.equal(many);
  });

  it('go round the partitions without a key, and are tombstones where they are null', async () => {
    const topic = await createTopic('batch-keyless', { partitions: 4 });
    const config = { topic, record_value: 'body', records_from: 'ndjson' };
    const numbers = Array.from({ length: 2_000 }, (_, index) => String(index));
    const body = bodyOf(await send(create(config), { headers: lines, body: numbers.join('\n') }));
    const records = await readTopic(topic);
    expect(records.map(({ value }) => value?.toString())).to.have.members(numbers);
    expect(body.records.reduce((sum, { count }) => sum + count, 0)).to.equal(2_000);
    expect(body.records.length).to.be.greaterThan(1);
    const keyed = create({ ...config, tombstones: true, key_query_arg: 'k' });
    expect(bodyOf(await send(keyed, { headers: lines, query: 'k=7', body: 'null\n1' }))).to.include({ count: 2 });
    const written = (await readTopic(topic)).filter(({ key }) => key !== null);
    expect(written.map(({ value }) => value?.toString())).to.deep.equal([undefined, '1']);
  });
});
