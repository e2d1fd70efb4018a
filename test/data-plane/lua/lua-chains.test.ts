import { expect } from 'chai';
import * as fc from 'fast-check';
import { Registry } from 'prom-client';
import { LuaChains, luaWorkersMax, type LuaChain } from '../../../data-plane/lua/lua-chains.ts';
import type { LuaLimits } from '../../../data-plane/lua/lua-worker.ts';
import { RequestError } from '../../../shared/errors.ts';
import { createLogger } from '../../../shared/log.ts';

/** Patient limits, so that a busy machine fails no test that is not about time. */
const patient: Partial<LuaLimits> = {
  callTimeoutMs: 20_000,
  convertTimeoutMs: 20_000,
  compileTimeoutMs: 20_000,
  startTimeoutMs: 60_000,
};

const later = (): number => performance.now() + 60_000;

async function failureOf(work: Promise<unknown>): Promise<RequestError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
  throw new Error('did not fail');
}

describe('Lua chains', function () {
  this.timeout(60_000);
  const opened: LuaChains[] = [];
  let lines: Record<string, unknown>[] = [];
  let metrics: Registry;
  let chains: LuaChains;

  function open(limits: Partial<LuaLimits> = {}): LuaChains {
    lines = [];
    metrics = new Registry();
    const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
    const logger = createLogger({ level: 'info', format: 'json', write });
    const created = new LuaChains({ logger, metrics, limits: { ...patient, ...limits } });
    opened.push(created);
    return created;
  }
  async function chainOf(...functions: string[]): Promise<LuaChain> {
    const acquired = await chains.acquire(functions);
    if (acquired.kind === 'faults') throw new Error(JSON.stringify(acquired.faults));
    return acquired.chain;
  }
  const run = async (source: string, message = '{"body":"b"}'): Promise<string> => {
    const chain = await chainOf(source);
    try {
      return String(await chain.run(message, later()));
    } finally {
      chain.release();
    }
  };
  const expression = (lua: string, message?: string): Promise<string> =>
    run(`return function(message) return ${lua} end`, message);

  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close();
  });

  describe('run', () => {
    beforeEach(() => {
      chains = open();
    });

    const results: [what: string, lua: string, result: string, message?: string][] = [
      [
        'a table as JSON, names in order',
        '{ z = message.body, a = { 1, "x", true, 2.5 } }',
        '{"a":[1,"x",true,2.5],"z":"b"}',
      ],
      ['a string as it is', 'message.body', 'b'],
      [
        'lists and nulls as they were',
        'message',
        '{"a":[],"b":{},"c":[null,[[]]],"d":null}',
        '{"d":null,"a":[],"b":{},"c":[null,[[]]]}',
      ],
      ['an empty table as an object', '{ a = {}, b = setmetatable({}, cjson.array_mt) }', '{"a":{},"b":[]}'],
      [
        'integers of 64 bits',
        'message',
        '{"a":9223372036854775807,"b":-9223372036854775808}',
        '{"a":9223372036854775807,"b":-9223372036854775808}',
      ],
      ['larger integers as doubles', 'message', '{"a":9223372036854776000}', '{"a":9223372036854775808}'],
      [
        'doubles by their shortest text',
        '{ a = message.a, b = 0.1 + 0.2, c = 6 / 2, d = 1e300, e = message.e }',
        '{"a":0.1,"b":0.30000000000000004,"c":3,"d":1e+300,"e":100}',
        '{"a":0.10,"e":1e2}',
      ],
      ['holes of a list', '{ 1, nil, 3 }', '[1,null,3]'],
      ['number keys beside others', '{ [1] = "a", x = "b" }', '{"1":"a","x":"b"}'],
      [
        'text of every plane',
        'message',
        '{"ü":"€\\u0000😀\\"\\\\"}',
        '{"\\u00fc":"\\u20ac\\u0000\\ud83d\\ude00\\"\\\\"}',
      ],
      ['names that JavaScript knows', 'message', '{"__proto__":1,"constructor":2}', '{"__proto__":1,"constructor":2}'],
      [
        'cjson both ways',
        'cjson.encode({ a = cjson.decode("[1, {}, null]"), n = cjson.null })',
        '{"a":[1,{},null],"n":null}',
      ],
      [
        'string, table and math',
        'table.concat({ ("x"):rep(2), string.upper("y"), math.floor(2.7), unpack({ 7 }) }, ",")',
        'xx,Y,2,7',
      ],
    ];
    for (const [what, lua, result, message] of results) {
      it(`gives ${what}`, async () => expect(await expression(lua, message)).to.equal(result));
    }

    it('gives bytes that are no text', async () => {
      const chain = await chainOf('return function() return "\\0\\xff\\0" end');
      expect(await chain.run('{}', later())).to.deep.equal(Buffer.from([0, 255, 0]));
    });

    it('folds the functions in order', async () => {
      const add = (text: string): string => `return function(m) return { body = m.body .. "${text}" } end`;
      const chain = await chainOf(add('1'), add('2'), 'return function(m) return m.body end');
      expect(String(await chain.run('{"body":"b"}', later()))).to.equal('b12');
    });

    it('has nothing but the sandbox', async () => {
      const names =
        'io os require load loadstring loadfile dofile debug package coroutine collectgarbage print warn utf8';
      const all = `${names.replaceAll(' ', ', ')}, string.dump`;
      expect(await expression(`#{ ${all} } .. tostring(getmetatable(""))`)).to.equal('0false');
      const changed = 'return function() string.upper = nil; _G.x = 1; cjson.encode = nil; return {} end';
      const kept = 'return function() return type(string.upper) .. type(x) .. type(cjson.encode) .. ("a"):upper() end';
      const chain = await chainOf(changed, kept);
      expect(String(await chain.run('{}', later()))).to.equal('functionnilfunctionA');
    });

    const failures: [what: string, lua: string, logged: RegExp, message?: string][] = [
      ['an error of Lua', 'message.body.x.y', /^function 1:1: attempt to index a nil value/],
      ['an error that is a table', 'error({})', /^the error is a table/],
      ['nil', 'nil', /^expected a table or a string, but got nil/],
      ['a number', '5', /^expected a table or a string, but got number/],
      ['a function within', '{ print = function() end }', /^a function has no form in JSON/],
      ['what is not finite', '{ 0/0 }', /^a number is not finite/],
      ['text that is not UTF-8', '{ "\\xff" }', /^a string is not valid UTF-8/],
      ['a list with too many holes', '{ [1] = 1, [1000] = 2 }', /^a list has too many holes/],
      ['a list with a name', 'setmetatable({ x = 1 }, cjson.array_mt)', /^a list holds a key that is no position/],
      ['a key of another type', '{ [true] = 1 }', /^a boolean cannot be the name of a member/],
      ['a key twice', '{ [1] = 1, ["1"] = 2, x = 3 }', /^a table holds the key "1" as text and as number/],
      ['a table in itself', '(function() local t = {}; t.t = t; return t end)()', /^tables nested deeper than 1000/],
      ['text that is not JSON', 'cjson.decode("{")', /^invalid JSON/],
      ['a finaliser', 'setmetatable({}, { __gc = function() end })', /__gc is not allowed/],
      ['JSON that is too deep', 'message', /^JSON nested deeper than 1000/, '['.repeat(2_000) + ']'.repeat(2_000)],
      ['half of a surrogate pair', 'message', /^half of a surrogate pair/, '{"a":"\\ud800x"}'],
      [
        'shared tables that stand for too much',
        '(function() local s = ("x"):rep(1000000); local t = {}; for i = 1, 17 do t[i] = s end; return t end)()',
        /^the JSON is longer than/,
      ],
    ];
    for (const [what, lua, logged, message] of failures) {
      it(`refuses ${what}`, async () => {
        const error = await failureOf(expression(lua, message));
        expect([error.status, error.code, error.outcome, error.retryable]).to.deep.equal([
          500,
          'LUA_ERROR',
          'not_sent',
          false,
        ]);
        expect(error.message).to.match(/^(Function 1|The result) of message_by_lua_functions failed\.$/);
        expect(lines.find(({ event }) => event === 'lua_failed')?.['error']).to.match(logged);
      });
    }

    it('logs the route and the first 300 bytes of an error, which may quote the whole message', async () => {
      const chain = await chainOf('return function(m) error(m.body) end');
      const message = JSON.stringify({ body: 'ü'.repeat(400_000) });
      const error = await failureOf(chain.run(message, later(), 'orders'));
      expect(error.message).to.equal('Function 1 of message_by_lua_functions failed.');
      const logged = lines.find(({ event }) => event === 'lua_failed');
      expect(logged?.['route']).to.equal('orders');
      expect(logged?.['error']).to.match(/^function 1:1: ü+…$/);
      expect(Buffer.byteLength(String(logged?.['error']))).to.be.within(290, 303);
    });

    it('returns any JSON unchanged', async () => {
      const chain = await chainOf('return function(m) return m end');
      await fc.assert(
        fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(0, 1), async (value, indent) => {
          const text = JSON.stringify({ list: [value], value }, null, indent);
          const result = String(await chain.run(text, later()));
          expect(JSON.parse(result)).to.deep.equal(JSON.parse(text));
        }),
        { numRuns: 300 },
      );
    });

    it('goes on after an error', async () => {
      const chain = await chainOf('return function(m) if m.fail then error("x") end return m.body end');
      expect((await failureOf(chain.run('{"fail":true}', later()))).code).to.equal('LUA_ERROR');
      expect(String(await chain.run('{"body":"b"}', later()))).to.equal('b');
    });

    it('catches errors with pcall, those of cjson too', async () => {
      const lua = '(function() local ok, why = pcall(cjson.decode, "{"); return tostring(ok) .. type(why) end)()';
      expect(await expression(lua)).to.equal('falsestring');
    });
  });

  describe('limits', () => {
    const endless: [what: string, body: string][] = [
      ['an endless loop', 'while true do end'],
      ['pcall in a loop', 'while true do pcall(function() while true do end end) end'],
      ['one long string pattern', 'return string.find(("a"):rep(200000), ".-.-.-.-b")'],
      ['errors caught in a loop', 'while true do pcall(error) end'],
    ];
    for (const [what, body] of endless) {
      it(`ends ${what} at its deadline and replaces the thread`, async () => {
        chains = open({ callTimeoutMs: 50 });
        const chain = await chainOf(`return function(m) if m.loop then ${body} end return m.body end`);
        const error = await failureOf(chain.run('{"loop":true}', later()));
        expect(error.message).to.equal('Function 1 of message_by_lua_functions took longer than 50 ms.');
        expect([error.status, error.code, error.outcome]).to.deep.equal([500, 'LUA_ERROR', 'not_sent']);
        expect(await metrics.metrics()).to.include('sluice_lua_failures_total{reason="deadline"} 1');
      });
    }

    it('ends a conversion that takes too long', async () => {
      chains = open({ convertTimeoutMs: 5 });
      const chain = await chainOf(
        'return function(m) local t = { "x" }; for i = 1, 60 do t = { t, t } end; return t end',
      );
      const messages: string[] = [];
      const expected = 'Conversion from or to JSON of message_by_lua_functions took longer than 5 ms.';
      // On a busy machine the watch may come late, and the bound of the text's length ends the conversion first.
      while (messages.length < 5 && !messages.includes(expected)) {
        messages.push((await failureOf(chain.run('{}', later()))).message);
      }
      expect(messages).to.include(expected);
    });

    it('serves on after a deadline, and a slow chain does not hold up another', async () => {
      chains = open({ callTimeoutMs: 500 });
      const chain = await chainOf('return function(m) if m.loop then while true do end end return m.body end');
      const other = await chainOf('return function(m) return "other" end');
      const looping = failureOf(chain.run('{"loop":true}', later()));
      const waiting = chain.run('{"body":"next"}', later());
      expect(String(await other.run('{}', later()))).to.equal('other');
      expect((await looping).code).to.equal('LUA_ERROR');
      expect(String(await waiting)).to.equal('next');
    });

    it('fails one message of many that went to the thread together, and runs the others', async () => {
      chains = open({ callTimeoutMs: 300 });
      const chain = await chainOf(
        'return function(m) if m.loop then while true do end end if m.bad then error("no") end return m.body end',
      );
      const messages = Array.from({ length: 200 }, (_, index) =>
        JSON.stringify({ body: String(index), loop: index === 70, bad: index === 30 || index === 150 }),
      );
      const results = await Promise.allSettled(messages.map((message) => chain.run(message, later())));
      const told = results.map((result) => (result.status === 'fulfilled' ? String(result.value) : 'failed'));
      expect(told).to.deep.equal(
        messages.map((_, index) => ([30, 70, 150].includes(index) ? 'failed' : String(index))),
      );
      expect(await metrics.metrics()).to.include('sluice_lua_failures_total{reason="deadline"} 1');
    });

    it('refuses what comes when the time of its request is used up', async () => {
      chains = open();
      const chain = await chainOf('return function(m) for i = 1, 3e6 do end return m.body end');
      const budget = { totalMs: 1, leftMs: 1 };
      expect(String(await chain.run('{"body":"first"}', later(), undefined, { budget }))).to.equal('first');
      const error = await failureOf(chain.run('{"body":"second"}', later(), undefined, { budget }));
      expect(error.message).to.equal('All calls for the request of message_by_lua_functions took longer than 1 ms.');
      expect(String(await chain.run('{"body":"another"}', later()))).to.equal('another');
    });

    it('takes nil as null where that is wanted', async () => {
      chains = open();
      const chain = await chainOf('return function(m) return nil end');
      expect(await chain.run('{}', later(), undefined, { takesNil: true })).to.equal(null);
      expect((await failureOf(chain.run('{}', later()))).message).to.equal(
        'The result of message_by_lua_functions failed.',
      );
    });

    it('refuses a function that needs too much memory, and frees it afterwards', async () => {
      chains = open({ memoryMaxBytes: 4 * 1024 * 1024 });
      const chain = await chainOf(
        'local kept = {} return function(m) if m.fill then while true do kept[#kept + 1] = ("x"):rep(1000) .. #kept end end return #kept .. "" end',
      );
      const error = await failureOf(chain.run('{"fill":true}', later()));
      expect(error.code).to.equal('LUA_ERROR');
      expect(await metrics.metrics()).to.include('sluice_lua_failures_total{reason="memory"} 1');
      expect(String(await chain.run('{}', later()))).to.equal('0');
      const large = JSON.stringify({ body: 'x'.repeat(5 * 1024 * 1024) });
      expect((await failureOf(chain.run(large, later()))).code).to.equal('LUA_ERROR');
      expect(String(await chain.run('{}', later()))).to.equal('0');
    });

    it('bounds the queue by messages and by length', async () => {
      chains = open({ queueMessagesMax: 2, queueLengthMax: 20 });
      const chain = await chainOf('return function(m) return "x" end');
      // One runs, two wait.
      const first = [1, 2, 3].map(() => chain.run('{}', later()));
      const refused = await failureOf(chain.run('{}', later()));
      expect([refused.status, refused.code, refused.outcome, refused.retryAfterSeconds]).to.deep.equal([
        503,
        'PRODUCER_OVERLOADED',
        'not_sent',
        1,
      ]);
      await Promise.all(first);
      expect((await failureOf(chain.run(' '.repeat(21), later()))).code).to.equal('PRODUCER_OVERLOADED');
      expect(String(await chain.run('{}', later()))).to.equal('x');
    });

    it('answers waiting messages at their deadline', async () => {
      chains = open({ callTimeoutMs: 1_000 });
      const chain = await chainOf('return function(m) while m.loop do end return "x" end');
      const looping = failureOf(chain.run('{"loop":true}', later()));
      const error = await failureOf(chain.run('{}', performance.now() + 50));
      expect(error.code).to.equal('PRODUCER_OVERLOADED');
      expect((await looping).code).to.equal('LUA_ERROR');
    });

    it('answers waiting messages when it closes', async () => {
      chains = open();
      const chain = await chainOf('return function(m) while m.loop do end return "x" end');
      const running = [failureOf(chain.run('{"loop":true}', later())), failureOf(chain.run('{}', later()))];
      await chains.close();
      expect((await Promise.all(running)).map(({ code }) => code)).to.deep.equal(['SHUTTING_DOWN', 'SHUTTING_DOWN']);
      expect((await failureOf(chain.run('{}', later()))).code).to.equal('SHUTTING_DOWN');
    });

    it('ends a thread when its last chain is released', async () => {
      chains = open();
      const source = 'local n = 0 return function() n = n + 1 return n .. "" end';
      const [a, b] = [await chainOf(source), await chainOf(source)];
      expect(String(await a.run('{}', later()))).to.equal('1');
      a.release();
      a.release();
      expect(String(await b.run('{}', later()))).to.equal('2');
      b.release();
      const again = await chainOf(source);
      expect(String(await again.run('{}', later()))).to.equal('1');
    });

    it('lets more chains than workers share', async () => {
      chains = open();
      const many = await Promise.all(
        Array.from({ length: luaWorkersMax + 3 }, (_, index) => chainOf(`return function() return "${index}" end`)),
      );
      const results = await Promise.all(many.map((chain) => chain.run('{}', later())));
      expect(results.map(String)).to.deep.equal(many.map((_, index) => String(index)));
      many[0]?.release();
      many[luaWorkersMax]?.release();
      expect(String(await many[1]?.run('{}', later()))).to.equal('1');
    });
  });

  describe('compiling', () => {
    const faultsOf = async (...functions: string[]): Promise<unknown> => {
      const acquired = await chains.acquire(functions);
      return acquired.kind === 'faults' ? acquired.faults : [];
    };

    it('names every function at fault with its line', async () => {
      chains = open();
      expect(
        await faultsOf(
          'return function(m) return m end',
          'local x = 1\nreturn function(m) goto nowhere end',
          'return 5',
          'local t = nil\n\nt.x = 1',
          '\x1bLua',
        ),
      ).to.deep.equal([
        { index: 1, line: 2, message: "no visible label 'nowhere' for <goto> at line 2" },
        { index: 2, line: null, message: "expected 'return function(message) … end', but the chunk returns number" },
        { index: 3, line: 3, message: "attempt to index a nil value (local 't')" },
        { index: 4, line: null, message: "attempt to load a binary chunk (mode is 't')" },
      ]);
    });

    it('refuses a chunk that does not end', async () => {
      chains = open({ compileTimeoutMs: 100 });
      expect(await faultsOf('return function(m) return m end', 'while true do end')).to.deep.equal([
        { index: 1, line: null, message: 'the chunk did not return within 100 ms' },
      ]);
    });

    it('fails where a state cannot be made', async () => {
      chains = open({ memoryMaxBytes: 1_000 });
      const failure: unknown = await chains.acquire(['return function() end']).catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(Error);
    });

    it('closes while a thread is starting', async () => {
      chains = open();
      const failure = chains.acquire(['return function() end']).catch((error: unknown) => error);
      await chains.close();
      expect(await failure).to.be.instanceOf(Error);
    });

    it('fails where no thread comes up', async () => {
      chains = open({ startTimeoutMs: 0 });
      const failure: unknown = await chains.acquire(['return function() end']).catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(Error).with.property('message', 'did not start within 0 ms');
    });
  });
});
