import { expect } from 'chai';
import { compileBodyHeaders } from '../../../../data-plane/plugins/kafka-upstream/body-headers.ts';
import { RequestError } from '../../../../shared/errors.ts';
import { access, exchange, Fakes } from './plugin-fakes.ts';

const json = ['content-type', 'application/json'];
const form = ['content-type', 'application/x-www-form-urlencoded'];

describe('value_from', () => {
  const part = { value_from: { body_pointer: '/v' } };
  const plain = { ...part, record_value: 'body' };
  const cases: [config: object, headers: string[], body: string, value: string][] = [
    [plain, json, '{"v":{ "a": 1.0 }}', '{ "a": 1.0 }'],
    [plain, json, '{"v":1,"\\u0076":2.50}', '2.50'],
    [plain, json, '{"v":"text"}', '"text"'],
    [plain, json, '{"v":null}', 'null'],
    [plain, form, 'v=a&v=b', '["a","b"]'],
    [plain, json, '{"w":1}', '400 BODY_INVALID'],
    [plain, json, '', '400 BODY_INVALID'],
    [plain, json, '{"v":', '400 BODY_INVALID'],
    [part, json, '{"v":{"a":1}}', '{"body":"{\\"a\\":1}","body_args":{"a":1}}'],
    [part, json, '{"v":7}', '{"body":"7","body_args":{}}'],
    [{ ...part, forward_body: false, forward_method: true }, json, '{"v":7}', '{"method":"POST"}'],
    [
      { ...part, message_by_lua_functions: ['return function(message) return message.body end'] },
      json,
      '{"v":[7]}',
      '[7]',
    ],
  ];
  for (const [config, headers, body, value] of cases) {
    it(`${JSON.stringify(config)} of ${headers[1]} ${body} is ${value}`, async () => {
      const fakes = new Fakes();
      try {
        await access(fakes.create({ ...config }), exchange({ headers, body }));
        expect(fakes.sent[0]?.record.value?.toString()).to.equal(value);
      } catch (error) {
        if (!(error instanceof RequestError)) throw error;
        expect(`${error.status} ${error.code}`).to.equal(value);
      }
    });
  }

  it('is what Lua and the schema see', async () => {
    const fakes = new Fakes();
    fakes.luaResult = (message) => message.toUpperCase();
    const lua = await fakes.createWithLua({ ...part, message_by_lua_functions: ['return function(m) return m end'] });
    await access(lua, exchange({ headers: json, body: '{"v":"x"}' }));
    expect(fakes.sent[0]?.record.value?.toString()).to.equal('{"BODY":"\\"X\\"","BODY_ARGS":{}}');
    const schema_registry = { confluent: { url: 'http://r', value_schema: { subject_name: 's' } } };
    await access(fakes.create({ ...plain, schema_registry }), exchange({ headers: json, body: '{"v":{"a":1}}' }));
    expect(fakes.encoded).to.deep.equal(['orders {"a":1}']);
  });
});

describe('headers_from', () => {
  const cases: [body: unknown, headers: [string, string][] | string][] = [
    [
      { h: { a: 'b', c: '' } },
      [
        ['a', 'b'],
        ['c', ''],
      ],
    ],
    [{ h: {} }, []],
    [{ h: null }, []],
    [{}, []],
    [{ h: [] }, 'BODY_INVALID'],
    [{ h: 'a' }, 'BODY_INVALID'],
    [{ h: { a: 1 } }, 'BODY_INVALID'],
    [{ h: { a: null } }, 'BODY_INVALID'],
    [{ h: Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`n${index}`, ''])) }, 'BODY_INVALID'],
  ];
  for (const [body, expected] of cases) {
    it(`${JSON.stringify(body).slice(0, 60)}: ${String(expected)}`, () => {
      const headersOf = compileBodyHeaders('/h');
      const made = (): unknown => {
        try {
          return headersOf({ text: '', value: body }).map(({ name, value }) => [name, value]);
        } catch (error) {
          return error instanceof RequestError ? error.code : error;
        }
      };
      expect(made()).to.deep.equal(expected);
    });
  }

  it('stand behind those of request headers', async () => {
    const fakes = new Fakes();
    const instance = fakes.create({ headers_from: { body_pointer: '/h' }, headers: { include_headers: ['a'] } });
    await access(instance, exchange({ headers: [...json, 'a', '1'], body: '{"h":{"a":"2"}}' }));
    expect(fakes.sent[0]?.record.headers).to.deep.equal([
      { name: 'a', value: '1' },
      { name: 'a', value: '2' },
    ]);
  });
});
