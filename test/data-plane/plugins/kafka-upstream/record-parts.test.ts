import { expect } from 'chai';
import * as fc from 'fast-check';
import { readBodyJson } from '../../../../data-plane/plugins/kafka-upstream/body-json.ts';
import { numberTextAt } from '../../../../data-plane/plugins/kafka-upstream/json-text.ts';
import { compileRecordHeaders } from '../../../../data-plane/plugins/kafka-upstream/record-headers.ts';
import { compileKeyText, type KeyRequest } from '../../../../data-plane/plugins/kafka-upstream/record-key.ts';
import { compileTopics } from '../../../../data-plane/plugins/kafka-upstream/record-topics.ts';
import { HeaderList } from '../../../../data-plane/plugin-api/header-list.ts';
import { RequestError } from '../../../../shared/errors.ts';
import { parseTopicTemplate } from '../../../../shared/plugin-schemas/topic-template.ts';
import { buildConfig, faultsOf } from './build-config.ts';

type Values = Readonly<Record<string, unknown>>;

interface Facts {
  readonly query?: string;
  readonly headers?: string[];
  readonly captures?: Readonly<Record<string, string>>;
  readonly consumer?: { id: string; username: string | null };
}

function request({ query = '', headers = [], captures, consumer }: Facts): KeyRequest {
  return {
    query,
    headers: new HeaderList(headers),
    route: captures === undefined ? undefined : { id: 'r', name: null, serviceId: null, serviceName: null, captures },
    consumer: consumer === undefined ? undefined : { ...consumer, customId: null },
  };
}

/** The result, or the code of the error. */
async function outcome<T>(work: () => T | Promise<T>): Promise<T | string> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RequestError) return `${error.status} ${error.code}`;
    throw error;
  }
}

const isOfBody = (config: Values): boolean => 'body_pointer' in ((config['key_from'] as object | undefined) ?? {});

/** The bytes of a UTF-8 text as Node gives a header's value. */
const asHeader = (text: string): string => Buffer.from(text).toString('latin1');
const json = ['content-type', 'application/json'];
const form = ['content-type', 'application/x-www-form-urlencoded'];

describe('record key', () => {
  const pointer = (body_pointer: string): Values => ({ key_from: { body_pointer } });
  const id = pointer('/id');
  const keySchema = { schema_registry: { confluent: { url: 'http://r', key_schema: { subject_name: 'k' } } } };
  const cases: [config: Values, facts: Facts, body: string, key: string | object | null][] = [
    [{}, { query: 'k=1' }, '', null],
    [{ key_query_arg: 'k' }, {}, '', null],
    [{ key_query_arg: 'k' }, { query: 'x=1' }, '', null],
    [{ key_query_arg: 'k' }, { query: 'k=a%20%C3%BC' }, '', 'a ü'],
    [{ key_query_arg: 'k' }, { query: 'k=' }, '', ''],
    [{ key_query_arg: 'k' }, { query: 'k' }, '', '400 KEY_INVALID'],
    [{ key_query_arg: 'k' }, { query: 'k=1&k=2' }, '', '400 KEY_INVALID'],
    [{ key_query_arg: 'k' }, { query: `k=1${'&a'.repeat(1_000)}` }, '', '400 ARGUMENTS_TOO_MANY'],
    [{ key_from: { header: 'X-Key' } }, { headers: ['x-key', '7'] }, '', '7'],
    [{ key_from: { header: 'x-key' } }, { headers: ['X-KEY', asHeader('schlüssel')] }, '', 'schlüssel'],
    [{ key_from: { header: 'x-key' } }, { headers: ['x-key', '\xff'] }, '', 'ÿ'],
    [{ key_from: { header: 'x-key' } }, { headers: ['x-other', '7'] }, '', null],
    [{ key_from: { header: 'x-key' } }, { headers: ['x-key', '7', 'X-Key', '8'] }, '', '400 KEY_INVALID'],
    [{ key_from: { path_capture: 'tenant' } }, { captures: { tenant: 'a', 1: 'b' } }, '', 'a'],
    [{ key_from: { path_capture: '1' } }, { captures: { 1: 'b' } }, '', 'b'],
    [{ key_from: { path_capture: 'toString' } }, { captures: {} }, '', null],
    [{ key_from: { path_capture: 'tenant' } }, {}, '', null],
    [{ key_from: { consumer: 'id' } }, { consumer: { id: 'c1', username: 'u' } }, '', 'c1'],
    [{ key_from: { consumer: 'username' } }, { consumer: { id: 'c1', username: 'u' } }, '', 'u'],
    [{ key_from: { consumer: 'username' } }, { consumer: { id: 'c1', username: null } }, '', null],
    [{ key_from: { consumer: 'id' } }, {}, '', null],
    [id, { headers: json }, '{"id":"a"}', 'a'],
    [id, { headers: json }, '{"id":""}', ''],
    [id, { headers: json }, '\ufeff{"id":1.0}', '1.0'],
    [id, { headers: json }, '{"id":42}', '42'],
    [id, { headers: json }, '{"id": 9007199254740993 }', '9007199254740993'],
    [id, { headers: json }, '{"id":1.0}', '1.0'],
    [id, { headers: json }, '{"id":-1e3}', '-1e3'],
    [id, { headers: json }, '{"x":{"id":3},"id":1,"\\u0069d":2.50}', '2.50'],
    [id, { headers: json }, '{"other":1}', null],
    [id, { headers: json }, '{"id":null}', '400 KEY_INVALID'],
    [id, { headers: json }, '{"id":true}', '400 KEY_INVALID'],
    [id, { headers: json }, '{"id":[1]}', '400 KEY_INVALID'],
    [id, { headers: json }, '{"id":{}}', '400 KEY_INVALID'],
    [{ ...id, ...keySchema }, { headers: json }, '{"id":{ "n":1.0 }}', { json: '{ "n":1.0 }' }],
    [{ ...id, ...keySchema }, { headers: json }, '{"id":"a"}', 'a'],
    [{ ...id, ...keySchema }, { headers: json }, '{"id":[1]}', '400 KEY_INVALID'],
    [{ ...id, ...keySchema }, { headers: json }, '{"id":null}', '400 KEY_INVALID'],
    [id, { headers: json }, '{"id":', '400 BODY_INVALID'],
    [id, { headers: json }, '', null],
    [id, {}, '{"id":5}', '5'],
    [id, { headers: form }, 'id=5&x=1', '5'],
    [id, { headers: form }, 'id=5&id=6', '400 KEY_INVALID'],
    [
      id,
      { headers: ['content-type', 'multipart/form-data; boundary=X'] },
      '--X\r\nContent-Disposition: form-data; name="id"\r\n\r\nm\r\n--X--',
      'm',
    ],
    [pointer('/a~1b/1/~0'), { headers: json }, '{"a/b":[0,{"~":1.10}]}', '1.10'],
    [pointer('/a/01'), { headers: json }, '{"a":[0,1]}', null],
    [pointer('/a/-'), { headers: json }, '{"a":[0,1]}', null],
    [pointer('/a/length'), { headers: json }, '{"a":[0,1]}', null],
    [pointer('/toString'), { headers: json }, '{}', null],
    [pointer('/a/b'), { headers: json }, '{"a":"x"}', null],
  ];
  for (const [config, facts, body, key] of cases) {
    it(`${JSON.stringify(config)} of ${JSON.stringify(facts).slice(0, 120)} ${body} is ${JSON.stringify(key)}`, async () => {
      const keyOf = compileKeyText(buildConfig(config));
      const made = async () => {
        const asked = request(facts);
        return keyOf(asked, isOfBody(config) ? await readBodyJson(asked.headers, Buffer.from(body)) : null);
      };
      expect(await outcome(made)).to.deep.equal(key);
    });
  }

  it('finds every number that JSON.parse finds, as it was written', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(0, 1, 2), (text, indent) => {
        const spaced = JSON.stringify(JSON.parse(text), null, indent);
        const visit = (value: unknown, tokens: string[]): void => {
          if (typeof value === 'number') expect(numberTextAt(spaced, tokens)).to.equal(JSON.stringify(value));
          if (typeof value === 'object' && value !== null) {
            for (const [name, item] of Object.entries(value)) visit(item, [...tokens, name]);
          }
        };
        visit(JSON.parse(spaced), []);
      }),
    );
  });

  const bad: [key_from: Values, fault: RegExp][] = [
    [{ header: 'a', consumer: 'id' }, /^key_from.@entity: exactly one of these fields must be non-empty/],
    [{ header: 'a b' }, /^key_from.header: not the name of a header/],
    [{ body_pointer: 'a' }, /^key_from.body_pointer: expected a JSON Pointer/],
    [{ consumer: 'custom_id' }, /^key_from.consumer: /],
  ];
  for (const [key_from, fault] of bad) {
    it(`refuses ${JSON.stringify(key_from)}`, () => expect(faultsOf({ key_from }).join()).to.match(fault));
  }

  it('reads an empty record as no source', () => expect(faultsOf({ key_from: {} })).to.deep.equal([]));
});

describe('topics of a request', () => {
  const query: Values = { topics_query_arg: 't', allowed_topics: ['a', 'b.*'] };
  const template: Values = {
    topic_template: 'events.${path.tenant}.${header.X-Kind}',
    allowed_topics: ['events.*'],
  };
  const facts: Facts = { captures: { tenant: 'acme' }, headers: ['x-kind', 'new'] };
  const ofTopic = { text: '{"a":{"kind":"new"},"n":1.0,"none":null}', value: { a: { kind: 'new' }, n: 1, none: null } };
  const fromBody = (pointer: string): Values => ({ topic_template: `e.\${body.${pointer}}`, allowed_topics: ['e.*'] });
  const cases: [config: Values, facts: Facts, topics: string[] | string][] = [
    [query, {}, ['orders']],
    [query, { query: 't=' }, ['orders']],
    [query, { query: 't=a,%20b.x,a,orders' }, ['a', 'b.x', 'orders']],
    [query, { query: 't=a,c' }, '403 TOPIC_NOT_ALLOWED'],
    [query, { query: `t=a${'&t=a'.repeat(1_000)}` }, '400 ARGUMENTS_TOO_MANY'],
    [query, { query: 't=b.%C3%BC' }, '400 TOPIC_INVALID'],
    [{ topics_query_arg: 't', allowed_topics: ['*'] }, { query: 't=..' }, '400 TOPIC_INVALID'],
    [{ topics_query_arg: 't' }, { query: 't=a' }, '403 TOPIC_NOT_ALLOWED'],
    [template, facts, ['events.acme.new']],
    [template, { ...facts, captures: {} }, '400 TOPIC_INVALID'],
    [template, { ...facts, captures: { tenant: 'a b' } }, '400 TOPIC_INVALID'],
    [template, { ...facts, headers: [] }, '400 TOPIC_INVALID'],
    [template, { ...facts, headers: ['x-kind', ''] }, '400 TOPIC_INVALID'],
    [template, { ...facts, headers: ['x-kind', 'a', 'x-kind', 'b'] }, '400 TOPIC_INVALID'],
    [{ ...template, allowed_topics: ['events.other.*'] }, facts, '403 TOPIC_NOT_ALLOWED'],
    [{ ...template, allowed_topics: null }, facts, '403 TOPIC_NOT_ALLOWED'],
    [{ topic_template: '${query.t}', allowed_topics: ['*'] }, { query: 't=..' }, '400 TOPIC_INVALID'],
    [{ topic_template: '${query.t}', allowed_topics: ['*'] }, { query: `t=${'a'.repeat(250)}` }, '400 TOPIC_INVALID'],
    [{ topic_template: '${query.t}', allowed_topics: ['x'] }, { query: 't=x' }, ['x']],
    [{ topic_template: '${query.t}' }, { query: 't=orders' }, ['orders']],
    [fromBody('/a/kind'), {}, ['e.new']],
    [fromBody('/n'), {}, ['e.1.0']],
    [fromBody('/none'), {}, '400 TOPIC_INVALID'],
    [fromBody('/missing'), {}, '400 TOPIC_INVALID'],
    [fromBody('/a'), {}, '400 TOPIC_INVALID'],
    [{ ...fromBody('/a/kind'), allowed_topics: ['x'] }, {}, '403 TOPIC_NOT_ALLOWED'],
    [{ topic_template: '${query.t}' }, { query: 't' }, '400 TOPIC_INVALID'],
    [{ ...template, topics_query_arg: 't' }, { ...facts, query: 't=events.x,orders' }, ['events.x', 'orders']],
    [{ ...template, topics_query_arg: 't' }, facts, ['events.acme.new']],
  ];
  for (const [config, given, topics] of cases) {
    it(`${JSON.stringify(config)} of ${JSON.stringify(given).slice(0, 120)} are ${String(topics)}`, async () => {
      const topicsOf = compileTopics(buildConfig(config));
      expect(await outcome(() => topicsOf(request(given), ofTopic))).to.deep.equal(topics);
    });
  }

  const bad: [template: string, position: number][] = [
    ['a b', 1],
    ['a.${path.x', 2],
    ['${body.x}', 0],
    ['a.${body./~2}', 2],
    ['${path.}', 0],
    ['x${header.a b}', 1],
    ['$', 0],
    ['ä', 0],
  ];
  for (const [topic_template, position] of bad) {
    it(`refuses the template ${topic_template}`, () => {
      const [fault, ...more] = faultsOf({ topic_template });
      expect(more).to.deep.equal([]);
      expect(fault).to.match(new RegExp(`^topic_template: not a topic template at position ${position}: `));
    });
  }

  it('parses every template or says where it is faulty', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', 'path.', 'x', '.', ' ') }), (text) => {
        const parsed = parseTopicTemplate(text);
        if (parsed.kind === 'fault') return;
        const parts = parsed.parts.map((part) => (part.kind === 'text' ? part.text : `\${${part.kind}.${part.name}}`));
        expect(parts.join('')).to.equal(text);
      }),
    );
  });
});

describe('record headers', () => {
  const incoming = ['traceparent', '00-a', 'X-A', '1', 'x-b', '2', 'x-a', '3', 'traceparent', '00-b', 'cookie', 'c'];
  const cases: [config: Values, expected: string[]][] = [
    [{}, ['traceparent: 00-a']],
    [{ forward_http_headers_as_record_headers: false }, []],
    [{ forward_http_headers_as_record_headers: false, forward_all_by_default: true }, []],
    [{ include_headers: ['X-B', 'x-none'] }, ['traceparent: 00-a', 'x-b: 2']],
    [{ include_headers: ['x-a'] }, ['traceparent: 00-a', 'x-a: 1', 'x-a: 3']],
    [{ include_headers: ['x-a', 'x-b'], exclude_headers: ['X-A'] }, ['traceparent: 00-a', 'x-b: 2']],
    [
      { forward_all_by_default: true, exclude_headers: ['traceparent'] },
      ['traceparent: 00-a', 'x-a: 1', 'x-b: 2', 'x-a: 3'],
    ],
    [
      { forward_all_by_default: true, repeated_headers_behavior: 'take_first' },
      ['traceparent: 00-a', 'x-a: 1', 'x-b: 2'],
    ],
    [
      { forward_all_by_default: true, repeated_headers_behavior: 'concatenate_by_comma' },
      ['traceparent: 00-a', 'x-a: 1,3', 'x-b: 2'],
    ],
    [
      { include_headers: ['x-a', 'x-b'], name_mappings: { 'X-A': 'Tenant', cookie: 'never' } },
      ['traceparent: 00-a', 'Tenant: 1', 'x-b: 2', 'Tenant: 3'],
    ],
    [
      {
        include_headers: ['x-a', 'x-b'],
        name_mappings: { 'x-a': 'same', 'x-b': 'same' },
        repeated_headers_behavior: 'take_first',
      },
      ['traceparent: 00-a', 'same: 1', 'same: 2'],
    ],
    [{ name_mappings: { traceparent: 'trace' } }, ['trace: 00-a']],
    [{ prefix_mappings: { 'X-': 'ce_' } }, ['traceparent: 00-a', 'ce_a: 1', 'ce_b: 2', 'ce_a: 3']],
    [{ prefix_mappings: { 'x-': '', 'x-b': 'long' } }, ['traceparent: 00-a', 'a: 1', 'long: 2', 'a: 3']],
    [{ prefix_mappings: { 'x-': 'p_' }, exclude_headers: ['x-a'] }, ['traceparent: 00-a', 'p_b: 2']],
    [
      { prefix_mappings: { 'x-': 'p_' }, name_mappings: { 'x-b': 'exact' } },
      ['traceparent: 00-a', 'p_a: 1', 'exact: 2', 'p_a: 3'],
    ],
    [{ prefix_mappings: { 'x-a': '' } }, ['traceparent: 00-a', 'x-a: 1', 'x-a: 3']],
    [{ prefix_mappings: { c: 'p_' } }, ['traceparent: 00-a']],
    [{ prefix_mappings: { c: 'p_' }, include_headers: ['cookie'] }, ['traceparent: 00-a', 'cookie: c']],
    [{ prefix_mappings: { x: 'p' }, forward_http_headers_as_record_headers: false }, []],
  ];
  for (const [config, expected] of cases) {
    it(`${JSON.stringify(config)} are ${expected.join(', ')}`, () => {
      const headersOf = compileRecordHeaders(buildConfig({ headers: config }).headers);
      const made = (own?: string) =>
        headersOf(new HeaderList(incoming), own).map(({ name, value }) => `${name}: ${String(value)}`);
      expect(made()).to.deep.equal(expected);
      // The trace of the record's own span takes the place of the one that came.
      expect(made('00-own')).to.have.members(expected.map((line) => line.replace('00-a', '00-own')));
    });
  }

  it('leaves out headers that hold a credential, unless they are named', () => {
    const headers = new HeaderList(['ApiKey', 'k', 'x', 'y']);
    const named = (config: Values) =>
      compileRecordHeaders(buildConfig({ headers: config }).headers)(headers, undefined, new Set(['apikey'])).map(
        ({ name }) => name,
      );
    const all = { forward_http_headers_as_record_headers: true, forward_all_by_default: true };
    expect(named(all)).to.deep.equal(['x']);
    expect(named({ ...all, include_headers: ['apikey'] })).to.deep.equal(['apikey', 'x']);
    expect(named({ ...all, prefix_mappings: { api: 'p-' } })).to.deep.equal(['x']);
  });

  it('are none without a trace, and keep the bytes of values', () => {
    expect(compileRecordHeaders(buildConfig().headers)(new HeaderList(['x', 'y']))).to.deep.equal([]);
    const headersOf = compileRecordHeaders(buildConfig({ headers: { forward_all_by_default: true } }).headers);
    expect(headersOf(new HeaderList(['x', asHeader('ü')]))).to.deep.equal([{ name: 'x', value: Buffer.from('ü') }]);
  });
});
