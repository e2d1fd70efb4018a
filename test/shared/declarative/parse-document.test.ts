import { expect } from 'chai';
import * as fc from 'fast-check';
import { dump } from 'js-yaml';
import { documentBytesMax, parseDocument, parseDocumentBytes } from '../../../shared/declarative/parse-document.ts';

function faultOf(text: string): string {
  const parsed = parseDocument(text);
  if (parsed.kind === 'ok') throw new Error('was accepted');
  expect(parsed.faults.map(({ path }) => path)).to.deep.equal([['error']]);
  return parsed.faults.map(({ message }) => message).join('; ');
}

const bomb = `a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n${Array.from(
  { length: 9 },
  (_, level) => `a${level + 1}: &a${level + 1} [${Array.from({ length: 10 }, () => `*a${level}`).join(', ')}]`,
).join('\n')}\n`;

describe('a declarative document as text', function () {
  this.timeout(60_000);
  const refused: [name: string, text: string, message: string][] = [
    ['nothing', '', 'expected a record'],
    ['a list', '- a', 'expected a record'],
    ['a JSON list', '[1]', 'expected a record'],
    ['null', 'null', 'expected a record'],
    ['a key twice in YAML', 'a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n', "line 5, column 3: duplicate key 'c'"],
    ['a key twice in JSON', '{"a": 1,\n "b": [{"c": 1, "c": 2}]}', "line 2, column 17: duplicate key 'c'"],
    ['a key twice, once escaped', '{"a": 1, "\\u0061": 2}', "duplicate key 'a'"],
    ['a key twice as number and text', '1: a\n"1": b\n', "duplicate key '1'"],
    ['an alias bomb', bomb, 'its aliases expand too far'],
    ['an alias of itself', 'a: &a\n  b: *a\n', 'within its own anchor'],
    ['an alias of nothing', 'a: *b\n', 'line 1, column 5: unidentified alias'],
    ['deep JSON', `{"a":${'['.repeat(200)}${']'.repeat(200)}}`, 'nested too deeply'],
    ['deep YAML', `a: ${'['.repeat(101)}${']'.repeat(101)}`, 'line 1, column 103: it is nested too deeply'],
    ['very deep YAML', `a: ${'['.repeat(100_000)}`, 'nested too deeply'],
    [
      'deep blocks',
      `a:\n${Array.from({ length: 101 }, (_, level) => `${' '.repeat(level + 1)}a:\n`).join('')}`,
      'nested',
    ],
    [
      'aliases of aliases that nest deeply',
      Array.from(
        { length: 60 },
        (_, index) => `a${index}: &a${index} [[${index === 0 ? '' : `*a${index - 1}`}]]\n`,
      ).join(''),
      'nested too deeply',
    ],
    ['deep lists', '- '.repeat(100_000), 'nested too deeply'],
    ['an unknown tag', 'a: !secret b\n', 'line 1, column 4'],
    ['two documents', 'a: 1\n---\nb: 1\n', 'failed parsing'],
    ['a tab as indent', 'a:\n\tb: 1\n', 'line 2'],
    ['a colon too many', 'a: b: c\n', 'line 1, column 5'],
  ];
  for (const [name, text, message] of refused) {
    it(`refuses ${name}`, () => {
      expect(faultOf(text)).to.match(/^failed parsing declarative configuration: /);
      expect(faultOf(text)).to.include(message);
    });
  }

  it('accepts text that only looks deep', () => {
    const parsed = parseDocument(`a: "${'['.repeat(200)}"\nb: |\n  ${'- '.repeat(200)}\nc: [[[[1]]]]\n`);
    expect(parsed.kind).to.equal('ok');
  });

  it('quotes nothing of a text that it cannot read', () => {
    for (const text of [
      '{"password": "hunter2" "x"}',
      'password: "hunter2',
      'password: hunter2\n  x: y: z\n - 1',
      'password: *hunter2\n',
      'password: !hunter2 x\n',
      'password: !<hunter2> x\n',
      'password: !hunter2!x y\n',
    ]) {
      expect(faultOf(text)).not.to.include('hunter2');
    }
  });

  it('accepts an anchor that is used often', () => {
    const parsed = parseDocument(`tags: &tags [a, b]\nlist:\n${'  - tags: *tags\n'.repeat(900)}`);
    expect(parsed.kind).to.equal('ok');
  });

  it('reads scalars by the core schema of YAML 1.2', () => {
    const words = { octal: '0o17', hex: '0x1F', exponent: '1e3', half: '.5', none: '~', yes: 'yes', day: '2001-01-01' };
    const text = Object.entries({ ...words, on: 'on', thousand: '1_000', binary: '0b1', '<<': '{a: 1}' })
      .map(([key, word]) => `${key}: ${word}\n`)
      .join('');
    const parsed = parseDocument(text);
    expect(parsed.kind === 'ok' && parsed.document).to.deep.equal({
      octal: 15,
      hex: 31,
      exponent: 1000,
      half: 0.5,
      none: null,
      yes: 'yes',
      day: '2001-01-01',
      on: 'on',
      thousand: '1_000',
      binary: '0b1',
      '<<': { a: 1 },
    });
  });

  it('reads keys as texts and takes no name for the prototype', () => {
    const parsed = parseDocument('1: a\n__proto__: b\n');
    expect(parsed.kind === 'ok' && Object.entries(parsed.document)).to.deep.equal([
      ['1', 'a'],
      ['__proto__', 'b'],
    ]);
  });

  it('refuses bytes that are no UTF-8, and too many of them', () => {
    const ofBytes = (bytes: Uint8Array) => JSON.stringify(parseDocumentBytes(bytes));
    expect(ofBytes(Buffer.from([0x61, 0x3a, 0x20, 0xff]))).to.include('not UTF-8');
    expect(ofBytes(Buffer.alloc(documentBytesMax + 1))).to.include(`larger than ${documentBytesMax} bytes`);
  });

  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.string({ unit: 'grapheme' }),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
      tie('record'),
    ),
    record: fc.dictionary(fc.string(), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  }));
  const { record } = value;

  it('means the same in JSON and in YAML', () => {
    fc.assert(
      fc.property(record, (document) => {
        for (const text of [JSON.stringify(document), JSON.stringify(document, null, 2), dump(document)]) {
          expect(parseDocument(text)).to.deep.equal({ kind: 'ok', document });
        }
      }),
    );
  });

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-c{}[\]:,&*!|>'"\n -]{0,40}$/)), (text) => {
        parseDocument(text);
      }),
      { numRuns: 500 },
    );
  });
});
