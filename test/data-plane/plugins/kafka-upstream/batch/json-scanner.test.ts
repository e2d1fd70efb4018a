import { expect } from 'chai';
import * as fc from 'fast-check';
import { JsonFault, JsonScanner } from '../../../../../data-plane/plugins/kafka-upstream/batch/json-scanner.ts';
import { jsonNestingMax } from '../../../../../shared/json-nesting.ts';

/** Whether the text is one JSON value, as the scanner sees it; `bytesMax`: it pauses after so many bytes. */
function scans(text: string, bytesMax = Infinity): boolean {
  const scanner = new JsonScanner(Buffer.from(text));
  try {
    while (!scanner.skipValue(bytesMax));
    return scanner.skipSpace() < 0;
  } catch (error) {
    if (error instanceof JsonFault) return false;
    throw error;
  }
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Texts that are nearly JSON: cut, with a character more, or with another one. */
const nearlyJson = fc
  .tuple(
    fc.json(),
    fc.nat(),
    fc.nat(),
    fc.constantFrom(...Array.from('{}[]",:\\-+.0123456789eEtrufalsn \t\n\u0000\u001fü')),
  )
  .map(([text, from, kind, char]) => {
    const at = from % (text.length + 1);
    if (kind % 3 === 0) return text.slice(0, at);
    return text.slice(0, at) + char + text.slice(at + (kind % 3 === 1 ? 0 : 1));
  });

describe('JsonScanner', () => {
  it('takes what JSON.parse takes, and nothing else', () => {
    const both = (text: string): void => void expect(scans(text), text).to.equal(parses(text));
    fc.assert(fc.property(fc.json(), both), { numRuns: 300 });
    fc.assert(fc.property(nearlyJson, both), { numRuns: 3_000 });
  });

  it('takes what JSON.parse takes where it pauses anywhere', () => {
    const both = (text: string, bytesMax: number): void =>
      void expect(scans(text, bytesMax), text).to.equal(parses(text));
    fc.assert(fc.property(nearlyJson, fc.integer({ min: 1, max: 9 }), both), { numRuns: 1_000 });
  });

  const rows = [
    ['', ' ', '-', '01', '1.', '.5', '1e', '1e+', '-0', '0e0', '-0.0E-1', '1E5', '+1', '1 2', 'nul', 'nulll', 'NaN'],
    ['"', '"\\', '"\\u12', '"\\u12g4"', '"\\x"', '"\u0001"', '"\\ud800"', '"\u2028"', '[,]', '[1,]', '[1 2]', '[]]'],
    ['{', '{}', '{"a"}', '{"a":}', '{"a":1,}', '{,}', '{a:1}', '{"a":1 "b":2}', '{"a":1,"a":2}', '[{]}', '{[}]'],
    ['[[[]]', ' [ 1 , { "a" : [ ] } ] ', '\ufeff1', '\u00a01', '1\u00a0', 'true false', '"a" : 1'],
  ].flat();
  for (const text of rows)
    it(`judges ${JSON.stringify(text)} as JSON.parse`, () => expect(scans(text)).to.equal(parses(text)));

  it('bounds the nesting', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(scans(nested(jsonNestingMax))).to.equal(true);
    expect(scans(nested(jsonNestingMax + 1))).to.equal(false);
  });

  it('reads keys as they are meant', () => {
    const scanner = new JsonScanner(Buffer.from(' "a\\u0062\\n" : 1'));
    expect(scanner.readKey()).to.equal('ab\n');
    expect(scanner.skipValue()).to.equal(true);
  });

  it('says where a value breaks off', () => {
    const scanner = new JsonScanner(Buffer.from('[1, x]'));
    expect(() => scanner.skipValue()).to.throw(JsonFault, 'expected a JSON value, but found byte 78');
    expect(scanner.at).to.equal(4);
  });
});
