import { expect } from 'chai';
import * as fc from 'fast-check';
import { compileAvro } from '../../../../data-plane/schemas/formats/avro.ts';
import { RequestError } from '../../../../shared/errors.ts';
import { avroSchema } from '../differential/avro-cases.ts';
import type { CompiledSchema } from '../../../../data-plane/schemas/formats/format.ts';
import { runAtOnce } from '../../../../data-plane/schemas/formats/steps.ts';
import { formatOptions } from '../format-options.ts';

const none = Buffer.alloc(0);

/** The same value with and without a decimal beside it: with one the text is always parsed into an object first. */
function bothWays(schema: unknown): { direct: CompiledSchema; parsed: CompiledSchema } {
  const compile = (more: readonly unknown[]): CompiledSchema => {
    const fields = [{ name: 'v', type: schema }, ...more];
    const text = JSON.stringify({ type: 'record', name: 'Wrapper', fields });
    return runAtOnce(compileAvro({ text, references: [] }, formatOptions()));
  };
  const decimal = { type: 'bytes', logicalType: 'decimal', precision: 4, scale: 2 };
  return { direct: compile([]), parsed: compile([{ name: 'd', type: ['null', decimal], default: null }]) };
}

/** The bytes in hex, or the error with its faults. */
function outcome(schema: CompiledSchema, json: string): string {
  try {
    return schema.encode(json, none).toString('hex');
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    return `${error.code} ${JSON.stringify(error.details)}`;
  }
}

function expectSame({ direct, parsed }: ReturnType<typeof bothWays>, json: string): void {
  const found = outcome(parsed, json);
  // The decimal is null: a zero byte.
  const wanted = /^[0-9a-f]*$/.test(found) ? found.slice(0, -2) : found;
  expect(outcome(direct, json), json).to.equal(wanted);
}

/** Characters that JSON is made of, and some that it is not. */
const spice = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  '\\',
  '0',
  '1',
  '9',
  '.',
  '-',
  '+',
  'e',
  'n',
  ' ',
  '\n',
  '\t',
  '\u0001',
  '\u00a0',
  'ü',
  '😀',
  '\ud800',
  '\u0000',
];

describe('Avro straight from JSON text', () => {
  it('gives the same result as parsing to an object first, for valid and for damaged text', () => {
    const texts = fc.record({ gen: fc.gen(), at: fc.double({ min: 0, max: 0.999, noNaN: true }), edits: fc.nat(3) });
    fc.assert(
      fc.property(texts, ({ gen, at, edits }) => {
        const { schema, values } = avroSchema(gen);
        const ways = bothWays(JSON.parse(schema));
        for (const { json } of values) {
          let text = `{"v":${json}}`;
          expectSame(ways, text);
          expectSame(ways, ` ${text.replaceAll(/[:,{}[\]]/g, (sign) => ` \n${sign}\t\r`)} `);
          for (let edit = 0; edit < edits; edit++) {
            const place = Math.floor(at * text.length);
            const sign = spice[gen(fc.nat, spice.length - 1)] ?? '';
            const rest = text.slice(place + gen(fc.nat, 1));
            text = text.slice(0, place) + sign + rest;
            expectSame(ways, text);
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it('reads large numbers behind a fault exactly', () => {
    const fields = [
      { name: 'a', type: 'int' },
      { name: 'b', type: { type: 'long', logicalType: 'timestamp-micros' } },
    ];
    const { direct } = bothWays({ type: 'record', name: 'R', fields });
    const found = outcome(direct, '{"v":{"a":"no number","b":87392360389671522}}');
    expect(found).to.contain('"pointer":"/v/a"').and.not.to.contain('/v/b');
  });

  const record = (...fields: object[]): object => ({ type: 'record', name: 'R', fields });
  const a = { name: 'a', type: 'int' };
  const cases: [schema: unknown, values: string[]][] = [
    [
      'int',
      [
        '0',
        '-0',
        '01',
        '1.0',
        '1e2',
        '2147483647',
        '2147483648',
        '-2147483648',
        '-',
        '+1',
        '1.',
        '.1',
        '1 ',
        '"1"',
        '0x1',
      ],
    ],
    ['long', ['999999999999999', '1000000000000000', '9007199254740993', '-9007199254740993', '1.5', '"5"', '5.0']],
    [
      'double',
      [
        '0.1',
        '-0',
        '-0.0',
        '123456789.123456',
        '0.000000000000001',
        '1234567890.1234567',
        '1e5',
        '1E5',
        '1.0e',
        '0.30000000000000004',
        '"NaN"',
        '00.1',
        '1..2',
      ],
    ],
    ['float', ['0.1', '16777217', '99999999999999', '-1.5']],
    ['boolean', ['true', 'false', 'tru', 'truee', 'True', '1']],
    ['null', ['null', 'nul', 'nulll', '0']],
    [
      'string',
      [
        '""',
        '"a"',
        '"\\n"',
        '"\\u00fc"',
        '"\n"',
        '"ü€😀"',
        `"${'a'.repeat(62)}"`,
        `"${'a'.repeat(63)}"`,
        `"${'a'.repeat(64)}"`,
        `"${'ü'.repeat(31)}"`,
        `"${'ü'.repeat(32)}"`,
        `"${'a'.repeat(20_000)}"`,
        `"${'a'.repeat(100)}\\t"`,
        `"${'a'.repeat(100)}\n"`,
        `"${'a'.repeat(100)}`,
        '"\ud800"',
        '"\\ud800"',
        '"a',
        '1',
      ],
    ],
    [{ type: 'enum', name: 'E', symbols: ['A', 'B'] }, ['"A"', '"C"', '"\\u0041"', 'A']],
    ['bytes', ['"\\u0000ü"', '"base64:AA=="', '"€"']],
    [
      { type: 'array', items: 'int' },
      [
        '[]',
        '[ ]',
        '[1]',
        '[1,]',
        '[,1]',
        '[1 2]',
        `[${Array(63).fill(1).join()}]`,
        `[${Array(64).fill(1).join()}]`,
        `[${Array(9_000).fill(1).join()}]`,
        '[[1]]',
        '{}',
      ],
    ],
    [{ type: 'map', values: 'int' }, ['{"b":1,"a":2}', '{"2":1,"1":2}', '{"a":1,"a":2}', '{}', '{"a":"}"}']],
    [
      ['null', 'string'],
      ['null', '"a"', '{"string":"a"}', 'nul', 'n'],
    ],
    [
      ['int', 'null'],
      ['null', '5', '{"int":5}', '"a"'],
    ],
    [
      ['null', 'int', 'string'],
      ['null', '5', '"a"', '{"int":5}', '['],
    ],
    [
      record(a, { name: 'b', type: 'string', default: 'x' }),
      [
        '{"a":1}',
        '{"a":1,"b":"y"}',
        '{"b":"y","a":1}',
        '{"b":"y"}',
        '{"a":1,"a":2}',
        '{"a":1,"c":2}',
        '{"a" : 1 }',
        '{"a":1,}',
        '{,"a":1}',
        '{"\\u0061":1}',
        '{"a"1}',
        '{}',
        '{"a":1',
      ],
    ],
    [
      record({ name: 'b', type: 'string', default: 'x' }, { ...a, default: 5 }),
      ['{}', '{"a":1}', '{"b":"y"}', '{"a":1,"b":"y"}'],
    ],
    [record({ ...a, aliases: ['z'] }), ['{"z":1}', '{"a":1}', '{"a":1,"z":2}']],
    [
      record({ name: 'constructor', type: 'int', default: 1 }, { name: '__proto__', type: 'int', default: 2 }),
      ['{}', '{"constructor":3}', '{"__proto__":3}'],
    ],
  ];
  for (const [schema, values] of cases) {
    it(`encodes ${JSON.stringify(schema)} as parsing to an object first does`, () => {
      const ways = bothWays(schema);
      for (const value of values) {
        expectSame(ways, `{"v":${value}}`);
        expectSame(ways, `{"v":${value}}}`);
        expectSame(ways, `{"v":${value}} \u0000`);
      }
    });
  }

  it('goes back to a small buffer after a large text', () => {
    const { direct } = bothWays('string');
    const large = 'ü'.repeat(2_000_000);
    expect(direct.encode(`{"v":"${large}"}`, none).length).to.equal(4_000_004);
    expect(direct.encode('{"v":"a"}', none).toString('hex')).to.equal('0261');
  });

  it('bounds nesting', () => {
    const node = { type: 'record', name: 'N', fields: [{ name: 'next', type: ['null', 'N'], default: null }] };
    const ways = bothWays(node);
    for (const depth of [1, 498, 499, 500, 20_000]) {
      expectSame(ways, `{"v":${'{"next":'.repeat(depth)}null${'}'.repeat(depth)}}`);
    }
  });
});
