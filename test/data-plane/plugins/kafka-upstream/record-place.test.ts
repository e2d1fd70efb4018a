import { expect } from 'chai';
import { readBodyJson } from '../../../../data-plane/plugins/kafka-upstream/body-json.ts';
import { compilePlace } from '../../../../data-plane/plugins/kafka-upstream/record-place.ts';
import { HeaderList } from '../../../../data-plane/plugin-api/header-list.ts';
import { RequestError } from '../../../../shared/errors.ts';
import { buildConfig } from './build-config.ts';
import { access, exchange, Fakes } from './plugin-fakes.ts';

interface Facts {
  readonly query?: string;
  readonly headers?: string[];
  readonly body?: string;
}

/** The place that a request chooses, or the code of its refusal. */
async function placeOf(config: object, { query = '', headers = [], body = '' }: Facts): Promise<unknown> {
  const list = new HeaderList(headers);
  const json = await readBodyJson(list, Buffer.from(body));
  try {
    return compilePlace(buildConfig({ ...config }))?.({ query, headers: list }, json);
  } catch (error) {
    if (error instanceof RequestError) return error.code;
    throw error;
  }
}

const json = ['content-type', 'application/json'];
const noPartitions = ['2147483648', '-1', '1.0', '1e1', '" 1"', '"07"', 'true', '{}', '[1]', '99999999999999999999'];
const noTimes = [
  '-1',
  '1.5',
  '1e3',
  '253402300800000',
  '"1969-12-31T23:59:59Z"',
  '"2024-02-30T00:00:00Z"',
  '"now"',
  '""',
];

describe('partition and timestamp that a request chooses', () => {
  const partition = { partition_from: { body_pointer: '/p' } };
  const timestamp = { timestamp_from: { body_pointer: '/t' } };
  const cases: [config: object, facts: Facts, place: unknown][] = [
    [{ partition_from: { header: 'X-P' } }, { headers: ['x-p', '0'] }, { partition: 0 }],
    [{ partition_from: { header: 'X-P' } }, {}, {}],
    [{ partition_from: { header: 'X-P' } }, { headers: ['x-p', ''] }, 'PARTITION_INVALID'],
    [{ partition_from: { header: 'X-P' } }, { headers: ['x-p', '1', 'x-p', '1'] }, 'PARTITION_INVALID'],
    [{ partition_from: { query_arg: 'p' } }, { query: 'p=7' }, { partition: 7 }],
    [{ partition_from: { query_arg: 'p' } }, { query: 'q=7' }, {}],
    [{ partition_from: { query_arg: 'p' } }, { query: 'p' }, 'PARTITION_INVALID'],
    [partition, { body: '{"p":"7"}' }, { partition: 7 }],
    [partition, { body: '{"p":null}' }, {}],
    [partition, {}, {}],
    [partition, { body: '{"p":2147483647}' }, { partition: 2_147_483_647 }],
    ...noPartitions.map((text): [object, Facts, unknown] => [
      partition,
      { body: `{"p":${text}}` },
      'PARTITION_INVALID',
    ]),
    [{ timestamp_from: { header: 't' } }, { headers: ['t', '1709703520123'] }, { timestampMs: 1_709_703_520_123 }],
    [timestamp, { body: '{"t":0}' }, { timestampMs: 0 }],
    [timestamp, { body: '{"t":"2024-03-06T05:38:40Z"}' }, { timestampMs: 1_709_703_520_000 }],
    [timestamp, { body: '{"t":"2024-03-06T05:38:40"}' }, { timestampMs: 1_709_703_520_000 }],
    [timestamp, { body: '{"t":"2024-03-06 06:38:40.5+01"}' }, { timestampMs: 1_709_703_520_500 }],
    [timestamp, { body: '{"t":"2024-03-06T05:38:40.123999999Z"}' }, { timestampMs: 1_709_703_520_123 }],
    [timestamp, { body: '{"t":253402300799999}' }, { timestampMs: 253_402_300_799_999 }],
    ...noTimes.map((text): [object, Facts, unknown] => [timestamp, { body: `{"t":${text}}` }, 'TIMESTAMP_INVALID']),
    [{ ...partition, ...timestamp }, { body: '{"p":1,"t":2}' }, { partition: 1, timestampMs: 2 }],
  ];
  for (const [config, facts, place] of cases) {
    it(`${JSON.stringify(config)} of ${JSON.stringify(facts)} is ${JSON.stringify(place)}`, async () => {
      expect(await placeOf(config, facts)).to.deep.equal(place);
    });
  }

  it('are none where the configuration names no source', () => expect(compilePlace(buildConfig())).to.equal(null));

  it('are checked for each topic before a record is published; a refusal is that of the whole request', async () => {
    const fakes = new Fakes();
    const instance = fakes.create({ ...timestamp, topics_query_arg: 't', allowed_topics: ['a', 'b'] });
    const request = () => exchange({ query: 't=a,b', body: '{"t":5}', headers: json });
    await access(instance, request());
    expect(fakes.checkedPlaces).to.deep.equal([
      { topic: 'a', timestampMs: 5 },
      { topic: 'b', timestampMs: 5 },
    ]);
    expect(fakes.sent.map(({ record }) => record.timestampMs)).to.deep.equal([5, 5]);
    fakes.place = (topic) =>
      topic === 'a' ? null : { outcome: 'rejected', topic, code: 'TIMESTAMP_INVALID', message: 'no', kafkaName: null };
    const refusal: unknown = await access(instance, request()).catch((error: unknown) => error);
    expect(refusal).to.include({ code: 'TIMESTAMP_INVALID', status: 400, topic: 'b' });
    expect(fakes.sent).to.have.length(2);
    expect(fakes.refused).to.deep.equal(['a rejected', 'b rejected']);
  });

  it('are not checked where the request chooses neither', async () => {
    const fakes = new Fakes();
    await access(fakes.create(partition), exchange({ body: '{}', headers: json }));
    expect(fakes.checkedPlaces).to.deep.equal([]);
    expect(fakes.sent[0]?.record).to.have.all.keys('key', 'value', 'headers');
  });
});
