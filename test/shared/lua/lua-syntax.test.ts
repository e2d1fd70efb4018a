import { expect } from 'chai';
import * as fc from 'fast-check';
import { LuaApi } from '../../../data-plane/lua/lua-api.ts';
import { luaSyntaxFault, returnsNoFunction, undefinedGlobalLine } from '../../../shared/lua/lua-syntax.ts';

const good = [
  '',
  'return',
  'return;',
  '-- only a comment',
  '--[==[ long\ncomment ]] ]==] return 1',
  'local a <const>, b <close> = 1, nil',
  'local function f(...) local x = ... return select("#", ...) end',
  'a.b["c"]:d "x" { y } (z).e = 1',
  'for i = 1, 10, 2 do if i == 3 then break elseif i > 4 then goto next else end ::next:: end',
  'for k, v in pairs(t) do while k do repeat local u = v until not u end end',
  'function a.b.c:d(x, ...) return -x ^ 2, not x, #x, ~x end',
  'return 0xA, 0x.8p1, 0xe+1, 1e10, .5, 3., 0x1p-2, 1 // 2, 3 ~= 4, 5 ~ 6, 7 >> 1 << 2',
  "return [[long\nstring]], [==[ ]] ]==], \"\\z  \n x\\065\\x41\\u{48}\\\n\", '\\''",
  'return { 1, 2; x = 1, ["y"] = 2, f(), ... }',
  'return "a" .. "b" .. 1 + 2 * 3 - -4 % 5',
  'do end ; ; ; f()',
  'return function(message) return message.body end',
];
const bad: [text: string, line: number, message: RegExp][] = [
  ['local x = = 2', 1, /^unexpected symbol near '='$/],
  ['return function(m)\n  return m.body', 2, /^'end' expected \(to close 'function' at line 1\) near <eof>$/],
  ['x', 1, /^syntax error near <eof>$/],
  ['f() = 1', 1, /^syntax error near '='$/],
  ['(a) = 1', 1, /^syntax error near '='$/],
  ['a, f() = 1', 1, /^syntax error near '='$/],
  ['return 1\nlocal x', 2, /^'<eof>' expected near 'local'$/],
  ['\n\nbreak', 3, /^break outside a loop at line 3/],
  ['return function() return ... end', 1, /^cannot use '...' outside a vararg function/],
  ['local x <foo> = 1', 1, /^unknown attribute 'foo'$/],
  ['return 3x', 1, /^malformed number near '3x'$/],
  ['return 1..2', 1, /^malformed number near '1..2'$/],
  ['return "abc', 1, /^unfinished string near '<eof>'$/],
  ["return 'abc\n'", 1, /^unfinished string near ''abc'$/],
  ['return "\\q"', 1, /^invalid escape sequence near '"\\q'$/],
  ['return "\\256"', 1, /^decimal escape too large/],
  ['return "\\u{80000000}"', 1, /^UTF-8 value too large/],
  ['--[[ x\n', 2, /^unfinished long comment \(starting at line 1\)/],
  ['return [[ x\n', 2, /^unfinished long string \(starting at line 1\)/],
  ['return $', 1, /^unexpected symbol near '\$'$/],
  ['for i do end', 1, /^'=' or 'in' expected near 'do'$/],
  ['a:b = 1', 1, /^function arguments expected near '='$/],
  ['goto 1', 1, /^<name> expected near '1'$/],
  ['if x then\nelse\n', 3, /^'end' expected \(to close 'if' at line 1\)/],
  [`return ${'('.repeat(300)}1${')'.repeat(300)}`, 1, /^nested too deeply$/],
  ['return {1 2}', 1, /^'}' expected near '2'$/],
];

describe('the grammar of Lua', () => {
  let lua: LuaApi;
  before(async () => {
    lua = await LuaApi.create(16 * 1024 * 1024);
  });
  after(() => lua.close());
  /** What Lua itself says. */
  const luaFault = (text: string): string | undefined => {
    const fault = lua.load(text, 'x') === 'ok' ? undefined : lua.lossyText(-1, 10_000);
    lua.clear();
    return fault;
  };

  for (const text of good) {
    it(`takes ${JSON.stringify(text).slice(0, 70)}`, () => {
      expect(luaSyntaxFault(text)).to.equal(undefined);
      expect(luaFault(text)).to.equal(undefined);
    });
  }
  for (const [text, line, message] of bad) {
    it(`refuses ${JSON.stringify(text).slice(0, 70)}`, () => {
      const fault = luaSyntaxFault(text);
      expect(fault?.message).to.match(message);
      expect(fault?.line).to.equal(line);
      expect(luaFault(text)).to.match(text.includes('((((') ? /overflow/ : new RegExp(`^x:${line}:`));
    });
  }

  const chunks: [text: string, isNone: boolean][] = [
    ['', true],
    ['local x = 1', true],
    ['return', true],
    ['return nil', true],
    ['return "x";', true],
    ['return 1, function() end', true],
    ['local f = function(m) return m end', true],
    ['local function f(m) return m end', true],
    ['if a then return 1 end', true],
    ['return function(m) return m end', false],
    ['return nil or function(m) return m end', false],
    ['return f', false],
    ['return f()', false],
    ['return (function() return g end)()', false],
    ['if a then return f end', false],
    ['do local f = g; return f end', false],
  ];
  for (const [text, isNone] of chunks) {
    it(`sees ${isNone ? 'no' : 'a possible'} function in ${JSON.stringify(text)}`, () => {
      expect(returnsNoFunction(text)).to.equal(isNone);
    });
  }

  const globals: [text: string, line: number | undefined][] = [
    ['return function(m)\n  return kong.request\nend', 2],
    ['return function(m) return kong end', 1],
    ['return function(m)\n\n kong.log("x")\nend', 3],
    ['return function(m) return { a = kong } end', 1],
    ['kong.x = 1', 1],
    ['local kong = kong return kong', 1],
    ['do local kong = 1 end return kong', 1],
    ['for kong = 1, 2 do f(kong) end g(kong)', 1],
    ['repeat local kong = 1 until kong\nreturn kong', 2],
    ['function kong.log() end', 1],
    ['function kong:log() end', 1],
    ['local function f(kong) return kong end return kong', 1],
    ['return function(m) return m.kong end', undefined],
    ['return function(m) return { kong = 1 } end', undefined],
    ['return function(m) return m:kong() end', undefined],
    ['return function(kong) return kong.body end', undefined],
    ['local kong = { } return function(m) return kong end', undefined],
    ['local function kong(n) return kong(n - 1) end', undefined],
    ['for kong, v in pairs(t) do f(kong) end', undefined],
    ['repeat local kong = 1 until kong', undefined],
    ['goto kong ::kong::', undefined],
    ['return "kong" -- kong', undefined],
    ['kong = {} return kong', undefined],
    ['a, kong = 1, 2 return kong', undefined],
    ['function kong() end return kong()', undefined],
    ['local _ENV = { kong = 1 } return kong', undefined],
  ];
  for (const [text, line] of globals) {
    it(`finds ${line === undefined ? 'no undefined global' : `the global of line ${line}`} in ${JSON.stringify(text)}`, () => {
      expect(luaFault(text)).to.equal(undefined);
      expect(undefinedGlobalLine(text, 'kong')).to.equal(line);
    });
  }

  it('refuses nothing that Lua accepts, and accepts little that Lua refuses', () => {
    const words =
      'a b 1 2.5 0x1 "s" [[l]] nil true ... + - * / % ^ # & ~ | << >> // == ~= <= < = ( ) { } [ ] :: ; : , . .. ' +
      'and break do else elseif end for function goto if in local not or repeat return then until while f() x= \n --c\n';
    const token = fc.constantFrom(...words.split(' '));
    const statement = fc.constantFrom(
      'local a = 1',
      'a.b = { 1, x = 2 }',
      'if a then b() else c() end',
      'for i = 1, 2 do f(i) end',
      'return function(m) return m end',
      'while a do break end',
      'repeat a() until b',
      'local function g(...) return ... end',
    );
    const text = fc.array(fc.oneof({ weight: 1, arbitrary: token }, { weight: 2, arbitrary: statement }), {
      maxLength: 8,
    });
    // Left to Lua itself: labels, constants, and what its generator of code finds.
    const lateFaults = /label|goto|const variable|multiple to-be-closed|too many/;
    fc.assert(
      fc.property(text, (parts) => {
        const source = parts.join(' ');
        const fault = luaFault(source);
        if (fault !== undefined && lateFaults.test(fault)) return;
        expect(luaSyntaxFault(source) === undefined, `${source}: ${fault}`).to.equal(fault === undefined);
      }),
      { numRuns: 3_000 },
    );
  });

  it('ends on any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        luaSyntaxFault(text);
      }),
    );
  });
});
