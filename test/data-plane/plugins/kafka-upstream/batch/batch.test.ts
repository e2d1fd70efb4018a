import { expect } from 'chai';
import type { FailedVerdict, Verdict } from '../../../../../data-plane/kafka/producer-types.ts';
import { partitionInvalid } from '../../../../../data-plane/kafka/produce-failure.ts';
import type { Answer } from '../../../../../data-plane/plugin-api/exchange.ts';
import { RequestError } from '../../../../../shared/errors.ts';
import { access, exchange, Fakes } from '../plugin-fakes.ts';

type Values = Readonly<Record<string, unknown>>;

const lines = ['content-type', 'application/x-ndjson'];
const json = ['content-type', 'application/json'];
const ndjson = { records_from: 'ndjson', record_value: 'body' };
const array = { records_from: 'json_array', record_value: 'body' };

function notAcked(topic: string, code: FailedVerdict['code'], outcome: FailedVerdict['outcome']): FailedVerdict {
  return { outcome, topic, code, message: 'no', kafkaName: null };
}

function bodyOf({ body }: Answer): unknown {
  return JSON.parse(typeof body === 'string' ? body : '');
}

describe('batches of kafka-upstream', () => {
  let fakes: Fakes;
  beforeEach(() => {
    fakes = new Fakes();
  });

  const ask = (config: Values, body: string, headers: string[], query = ''): Promise<Answer> =>
    access(fakes.create(config), exchange({ headers, body, query }));
  const refusal = async (config: Values, body: string, headers: string[], query = ''): Promise<RequestError> => {
    try {
      await ask(config, body, headers, query);
    } catch (error) {
      if (error instanceof RequestError) return error;
      throw error;
    }
    throw new Error('the request was taken');
  };
  const values = (): (string | undefined)[] => fakes.sent.map(({ record }) => record.value?.toString());
  /** Acks in three partitions, in turn. */
  const inTurn = (topic: string, position: number): Verdict => ({
    outcome: 'acked',
    topic,
    partition: position % 3,
    offset: String(10 + position),
  });

  it('make a record of each line, with the bytes as they came, and answer with counts and ranges', async () => {
    fakes.verdict = inTurn;
    const answer = await ask(ndjson, '{"a":1.0}\r\n\n [2] \n"x"\n', lines);
    expect(values()).to.deep.equal(['{"a":1.0}', '[2]', '"x"']);
    expect(answer.status).to.equal(200);
    expect(answer.body).to.equal(
      '{"outcome":"acked","count":3,"records":[' +
        '{"topic":"orders","partition":0,"count":1,"first_offset":"10","last_offset":"10"},' +
        '{"topic":"orders","partition":1,"count":1,"first_offset":"11","last_offset":"11"},' +
        '{"topic":"orders","partition":2,"count":1,"first_offset":"12","last_offset":"12"}]}',
    );
    expect(answer.result).to.deep.equal({ outcome: 'acked', count: 3 });
  });

  it('show the place of each element where the client asks for it', async () => {
    fakes.verdict = inTurn;
    const answer = await ask(ndjson, '1\n\n2', [...lines, 'Prefer', 'respond-async, return=representation']);
    expect(bodyOf(answer)).to.deep.include({
      count: 2,
      offsets: [
        [0, 0, '10'],
        [2, 1, '11'],
      ],
    });
    expect(answer.headers).to.include.members(['preference-applied', 'return=representation']);
    const topics = { ...ndjson, topics_query_arg: 't', allowed_topics: ['a', 'b'] };
    const several = await ask(topics, '1', [...lines, 'prefer', 'return="representation"'], 't=a,b');
    expect(bodyOf(several)).to.deep.include({
      offsets: [
        [0, 2, '12', 'a'],
        [0, 0, '13', 'b'],
      ],
    });
  });

  it('take the elements of an array, each with its own key, value, headers, place and topic', async () => {
    const config = {
      ...array,
      records_pointer: '/records',
      key_from: { body_pointer: '/key' },
      value_from: { body_pointer: '/value' },
      headers_from: { body_pointer: '/headers' },
      partition_from: { body_pointer: '/partition' },
      timestamp_from: { header: 'x-time' },
      topic_template: 'to.${body./to}',
      allowed_topics: ['to.*'],
    };
    const body =
      '{"records":[{"to":"a","key":"k","value":{"v":1e2},"headers":{"h":"x"},"partition":1},{"to":"b","value":2}]}';
    const answer = await ask(config, body, [...json, 'x-time', '5', 'traceparent', 't']);
    expect(answer.status).to.equal(200);
    expect(
      fakes.sent.map(({ topic, record }) => [
        topic,
        record.key?.toString(),
        record.value?.toString(),
        record.partition,
      ]),
    ).to.deep.equal([
      ['to.a', 'k', '{"v":1e2}', 1],
      ['to.b', undefined, '2', undefined],
    ]);
    expect(fakes.sent[0]?.record.headers).to.deep.equal([
      { name: 'traceparent', value: 't' },
      { name: 'h', value: 'x' },
    ]);
    expect(fakes.sent.map(({ record }) => record.timestampMs)).to.deep.equal([5, 5]);
  });

  it('show each element in an envelope of its own, whatever JSON it is', async () => {
    await ask({ records_from: 'ndjson' }, '{"a":1.0}\n"x"\n3', lines);
    expect(values()).to.deep.equal([
      '{"body":"{\\"a\\":1.0}","body_args":{"a":1.0}}',
      '{"body":"\\"x\\"","body_args":{}}',
      '{"body":"3","body_args":{}}',
    ]);
    const idiom = ['return function(message) return message.body end'];
    await ask({ records_from: 'ndjson', message_by_lua_functions: idiom }, '{"a":1.0}', lines);
    expect(values().at(-1)).to.equal('{"a":1.0}');
  });

  it('fold the Lua functions over the envelope of each element', async () => {
    fakes.luaResult = (message) => Buffer.from(`of ${message}`);
    const config = { records_from: 'json_array', message_by_lua_functions: ['return function(m) return m end'] };
    const instance = await fakes.createWithLua(config);
    await access(instance, exchange({ headers: json, body: '[1,[2]]' }));
    expect(values()).to.deep.equal(['of {"body":"1","body_args":{}}', 'of {"body":"[2]","body_args":[2]}']);
  });

  it('make null values of null elements where tombstones are wanted', async () => {
    const config = { ...ndjson, tombstones: true, key_query_arg: 'k' };
    await ask(config, 'null\n{"a":1}', lines, 'k=7');
    expect(values()).to.deep.equal([undefined, '{"a":1}']);
    await ask(ndjson, 'null', lines);
    expect(values().at(-1)).to.equal('null');
    const keyless = await refusal({ ...config, key_query_arg: null, key_from: { body_pointer: '/k' } }, 'null', lines);
    expect(keyless.code).to.equal('KEY_INVALID');
  });

  it('share one list of record headers', async () => {
    await ask(ndjson, '1\n2', [...lines, 'traceparent', 't']);
    expect(fakes.sent[0]?.record.headers).to.equal(fakes.sent[1]?.record.headers);
  });

  it('are accepted with their count in async mode', async () => {
    const answer = await ask({ ...ndjson, producer_async: true }, '1\n2', lines);
    expect(answer.body).to.equal('{"outcome":"accepted","count":2}');
    expect(fakes.sent.map(({ mode }) => mode)).to.deep.equal(['enqueue', 'enqueue']);
  });

  it('are refused as a whole, with all faults and their elements', async () => {
    const schema = { confluent: { url: 'http://r', value_schema: { subject_name: 's' } } };
    const config = { ...ndjson, topic: 'typed', schema_registry: schema, key_from: { body_pointer: '/k' } };
    const body = '{"n":1}\n{"n":"x"}\n{\n\n{"n":2,"k":[]}\n{"n":"y"}';
    const error = await refusal(config, body, lines);
    expect(error).to.include({ status: 422, code: 'SCHEMA_VALIDATION_FAILED', outcome: 'rejected', detailsTotal: 4 });
    expect(error.message).to.match(/^4 of 5 elements cannot be taken, so that none is\. /);
    expect(error.details?.map(({ pointer, rule }) => `${pointer} ${rule}`)).to.deep.equal([
      '/1/n type',
      '/2 BODY_INVALID',
      '/4 KEY_INVALID',
      '/5/n type',
    ]);
    expect(fakes.sent).to.deep.equal([]);
    expect(fakes.refused).to.deep.equal(['typed rejected 5']);
  });

  const refusals: [why: string, config: Values, body: string, headers: string[], status: number, code: string][] = [
    ['another media type of lines', ndjson, '1', json, 415, 'MEDIA_TYPE_UNSUPPORTED'],
    ['another media type of an array', array, '[1]', lines, 415, 'MEDIA_TYPE_UNSUPPORTED'],
    ['no element', ndjson, '\n\n', lines, 400, 'BODY_INVALID'],
    ['an empty array', array, '[]', json, 400, 'BODY_INVALID'],
    ['a body that is no array', array, '{}', json, 400, 'BODY_INVALID'],
    ['too many elements', { ...ndjson, records_max: 2 }, '1\n2\n3', lines, 413, 'BODY_TOO_LARGE'],
    ['too many bytes', { ...ndjson, records_bytes_max: 40 }, '1\n2\n3', lines, 413, 'BODY_TOO_LARGE'],
    ['an absent part', { ...ndjson, value_from: { body_pointer: '/v' } }, '{}', lines, 400, 'BODY_INVALID'],
    [
      'a topic that is not allowed',
      { ...ndjson, topic_template: '${body./t}' },
      '{"t":"orders"}\n{"t":"x"}',
      lines,
      403,
      'TOPIC_NOT_ALLOWED',
    ],
    [
      'an unavailable registry',
      {
        ...ndjson,
        topic: 'late-bad',
        schema_registry: { confluent: { url: 'http://r', value_schema: { subject_name: 's' } } },
      },
      '1\n2',
      lines,
      503,
      'SCHEMA_REGISTRY_UNAVAILABLE',
    ],
  ];
  for (const [why, config, body, headers, status, code] of refusals) {
    it(`are refused for ${why}`, async () => {
      expect(await refusal(config, body, headers)).to.include({ status, code });
      expect(fakes.sent).to.deep.equal([]);
    });
  }

  it('name no more topics than a request may', async () => {
    const config = { ...ndjson, topic_template: 't${body./t}', allowed_topics: ['*'] };
    const body = Array.from({ length: 101 }, (_, index) => `{"t":${index}}`).join('\n');
    const error = await refusal(config, body, lines);
    expect(error).to.include({ code: 'TOPIC_INVALID' });
    expect(error.details?.[0]?.pointer).to.equal('/100');
  });

  it('are refused with the element that the brokers would not take', async () => {
    fakes.unfit = [{ position: 1, failure: partitionInvalid }];
    const error = await refusal(ndjson, '1\n\n2', lines);
    expect(error).to.include({ status: 400, code: 'PARTITION_INVALID' });
    expect(error.details?.map(({ pointer }) => pointer)).to.deep.equal(['/2']);
  });

  it('are refused where the producer takes none of them', async () => {
    fakes.groupRefusal = notAcked('orders', 'PRODUCER_OVERLOADED', 'not_sent');
    const error = await refusal(ndjson, '1\n2', lines);
    expect(error).to.include({ status: 503, code: 'PRODUCER_OVERLOADED', retryAfterSeconds: 1 });
    // The producer has counted them.
    expect(fakes.refused).to.deep.equal([]);
  });

  it('fail with the one outcome that all records have', async () => {
    fakes.verdict = (topic, position) =>
      notAcked(topic, position === 0 ? 'KAFKA_UNAVAILABLE' : 'PREDECESSOR_FAILED', 'not_sent');
    expect(await refusal(ndjson, '1\n2', lines)).to.include({ status: 503, code: 'KAFKA_UNAVAILABLE' });
  });

  it('tell what became of each element where outcomes differ', async () => {
    const failed: Record<number, FailedVerdict> = {
      2: notAcked('orders', 'DELIVERY_UNKNOWN', 'unknown'),
      3: notAcked('orders', 'PREDECESSOR_FAILED', 'not_sent'),
      4: notAcked('orders', 'PREDECESSOR_FAILED', 'not_sent'),
    };
    fakes.verdict = (topic, position) => failed[position] ?? inTurn(topic, position);
    const answer = await ask(ndjson, '0\n1\n2\n\n4\n5\n6', lines);
    expect(answer.status).to.equal(500);
    expect(answer.headers.map((header) => header.toLowerCase())).not.to.include('retry-after');
    expect(bodyOf(answer)).to.deep.include({
      code: 'PARTIAL',
      outcome: 'partial',
      retryable: false,
      results: [
        {
          outcome: 'acked',
          topic: 'orders',
          indexes: [
            [0, 1],
            [6, 6],
          ],
        },
        { outcome: 'unknown', code: 'DELIVERY_UNKNOWN', topic: 'orders', indexes: [[2, 2]] },
        { outcome: 'not_sent', code: 'PREDECESSOR_FAILED', topic: 'orders', indexes: [[4, 5]] },
      ],
    });
  });

  it('have their time from the last byte of the body on', async () => {
    const startedMs = performance.now();
    await ask({ ...ndjson, delivery_timeout: 500 }, '1', lines);
    expect(fakes.sent[0]?.deadlineMs).to.be.within(startedMs + 500, performance.now() + 500);
  });

  it('let other work have its turn', async () => {
    const elements = 50_000;
    let turns = 0;
    const count = (): void => {
      turns++;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    const config = { ...array, records_max: elements, key_from: { body_pointer: '/k' } };
    const answer = await ask(config, `[${Array.from({ length: elements }, () => '{"k":1}').join(',')}]`, json);
    clearImmediate(next);
    expect(bodyOf(answer)).to.include({ count: elements });
    expect(turns).to.be.greaterThan(2);
  });
});
