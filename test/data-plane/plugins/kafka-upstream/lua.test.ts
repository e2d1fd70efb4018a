import { expect } from 'chai';
import { kafkaUpstream } from '../../../../data-plane/plugins/kafka-upstream/plugin.ts';
import { RequestError } from '../../../../shared/errors.ts';
import { buildConfig, faultsOf } from './build-config.ts';
import { access, exchange, Fakes } from './plugin-fakes.ts';

const idiom = 'return function(message) return message.body end';
const json = ['content-type', 'application/json'];
const registry = { confluent: { url: 'http://r', value_schema: { subject_name: 's' } } };

async function failureOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof RequestError) return `${error.status} ${error.code} ${error.outcome}`;
    throw error;
  }
  return 'none';
}

describe('message_by_lua_functions', () => {
  let fakes: Fakes;
  beforeEach(() => {
    fakes = new Fakes();
  });
  const valueSent = (): string | undefined => fakes.sent.at(-1)?.record.value?.toString('latin1');

  it('fold over the envelope, and their result is the value', async () => {
    const functions = ['return function(m) return m end', 'return function(m) return m end'];
    const instance = await fakes.createWithLua({ message_by_lua_functions: functions, forward_method: true });
    expect(fakes.luaFunctions).to.deep.equal([functions]);
    const messages: string[] = [];
    fakes.luaResult = (message) => {
      messages.push(message);
      return '{"a":1}';
    };
    await access(instance, exchange({ headers: json, body: '{"x":1}' }));
    expect(messages).to.deep.equal(['{"method":"POST","body":"{\\"x\\":1}","body_args":{"x":1}}']);
    expect(valueSent()).to.equal('{"a":1}');
    fakes.luaResult = () => Buffer.from([0xff, 0]);
    await access(instance, exchange({}));
    expect(valueSent()).to.equal('\xff\0');
    instance.close?.();
    expect(fakes.released).to.equal(2);
  });

  it('are encoded with the schema; a string must be JSON', async () => {
    const config = { message_by_lua_functions: ['return function(m) return m end'], schema_registry: registry };
    const instance = await fakes.createWithLua(config);
    const cases: [result: string | Buffer, encoded: string | undefined][] = [
      ['{"a":1}', 'orders {"a":1}'],
      [Buffer.from('{"b":2}'), 'orders {"b":2}'],
      [Buffer.from('text'), undefined],
      [Buffer.from([0x22, 0xff, 0x22]), undefined],
    ];
    for (const [result, encoded] of cases) {
      fakes.luaResult = () => result;
      const failure = await failureOf(access(instance, exchange({})));
      if (encoded === undefined) expect(failure).to.equal('500 LUA_ERROR not_sent');
      else expect(fakes.encoded.at(-1)).to.equal(encoded);
    }
    expect(fakes.encoded).to.have.length(2);
  });

  it('run once for several topics, and not at all for a body at fault', async () => {
    let runs = 0;
    fakes.luaResult = (message) => {
      runs++;
      return message;
    };
    const instance = await fakes.createWithLua({
      message_by_lua_functions: ['return function(m) return m end'],
      topics_query_arg: 't',
      allowed_topics: ['a', 'b'],
    });
    await access(instance, exchange({ query: 't=a,b' }));
    expect([runs, fakes.sent.length]).to.deep.equal([1, 2]);
    expect(await failureOf(access(instance, exchange({ headers: json, body: '{' })))).to.equal(
      '400 BODY_INVALID rejected',
    );
    expect(runs).to.equal(1);
  });

  it('that fail send nothing', async () => {
    fakes.luaResult = () => {
      throw new RequestError('LUA_ERROR', 'no');
    };
    const instance = await fakes.createWithLua({ message_by_lua_functions: ['return function(m) return m end'] });
    expect(await failureOf(access(instance, exchange({})))).to.equal('500 LUA_ERROR not_sent');
    expect(fakes.sent).to.deep.equal([]);
  });

  describe('that only take the body', () => {
    const multipart = ['content-type', 'multipart/form-data; boundary=X'];
    const part = '--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--X--\r\n';
    const cases: [what: string, headers: string[], body: string | Buffer, value: string][] = [
      ['JSON, as it came', json, '{"a": 1.0}', '{"a": 1.0}'],
      ['text', ['content-type', 'text/plain'], 'hello', 'hello'],
      ['text that is not UTF-8, in base64', ['content-type', 'text/plain'], Buffer.from([0xff]), '/w=='],
      ['a form', ['content-type', 'application/x-www-form-urlencoded'], 'a=1', 'a=1'],
      ['another type, in base64', [], 'hello', 'aGVsbG8='],
      ['multipart', multipart, part, part],
      ['JSON that is none', json, '5', '400 BODY_INVALID rejected'],
      ['multipart that is broken', multipart, '--X', '400 BODY_INVALID rejected'],
    ];
    for (const [what, headers, body, value] of cases) {
      it(`need no Lua: ${what}`, async () => {
        const instance = fakes.create({ message_by_lua_functions: [idiom] });
        const failure = await failureOf(access(instance, exchange({ headers, body })));
        expect(failure === 'none' ? valueSent() : failure).to.equal(value);
        expect(fakes.luaFunctions).to.deep.equal([]);
      });
    }

    it('are encoded with the schema, as JSON', async () => {
      const instance = fakes.create({ message_by_lua_functions: [idiom], schema_registry: registry });
      await access(instance, exchange({ headers: json, body: '{"a":1}' }));
      expect(fakes.encoded).to.deep.equal(['orders {"a":1}']);
    });

    it('leave the body alone where it is the value already', async () => {
      const instance = fakes.create({ message_by_lua_functions: [idiom], record_value: 'body' });
      await access(instance, exchange({ body: Buffer.from([0xff]) }));
      expect(valueSent()).to.equal('\xff');
    });

    const recognised: [source: string, isIdiom: boolean][] = [
      [' return  function ( m )\n  return m . body ;\nend ; ', true],
      ['return function(message) return msg.body end', false],
      ['return function(message) return message.body_args end', false],
      ['return function(message) return message.body .. "" end', false],
    ];
    for (const [source, isIdiom] of recognised) {
      it(`are recognised: ${JSON.stringify(source)} ${isIdiom ? 'is' : 'is not'}`, async () => {
        await kafkaUpstream.create(buildConfig({ message_by_lua_functions: [source] }), fakes.deps());
        expect(fakes.luaFunctions).to.have.length(isIdiom ? 0 : 1);
      });
    }
  });

  describe('faults', () => {
    const path = 'message_by_lua_functions';
    const other = 'return function(m) return m end';
    const cases: [what: string, config: Readonly<Record<string, unknown>>, faults: string[]][] = [
      [
        'of syntax, each with its line',
        { [path]: [other, 'return function(m)\n  return m.\nend', 'local = 1'] },
        [`${path}.1: line 3: <name> expected near 'end'`, `${path}.2: line 1: <name> expected near '='`],
      ],
      ['of an empty element', { [path]: [''] }, [`${path}.0: length must be at least 1`]],
      [
        'of Lua where there is no envelope',
        { [path]: [other], record_value: 'body' },
        [`${path}: needs record_value 'envelope': with 'body' no envelope is made`],
      ],
      [
        'of two that take the body where there is no envelope',
        { [path]: [idiom, idiom], record_value: 'body' },
        [`${path}: needs record_value 'envelope': with 'body' no envelope is made`],
      ],
      [
        'of taking a body that is not there',
        { [path]: [idiom], forward_body: false, forward_method: true },
        [`${path}: returns message.body, which needs forward_body`],
      ],
      ['none', { [path]: [idiom], record_value: 'body', forward_body: false, forward_uri: true }, []],
    ];
    for (const [what, config, faults] of cases) {
      it(what, () => expect(faultsOf(config)).to.deep.equal(faults));
    }

    it('that only Lua itself finds refuse the configuration', async () => {
      const faults = [
        { index: 0, line: 2, message: 'why' },
        { index: 1, line: null, message: 'and why' },
      ];
      const lua = { ...fakes.lua, acquire: () => Promise.resolve({ kind: 'faults' as const, faults }) };
      const creation = await kafkaUpstream.create(buildConfig({ [path]: [other] }), { ...fakes.deps(), lua });
      expect(creation).to.deep.equal({
        kind: 'faults',
        faults: [
          { path: ['config', path, 0], message: 'line 2: why' },
          { path: ['config', path, 1], message: 'and why' },
        ],
      });
      expect(fakes.acquired).to.deep.equal([]);
    });
  });
});
