import { expect } from 'chai';
import type { Answer } from '../../../../../data-plane/plugin-api/exchange.ts';
import { RequestError } from '../../../../../shared/errors.ts';
import { access, exchange, Fakes } from '../plugin-fakes.ts';

type Values = Readonly<Record<string, unknown>>;

const config = { records_from: 'cloudevents', record_value: 'body' };
const event = { specversion: '1.0', id: '1', source: '/s', type: 't' };
const structured = ['content-type', 'application/cloudevents+json; charset=utf-8'];
const batched = ['content-type', 'application/cloudevents-batch+json'];
const binary = ['Ce-Specversion', '1.0', 'ce-id', '1', 'ce-source', '/s', 'ce-type', 't'];

describe('CloudEvents', () => {
  let fakes: Fakes;
  beforeEach(() => {
    fakes = new Fakes();
  });

  const ask = (headers: string[], body: string | Buffer, more: Values = {}, query = ''): Promise<Answer> =>
    access(fakes.create({ ...config, ...more }), exchange({ headers, body, query }));
  const refusal = async (headers: string[], body: string | Buffer, more: Values = {}): Promise<RequestError> => {
    try {
      await ask(headers, body, more);
    } catch (error) {
      if (error instanceof RequestError) return error;
      throw error;
    }
    throw new Error('the event was taken');
  };
  const written = (): { headers: Values; value: string | null | undefined; key: string | undefined } => {
    const record = fakes.sent.at(-1)?.record;
    const headers = record?.headers.map(({ name, value }) => [name, String(value)]);
    return {
      headers: Object.fromEntries(headers ?? []) as Values,
      value: record?.value === null ? null : record?.value?.toString(),
      key: record?.key?.toString(),
    };
  };
  const attributes = { ce_specversion: '1.0', ce_id: '1', ce_source: '/s', ce_type: 't' };

  it('in binary mode become records of the binary mode', async () => {
    const answer = await ask([...binary, 'content-type', 'application/json', 'ce-myext', 'x'], '{"a":1.0}');
    expect(answer.body).to.include('"outcome":"acked","records":[{"topic":"orders"');
    expect(written()).to.deep.equal({
      headers: { ...attributes, ce_myext: 'x', 'content-type': 'application/json' },
      value: '{"a":1.0}',
      key: undefined,
    });
  });

  it('in structured mode become records of the binary mode', async () => {
    const text = JSON.stringify({ ...event, time: '2026-12-01T10:00:00Z', count: 5, flag: true, none: null });
    await ask(structured, text.replace('}', ',"data":{"a":1.0}}'));
    expect(written()).to.deep.equal({
      headers: {
        ...attributes,
        ce_time: '2026-12-01T10:00:00Z',
        ce_count: '5',
        ce_flag: 'true',
        'content-type': 'application/json',
      },
      value: '{"a":1.0}',
      key: undefined,
    });
  });

  const dataRows: [members: Values, value: string | null, contentType: string | undefined][] = [
    [{ data: 'x' }, '"x"', 'application/json'],
    [{ data: 'ü', datacontenttype: 'text/plain' }, 'ü', 'text/plain'],
    [{ data: '{"a":1}', datacontenttype: 'application/vnd.x+json' }, '"{\\"a\\":1}"', 'application/vnd.x+json'],
    [{ data: { a: 1 }, datacontenttype: 'application/xml' }, '{"a":1}', 'application/xml'],
    [{ data_base64: 'AQI=' }, '\u0001\u0002', undefined],
    [{ data_base64: '', datacontenttype: 'image/png' }, '', 'image/png'],
    [{ data: null }, null, undefined],
    [{}, null, undefined],
  ];
  for (const [members, value, contentType] of dataRows) {
    it(`take the data of ${JSON.stringify(members)}`, async () => {
      await ask(structured, JSON.stringify({ ...event, ...members }));
      expect(written().value).to.equal(value);
      expect(written().headers['content-type']).to.equal(contentType);
      expect(written().headers).not.to.have.property('ce_datacontenttype');
    });
  }

  it('without data have a null value, in binary mode too', async () => {
    await ask(binary, '');
    expect(written().value).to.equal(null);
  });

  it('undo quotes and one round of percent-encoding', async () => {
    await ask([...binary, 'ce-a', '"q\\"u%C3%BC"', 'ce-b', '%2541', 'ce-c', 'Ã¼'], '');
    expect(written().headers).to.include({ ce_a: 'q"uü', ce_b: '%41', ce_c: 'ü' });
  });

  it('in structured form keep their bytes', async () => {
    const text = ` ${JSON.stringify({ ...event, data: 1 })}`;
    const mode = { cloudevents: { mode: 'structured' } };
    await ask([...structured, 'x', 'y'], text, mode);
    const contentType = { 'content-type': 'application/cloudevents+json; charset=UTF-8' };
    expect(written()).to.deep.equal({ headers: contentType, value: text, key: undefined });
    await ask([...binary, 'content-type', 'application/json'], '{"a":1.0}', mode);
    expect(written().value).to.equal(
      '{"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"application/json","data":{"a":1.0}}',
    );
    await ask([...binary, 'content-type', 'text/plain'], 'ü', mode);
    expect(written().value).to.include('"data":"ü"');
    await ask(binary, Buffer.from([255]), mode);
    expect(written().value).to.include('"data_base64":"/w=="');
    expect((await refusal([...binary, 'content-type', 'application/json'], '{', mode)).code).to.equal('BODY_INVALID');
  });

  it('have their partitionkey as key where no other source is configured', async () => {
    await ask([...binary, 'ce-partitionkey', 'p'], '1');
    expect(written()).to.deep.include({ key: 'p' });
    expect(written().headers).to.include({ ce_partitionkey: 'p' });
    await ask([...binary, 'ce-partitionkey', 'p'], '1', { key_query_arg: 'k' }, 'k=q');
    expect(written().key).to.equal('q');
    await ask([...binary, 'ce-partitionkey', 'p'], '1', { key_query_arg: 'k' });
    expect(written().key).to.equal(undefined);
  });

  it('are searched by JSON Pointers in the JSON format, in every mode', async () => {
    const pointers = {
      key_from: { body_pointer: '/data/id' },
      topic_template: 'x.${body./type}',
      allowed_topics: ['x.*'],
      headers_from: { body_pointer: '/data/headers' },
    };
    const data = { id: 7, headers: { a: 'b', ce_id: 'other' } };
    await ask(structured, JSON.stringify({ ...event, data }), pointers);
    const first = [fakes.sent.at(-1)?.topic, written()];
    await ask([...binary, 'content-type', 'application/json'], JSON.stringify(data), pointers);
    expect([fakes.sent.at(-1)?.topic, written()]).to.deep.equal(first);
    expect(first[0]).to.equal('x.t');
    expect(written()).to.deep.include({
      key: '7',
      headers: { ...attributes, 'content-type': 'application/json', a: 'b' },
    });
  });

  it('keep their headers, whatever the switches say', async () => {
    const headers = ['content-type', 'application/json', 'x', 'y', ...binary];
    const off = { headers: { forward_http_headers_as_record_headers: false } };
    await ask(headers, '1', off);
    expect(written().headers).to.deep.equal({ ...attributes, 'content-type': 'application/json' });
    const all = { headers: { forward_all_by_default: true, name_mappings: { x: 'ce_id' } } };
    await ask(headers, '1', all);
    const record = fakes.sent.at(-1)?.record;
    expect(record?.headers.filter(({ name }) => name === 'ce_id').map(({ value }) => value)).to.deep.equal(['1']);
    expect(record?.headers.filter(({ name }) => name === 'content-type')).to.have.length(1);
  });

  it('come in batches, each event a record, refused together', async () => {
    const events = [
      { ...event, data: 1 },
      { ...event, id: '2', data: 'x' },
    ];
    const answer = await ask(batched, JSON.stringify(events));
    expect(answer.result).to.deep.equal({ outcome: 'acked', count: 2 });
    expect(fakes.sent.map(({ record }) => record.value?.toString())).to.deep.equal(['1', '"x"']);
    const error = await refusal(batched, JSON.stringify([event, { ...event, id: '' }, 5]));
    expect(error.details?.map(({ pointer }) => pointer)).to.deep.equal(['/1/id', '/2']);
    expect((await refusal(batched, '[]')).code).to.equal('BODY_INVALID');
  });

  const faults: [why: string, headers: string[], body: string, pointers: string[]][] = [
    ['no event', ['content-type', 'application/json'], '{}', []],
    ['no object', structured, '[]', []],
    ['no attribute at all', structured, '{}', ['/specversion', '/id', '/source', '/type']],
    ['another version', structured, JSON.stringify({ ...event, specversion: '0.3' }), ['/specversion']],
    [
      'a version that is a number',
      structured,
      JSON.stringify({ ...event, specversion: 1 }),
      ['/specversion', '/specversion'],
    ],
    [
      'an empty id and a time of no date',
      structured,
      JSON.stringify({ ...event, id: '', time: '2026-02-30T00:00:00Z' }),
      ['/id', '/time'],
    ],
    [
      'names and types',
      structured,
      JSON.stringify({ ...event, 'my-ext': 1, list: [], half: 0.5 }),
      ['/my-ext', '/list', '/half'],
    ],
    ['data twice', structured, JSON.stringify({ ...event, data: 1, data_base64: 'AQ==' }), ['/data_base64']],
    ['base64 that is none', structured, JSON.stringify({ ...event, data_base64: 'A' }), ['/data_base64']],
    ['a lone surrogate', structured, JSON.stringify({ ...event, subject: '\ud800' }), ['/subject']],
    ['a header that is not UTF-8', [...binary, 'ce-a', '%ff'], '', ['/a']],
    ['a header twice', [...binary, 'ce-id', '2'], '', ['/id']],
    [
      'a header with another name',
      [...binary, 'ce-a_b', '2', 'ce-datacontenttype', 'x'],
      '',
      ['/a_b', '/datacontenttype'],
    ],
  ];
  for (const [why, headers, body, pointers] of faults) {
    it(`are refused for ${why}`, async () => {
      const error = await refusal(headers, body);
      expect(error).to.include({ status: 400, code: 'BODY_INVALID' });
      expect(error.details?.map(({ pointer }) => pointer) ?? []).to.deep.equal(pointers);
    });
  }

  it('of another format are refused', async () => {
    expect((await refusal(['content-type', 'application/cloudevents+avro'], 'x')).code).to.equal(
      'MEDIA_TYPE_UNSUPPORTED',
    );
  });

  it('with a value schema are encoded, and say so', async () => {
    const value_schema = { subject_name: 's' };
    const more = { topic: 'typed', schema_registry: { confluent: { url: 'http://r', value_schema } } };
    fakes.schemaType = 'AVRO';
    await ask(structured, '{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"n":5}}', more);
    expect(written()).to.deep.include({ value: 'encoded {"n":5}' });
    expect(written().headers).to.deep.equal({ ...attributes, 'content-type': 'application/avro' });
    fakes.schemaType = 'JSON';
    await ask([...binary, 'content-type', 'application/json'], '{"n":5}', more);
    expect(written().headers).to.include({ 'content-type': 'application/json' });
    expect((await refusal([...binary, 'content-type', 'application/json'], '{"n":"x"}', more)).code).to.equal(
      'SCHEMA_VALIDATION_FAILED',
    );
  });
});
