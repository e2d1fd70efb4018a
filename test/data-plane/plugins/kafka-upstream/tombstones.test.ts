import { expect } from 'chai';
import { RequestError } from '../../../../shared/errors.ts';
import { compileIsTombstone } from '../../../../data-plane/plugins/kafka-upstream/tombstones.ts';
import { HeaderList } from '../../../../data-plane/plugin-api/header-list.ts';
import { buildConfig } from './build-config.ts';
import { access, exchange, Fakes } from './plugin-fakes.ts';

const config = { record_value: 'body', key_query_arg: 'k', tombstones: true };
const typed = (type: string): string[] => ['content-type', type];
const json = typed('application/json');
const form = typed('application/x-www-form-urlencoded');

describe('tombstones', () => {
  const cases: [headers: string[], body: string, plain: boolean, withSchema: boolean, protocol?: 'grpc'][] = [
    [[], '', true, true],
    [json, '', true, true],
    [form, '', true, true],
    [json, 'null', true, true],
    [json, ' \r\n\tnull\n', true, true],
    [json, '\ufeffnull', true, true],
    [typed('application/merge-patch+json; charset=utf-8'), 'null', true, true],
    [json, '"null"', false, false],
    [json, 'nullnull', false, false],
    [json, '{}', false, false],
    [json, ' ', false, false],
    [json, `${' '.repeat(2_000)}null`, false, false],
    [[], 'null', false, true],
    [typed('text/plain'), 'null', false, true],
    [form, 'null', false, false],
    [json, '', false, false, 'grpc'],
    [json, 'null', false, false, 'grpc'],
  ];
  for (const [headers, body, plain, withSchema, protocol = 'http'] of cases) {
    it(`${protocol} ${headers.join(' ')} ${JSON.stringify(body).slice(0, 40)}: ${plain}, with a schema ${withSchema}`, () => {
      const judged = [false, true].map((hasSchema) =>
        compileIsTombstone(buildConfig(config), hasSchema)?.(
          { protocol, headers: new HeaderList(headers) },
          Buffer.from(body),
          null,
        ),
      );
      expect(judged).to.deep.equal([plain, withSchema]);
    });
  }

  it('are asked for by the configuration', () => {
    expect(compileIsTombstone(buildConfig(), false)).to.equal(null);
  });

  for (const [body, isTombstone] of [
    ['{"v":null}', true],
    ['{"v":0}', false],
    ['{}', false],
    ['null', true],
  ] as const) {
    it(`value_from finds ${isTombstone ? 'a' : 'no'} tombstone in ${body}`, () => {
      const judge = compileIsTombstone(buildConfig({ ...config, value_from: { body_pointer: '/v' } }), false);
      const parsed = { text: body, value: JSON.parse(body) as unknown };
      expect(judge?.({ protocol: 'http', headers: new HeaderList(json) }, Buffer.from(body), parsed)).to.equal(
        isTombstone,
      );
    });
  }

  it('need a key, and are never given to the value schema', async () => {
    const fakes = new Fakes();
    const schemas = { value_schema: { subject_name: 's' }, key_schema: { subject_name: 'k' } };
    const instance = fakes.create({ ...config, schema_registry: { confluent: { url: 'http://r', ...schemas } } });
    const refusal: unknown = await access(instance, exchange({ body: '' })).catch((error: unknown) => error);
    expect(refusal)
      .to.be.instanceOf(RequestError)
      .and.include({ code: 'KEY_INVALID', status: 400, outcome: 'rejected' });
    expect(fakes.sent).to.deep.equal([]);
    await access(instance, exchange({ query: 'k=7', headers: json, body: 'null' }));
    expect(fakes.encoded).to.deep.equal(['orders 7']);
    expect(fakes.sent[0]?.record).to.deep.include({ key: Buffer.from('encoded for orders'), value: null });
  });

  it('are what Lua makes of nil, with a key', async () => {
    const fakes = new Fakes();
    fakes.luaResult = () => null;
    const functions = ['return function(m) return nil end'];
    const instance = await fakes.createWithLua({
      tombstones: true,
      key_query_arg: 'k',
      message_by_lua_functions: functions,
    });
    await access(instance, exchange({ query: 'k=7', headers: json, body: '{"a":1}' }));
    expect(fakes.sent[0]?.record).to.deep.include({ key: Buffer.from('7'), value: null });
    const refusal: unknown = await access(instance, exchange({ headers: json, body: '{}' })).catch(
      (error: unknown) => error,
    );
    expect(refusal).to.be.instanceOf(RequestError).and.include({ code: 'KEY_INVALID' });
  });
});
