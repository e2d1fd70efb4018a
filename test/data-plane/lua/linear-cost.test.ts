import { LuaState } from '../../../data-plane/lua/lua-state.ts';
import { expectLinearCost } from '../../helpers/linear-cost.ts';

/** The limit of the conversion between JSON and Lua. */
const jsonCharsMax = 16 * 1024 * 1024;
const sizeMin = 256;

describe('the cost of a message for Lua grows with its length', function () {
  this.timeout(120_000);
  let state: LuaState;
  before(async () => {
    state = await LuaState.create(512 * 1024 * 1024, (_index, work) => work());
    const [fault] = state.compile(['return function(message) return message end']);
    if (fault !== undefined) throw new Error(fault.message);
  });
  after(() => state.close());

  const list = (text: string, size: number): string => `[${Array(size).fill(text).join(',')}]`;
  const messages: [what: string, message: (size: number) => string][] = [
    ['plain strings', (size) => list('"abc"', size)],
    ['strings with escapes', (size) => list('"a\\nb"', size)],
    ['plain strings behind an escape', (size) => `["\\n",${list('"abc"', size)}]`],
    ['plain strings before an escape', (size) => `[${list('"abc"', size)},"\\n"]`],
    ['one long string', (size) => JSON.stringify(['x'.repeat(size)])],
    ['numbers', (size) => list('-12.5e3', size)],
    ['members', (size) => JSON.stringify(Object.fromEntries(Array.from({ length: size }, (_one, n) => [`n${n}`, n])))],
    ['blanks', (size) => `[${' '.repeat(size * 16)}1]`],
  ];
  for (const [what, message] of messages) {
    it(`of ${what}`, async () => {
      await expectLinearCost({
        sizeMin,
        // Longer JSON is refused.
        sizeMax: (jsonCharsMax * sizeMin) / message(sizeMin).length / 2,
        make: message,
        run: (text) => {
          const reply = state.run(text);
          if (reply.kind !== 'done') throw new Error(JSON.stringify(reply).slice(0, 300));
          return reply;
        },
      });
    });
  }
});
