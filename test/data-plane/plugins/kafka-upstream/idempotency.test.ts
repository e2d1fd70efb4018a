import { expect } from 'chai';
import type { Verdict } from '../../../../data-plane/kafka/producer-types.ts';
import { kafkaUpstream } from '../../../../data-plane/plugins/kafka-upstream/plugin.ts';
import { AnsweredKeys } from '../../../../data-plane/plugin-api/answered-keys.ts';
import { RequestError } from '../../../../shared/errors.ts';
import { instanceOf } from '../../../helpers/plugins.ts';
import { buildConfig } from './build-config.ts';
import { access, exchange, Fakes } from './plugin-fakes.ts';

const config = { idempotency_key_from: { header: 'Idempotency-Key' } };
const keyed = (...keys: string[]) => ({ headers: keys.flatMap((key) => ['idempotency-key', key]) });

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof RequestError) return `${error.status} ${error.code}`;
    throw error;
  }
  return 'none';
}

describe('idempotency_key_from', () => {
  it('gives the first answer again and writes nothing', async () => {
    const fakes = new Fakes();
    const instance = fakes.create(config);
    const first = await access(instance, exchange({ ...keyed('a'), body: '1' }));
    fakes.verdict = (topic) => ({ outcome: 'acked', topic, partition: 0, offset: '2' });
    const second = await access(instance, exchange({ ...keyed('a'), body: '2' }));
    expect(first.headers).to.not.include('idempotency-replayed');
    expect(second).to.deep.equal({ ...first, headers: [...first.headers, 'idempotency-replayed', 'true'] });
    expect(fakes.sent).to.have.length(1);
  });

  it('tells keys, consumers and requests without a key apart', async () => {
    const fakes = new Fakes();
    const instance = fakes.create(config);
    const consumer = (id: string) => ({ consumer: { id, username: null, customId: null } });
    const requests = [
      {},
      {},
      keyed('a'),
      keyed('b'),
      { ...keyed('a'), ...consumer('1') },
      { ...keyed('a'), ...consumer('2') },
    ];
    for (const request of requests) await access(instance, exchange(request));
    expect(fakes.sent).to.have.length(requests.length);
  });

  const failed = (outcome: 'unknown' | 'not_sent', code: 'DELIVERY_UNKNOWN' | 'KAFKA_UNAVAILABLE') => ({
    outcome,
    topic: 't',
    code,
    message: 'no',
    kafkaName: null,
  });
  const outcomes: [name: string, verdict: (topic: string) => Verdict][] = [
    ['unknown', () => failed('unknown', 'DELIVERY_UNKNOWN')],
    ['not_sent', () => failed('not_sent', 'KAFKA_UNAVAILABLE')],
    ['accepted', (topic) => ({ outcome: 'accepted', topic })],
    [
      'partial',
      (topic) =>
        topic === 'a' ? { outcome: 'acked', topic, partition: 0, offset: '1' } : failed('unknown', 'DELIVERY_UNKNOWN'),
    ],
  ];
  for (const [name, verdict] of outcomes) {
    it(`lets the next request through after ${name}`, async () => {
      const fakes = new Fakes();
      const instance = fakes.create({ ...config, topics_query_arg: 't', allowed_topics: ['a', 'b'] });
      const request = () => exchange({ ...keyed('k'), query: 't=a,b' });
      fakes.verdict = verdict;
      await codeOf(access(instance, request()));
      fakes.verdict = (topic) => ({ outcome: 'acked', topic, partition: 0, offset: '7' });
      expect((await access(instance, request())).headers).to.not.include('idempotency-replayed');
      expect(fakes.sent).to.have.length(4);
    });
  }

  it('refuses a second request while the first is under way', async () => {
    const fakes = new Fakes();
    const instance = fakes.create(config);
    let give = (_body: Buffer): void => undefined;
    const held = { ...exchange(keyed('a')), readBody: () => new Promise<Buffer>((resolve) => (give = resolve)) };
    const first = access(instance, held);
    expect(await codeOf(access(instance, exchange(keyed('a'))))).to.equal('409 IDEMPOTENCY_KEY_IN_USE');
    give(Buffer.from('1'));
    expect(await first).to.include({ status: 200 });
    expect(fakes.sent).to.have.length(1);
  });

  const bad: [name: string, keys: string[]][] = [
    ['an empty key', ['']],
    ['a key of 256 characters', ['x'.repeat(256)]],
    ['two keys', ['a', 'a']],
  ];
  for (const [name, keys] of bad) {
    it(`refuses ${name}`, async () => {
      const fakes = new Fakes();
      const refused = codeOf(access(fakes.create(config), exchange(keyed(...keys))));
      expect(await refused).to.equal('400 IDEMPOTENCY_KEY_INVALID');
      expect(fakes.sent).to.deep.equal([]);
    });
  }

  it('remembers over a change of the configuration, for 10 minutes', async () => {
    const fakes = new Fakes();
    const answeredKeys = new AnsweredKeys();
    const make = (fields: object) =>
      instanceOf(kafkaUpstream.create(buildConfig({ ...config, ...fields }), { ...fakes.deps(), answeredKeys }));
    await access(make({}), exchange(keyed('a')));
    const again = make({ timeout: 5_000 });
    expect((await access(again, exchange(keyed('a')))).headers).to.include('idempotency-replayed');
    const realNow = performance.now.bind(performance);
    try {
      performance.now = () => realNow() + 600_001;
      expect((await access(again, exchange(keyed('a')))).headers).to.not.include('idempotency-replayed');
    } finally {
      performance.now = realNow;
    }
  });
});
