import { expect } from 'chai';
import { Closing } from '../helpers/closing.ts';
import { createTopic, readTopic } from '../helpers/kafka.ts';
import { realUpstream } from '../helpers/real-upstream.ts';
import { waitFor } from '../helpers/wait-for.ts';

describe('records of kafka-upstream with a real Kafka and registry', function () {
  this.timeout(120_000);
  const closing = new Closing();
  const { create, send } = realUpstream(closing);
  after(() => closing.close());

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
