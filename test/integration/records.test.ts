import { expect } from 'chai';
import { Closing } from '../helpers/closing.ts';
import { createTopic, readTopic } from '../helpers/kafka.ts';
import { registerAvro, testRegistry } from '../helpers/registry.ts';
import { realUpstream } from '../helpers/real-upstream.ts';
import { waitFor } from '../helpers/wait-for.ts';

describe('records of kafka-upstream with a real Kafka and registry', function () {
  this.timeout(120_000);
  const closing = new Closing();
  const { create, send } = realUpstream(closing);
  after(() => closing.close());

  it('partition and timestamp are those that the request chose, and the key is still written', async () => {
    const topic = await createTopic('place', {
      partitions: 3,
      configs: { 'message.timestamp.before.max.ms': '3600000', 'message.timestamp.after.max.ms': '60000' },
    });
    const instance = create({
      topic,
      record_value: 'body',
      key_from: { body_pointer: '/id' },
      partition_from: { body_pointer: '/partition' },
      timestamp_from: { body_pointer: '/at' },
    });
    const nowMs = Date.now();
    const rows: [body: object, answer: object][] = [
      [{ id: 'a', partition: 2, at: nowMs - 1_800_000 }, { status: 200 }],
      [{ id: 'a', partition: 1, at: new Date(nowMs + 10_000).toISOString() }, { status: 200 }],
      [
        { id: 'a', partition: 3 },
        { status: 400, code: 'PARTITION_INVALID', outcome: 'rejected' },
      ],
      [
        { id: 'a', partition: 0, at: nowMs - 7_200_000 },
        { status: 400, code: 'TIMESTAMP_INVALID' },
      ],
      [
        { id: 'a', partition: 0, at: nowMs + 600_000 },
        { status: 400, code: 'TIMESTAMP_INVALID' },
      ],
    ];
    for (const [body, answer] of rows) expect(await send(instance, { body: JSON.stringify(body) })).to.include(answer);
    const records = await readTopic(topic);
    expect(records.map(({ partition, key, timestamp }) => [partition, key?.toString(), timestamp])).to.deep.equal([
      [1, 'a', String(nowMs + 10_000)],
      [2, 'a', String(nowMs - 1_800_000)],
    ]);
  });

  it('key, value, headers and topic come from parts of one body', async () => {
    const topic = await createTopic('parts');
    const keySubject = `${topic}-key`;
    const fields = [{ name: 'id', type: 'long' as const }];
    await registerAvro(keySubject, { type: 'record', name: 'Key', fields });
    const url = testRegistry();
    const instance = create({
      topic: 'nobody-writes-here',
      topic_template: '${body./to}',
      allowed_topics: [topic],
      record_value: 'body',
      key_from: { body_pointer: '/key' },
      value_from: { body_pointer: '/value' },
      headers_from: { body_pointer: '/headers' },
      headers: { prefix_mappings: { 'x-evt-': 'evt_' } },
      tombstones: true,
      schema_registry: { confluent: { url, key_schema: { subject_name: keySubject } } },
    });
    const message = { to: topic, key: { id: 5 }, value: { a: 1 }, headers: { b: 'ü' } };
    const headers = ['content-type', 'application/json', 'x-evt-kind', 'new'];
    expect(await send(instance, { headers, body: JSON.stringify(message) })).to.include({ status: 200 });
    expect(await send(instance, { body: JSON.stringify({ ...message, value: null }) })).to.include({ status: 200 });
    const refused: [body: object, answer: object][] = [
      [
        { ...message, key: { no: 5 } },
        { status: 422, code: 'SCHEMA_VALIDATION_FAILED' },
      ],
      [
        { ...message, to: 'elsewhere' },
        { status: 403, code: 'TOPIC_NOT_ALLOWED' },
      ],
      [
        { ...message, headers: { b: 1 } },
        { status: 400, code: 'BODY_INVALID' },
      ],
    ];
    for (const [body, answer] of refused)
      expect(await send(instance, { body: JSON.stringify(body) })).to.include(answer);
    const [first, second, ...others] = await readTopic(topic);
    expect(others).to.have.length(0);
    expect(first?.key?.subarray(5).toString('hex')).to.equal('0a');
    expect(first?.value?.toString()).to.equal('{"a":1}');
    expect(Object.entries(first?.headers ?? {}).map(([name, value]) => `${name}: ${String(value)}`)).to.deep.equal([
      'evt_kind: new',
      'b: ü',
    ]);
    expect([second?.key, second?.value]).to.deep.equal([first?.key, null]);
  });

  it('an object key does not fit a schema of strings', async () => {
    const topic = await createTopic('string-key');
    await registerAvro(`${topic}-key`, 'string');
    const key_schema = { subject_name: `${topic}-key` };
    const schema_registry = { confluent: { url: testRegistry(), key_schema } };
    const instance = create({ topic, record_value: 'body', key_from: { body_pointer: '/key' }, schema_registry });
    expect(await send(instance, { body: '{"key":{"id":5}}' })).to.include({ status: 422 });
    expect(await send(instance, { body: '{"key":"{}"}' })).to.include({ status: 200 });
  });

  it('a request with an idempotency key is written once', async () => {
    const topic = await createTopic('idempotency');
    const instance = create({ topic, record_value: 'body', idempotency_key_from: { header: 'Idempotency-Key' } });
    const headers = ['idempotency-key', 'order-7'];
    const first = await send(instance, { headers, body: '1' });
    const second = await send(instance, { headers, body: '1' });
    expect([first, second].map((answer) => 'body' in answer && answer.body)).to.deep.equal([
      'body' in first && first.body,
      'body' in first && first.body,
    ]);
    expect(first).to.include({ status: 200 });
    expect((await readTopic(topic)).map(({ value }) => value?.toString())).to.deep.equal(['1']);
  });

  it('headers of a CloudEvent become record headers by their prefix, extensions too', async () => {
    const topic = await createTopic('ce');
    const prefix_mappings = { 'ce-': 'ce_' };
    const instance = create({ topic, record_value: 'body', headers: { prefix_mappings } });
    const headers = ['content-type', 'application/json', 'ce-id', '1', 'Ce-MyExt', 'x', 'cookie', 'secret'];
    expect(await send(instance, { headers, body: '{"a":1}' })).to.include({ status: 200 });
    const [record] = await readTopic(topic);
    const written = Object.entries(record?.headers ?? {}).map(([name, value]) => `${name}: ${String(value)}`);
    expect(written).to.deep.equal(['ce_id: 1', 'ce_myext: x']);
  });

  it('JSON that begins with a byte order mark is JSON', async () => {
    const topic = await createTopic('bom');
    const body = '\ufeff{"a":1}';
    expect(await send(create({ topic }), { body })).to.include({ status: 200 });
    const part = { record_value: 'body', value_from: { body_pointer: '/a' } };
    expect(await send(create({ topic, ...part }), { body })).to.include({ status: 200 });
    const values = (await readTopic(topic)).map(({ value }) => value?.toString());
    expect(values).to.deep.equal(['{"body":"{\\"a\\":1}","body_args":{"a":1}}', '1']);
  });

  it('a tombstone has a null value, an empty text has not', async () => {
    const topic = await createTopic('tombstones');
    const config = { topic, record_value: 'body', key_query_arg: 'k' };
    await send(create({ ...config, tombstones: true }), { query: 'k=1', body: 'null' });
    await send(create(config), { query: 'k=1', body: '' });
    const values = (await readTopic(topic)).map(({ value }) => value);
    expect(values).to.deep.equal([null, Buffer.alloc(0)]);
  });

  it('a tombstone removes its key from a compacted topic', async () => {
    const topic = await createTopic('compacted', {
      configs: {
        'cleanup.policy': 'compact',
        'segment.ms': '100',
        'min.cleanable.dirty.ratio': '0.001',
        'delete.retention.ms': '0',
      },
    });
    const instance = create({ topic, record_value: 'body', key_query_arg: 'k', tombstones: true });
    expect(await send(instance, { body: '' })).to.include({ status: 400, code: 'KEY_INVALID' });
    for (const [key = '', body = ''] of [
      ['gone', '{"v":1}'],
      ['kept', '{"v":2}'],
      ['gone', 'null'],
    ]) {
      expect(await send(instance, { query: `k=${key}`, body })).to.include({ status: 200 });
    }
    await waitFor(
      async () => {
        // The active segment is never compacted: a later record closes it.
        await send(instance, { query: 'k=later', body: '' });
        const keys = (await readTopic(topic)).map(({ key }) => key?.toString());
        return keys.includes('kept') && !keys.includes('gone');
      },
      { what: 'compaction of the deleted key', timeoutMs: 90_000 },
    );
  });
});
