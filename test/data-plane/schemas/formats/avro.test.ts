// Schemas are written as plain literals, which avsc's types are too narrow for.
/* oxlint-disable typescript/no-unsafe-type-assertion */
import avro from 'avsc';
import { expect } from 'chai';
import * as fc from 'fast-check';
import { avroFormat, compileAvro } from '../../../../data-plane/schemas/formats/avro.ts';
import { depthMax } from '../../../../data-plane/schemas/formats/avro-record.ts';
import { SchemaUnusableError, type PayloadEncoding } from '../../../../data-plane/schemas/formats/format.ts';
import { runAtOnce } from '../../../../data-plane/schemas/formats/steps.ts';
import { RequestError } from '../../../../shared/errors.ts';
import { formatContract } from '../../../contracts/format-contract.ts';
import { formatOptions } from '../format-options.ts';

const prefix = Buffer.from([0, 0, 0, 0, 7]);
const long = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer(value: bigint) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: (value: number) => (value >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(value)),
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => Number(a - b),
});

/** Encodes with ours, decodes with avsc without logical types: what a consumer finds on the wire. */
function roundTrip(schema: avro.Schema, json: string, encoding: PayloadEncoding = 'auto'): unknown {
  const source = { text: JSON.stringify(schema), references: [] };
  const bytes = runAtOnce(compileAvro(source, formatOptions({ payloadEncoding: encoding }))).encode(json, prefix);
  expect(bytes.subarray(0, 5)).to.deep.equal(prefix);
  const decoded: unknown = avro.Type.forSchema(withoutLogicalLongs(schema), {
    registry: { long },
    wrapUnions: true,
  }).fromBuffer(bytes.subarray(5));
  return JSON.parse(
    JSON.stringify(decoded, (_key, value: unknown) => {
      if (typeof value === 'bigint') return `${value}n`;
      if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
      return value;
    }).replaceAll(/\{"type":"Buffer","data":(\[[^\]]*\])\}/g, '$1'),
  );
}

function faultsOf(schema: avro.Schema, json: string, encoding: PayloadEncoding = 'auto'): string[] {
  try {
    roundTrip(schema, json, encoding);
  } catch (error) {
    if (!(error instanceof RequestError) || error.code !== 'SCHEMA_VALIDATION_FAILED') throw error;
    return (error.details ?? []).map(({ pointer, rule }) => `${pointer} ${rule}`);
  }
  return [];
}

const decimal: avro.Schema = { type: 'bytes', logicalType: 'decimal', precision: 10, scale: 2 };
const wideDecimal: avro.Schema = { type: 'bytes', logicalType: 'decimal', precision: 30, scale: 2 };
const fixedDecimal = {
  type: 'fixed',
  name: 'D',
  size: 4,
  logicalType: 'decimal',
  precision: 9,
  scale: 2,
} as avro.Schema;
const logical = (type: string, logicalType: string): avro.Schema => ({ type, logicalType }) as avro.Schema;
const named = (name: string, ...fields: object[]): avro.Schema => ({ type: 'record', name, fields }) as avro.Schema;
const union = (...types: unknown[]): avro.Schema => types as avro.Schema;

const twoRecords = union(named('A', { name: 'a', type: 'int' }), named('B', { name: 'a', type: 'int' }));

describe('Avro from JSON', () => {
  const good: [what: string, schema: avro.Schema, json: string, wire: unknown, encoding?: PayloadEncoding][] = [
    ['int', 'int', '-2147483648', -2147483648],
    ['long beyond doubles', 'long', '9007199254740993', '9007199254740993n'],
    ['long maximum', 'long', '9223372036854775807', '9223372036854775807n'],
    ['long minimum', 'long', '-9223372036854775808', '-9223372036854775808n'],
    ['long as text', 'long', '"9223372036854775807"', '9223372036854775807n'],
    ['long with exponent', 'long', '9.2233720368547e18', '9223372036854700000n'],
    ['long between 2^52 and 2^53', 'long', '-9007199254740991', '-9007199254740991n'],
    ['float', 'float', '1.5', 1.5],
    ['double', 'double', '0.1', 0.1],
    ['NaN', 'double', '"NaN"', 'NaN'],
    ['infinity', 'float', '"-Infinity"', '-Infinity'],
    ['bytes by code points', 'bytes', '"\\u00ff\\u0000a"', [255, 0, 97]],
    ['bytes in base64', 'bytes', '"base64:/wA="', [255, 0], 'simple_json'],
    ['bytes that look like base64', 'bytes', '"base64:"', [...Buffer.from('base64:')], 'avro_json'],
    ['fixed', { type: 'fixed', name: 'F', size: 2 }, '"ab"', [97, 98]],
    ['decimal number', decimal, '12.3', [4, 206]],
    ['negative decimal text', decimal, '"-1.28"', [128]],
    ['decimal beyond doubles', wideDecimal, '1234567890123456789.01', [...bigBytes(123456789012345678901n)]],
    ['date', logical('int', 'date'), '"1970-01-02"', 1],
    ['date before 1970', logical('int', 'date'), '"1969-12-31"', -1],
    ['date as number', logical('int', 'date'), '5', 5],
    ['time-millis', logical('int', 'time-millis'), '"00:00:01.5"', 1500],
    ['time-micros', logical('long', 'time-micros'), '"00:00:01.5"', '1500000n'],
    ['an offset of hours alone', logical('long', 'timestamp-millis'), '"2024-03-06 05:38:40+01"', '1709699920000n'],
    ['a negative offset of hours alone', logical('long', 'timestamp-millis'), '"1970-01-01T00:00-05"', '18000000n'],
    ['timestamp-millis', logical('long', 'timestamp-millis'), '"1970-01-01T01:00:00+01:00"', '0n'],
    ['timestamp-micros', logical('long', 'timestamp-micros'), '"2024-01-01T00:00:00.000001Z"', '1704067200000001n'],
    ['timestamp-nanos', logical('long', 'timestamp-nanos'), '"2024-01-01T00:00:00.000000001Z"', '1704067200000000001n'],
    ['local timestamp', logical('long', 'local-timestamp-millis'), '"1970-01-01T00:00:01"', '1000n'],
    [
      'uuid',
      logical('string', 'uuid'),
      '"123e4567-e89b-12d3-a456-426614174000"',
      '123e4567-e89b-12d3-a456-426614174000',
    ],
    ['enum', { type: 'enum', name: 'E', symbols: ['A', 'B'] }, '"B"', 'B'],
    ['text of 100 umlauts', 'string', JSON.stringify('ü'.repeat(100)), 'ü'.repeat(100)],
    ['text of 64 letters', 'string', JSON.stringify('a'.repeat(64)), 'a'.repeat(64)],
    ['null in a union', union('null', 'string'), 'null', null],
    ['plain union', union('null', 'string'), '"x"', { string: 'x' }],
    ['tagged union', union('null', 'string'), '{"string":"x"}', { string: 'x' }],
    ['tagged union only', union('null', 'long'), '{"long":5}', { long: '5n' }, 'avro_json'],
    ['narrowest number: int', union('double', 'long', 'int'), '5', { int: 5 }],
    ['narrowest number: long', union('double', 'long', 'int'), '3000000000', { long: '3000000000n' }],
    ['narrowest number: double', union('double', 'long', 'int'), '5.5', { double: 5.5 }],
    ['exact float beside double', union('float', 'double'), '0.5', { float: 0.5 }],
    ['double beside float', union('float', 'double'), '0.1', { double: 0.1 }],
    ['a large long beside a double', union('double', 'long'), '9007199254740993', { long: '9007199254740993n' }],
    ['enum before string', union('string', { type: 'enum', name: 'E', symbols: ['A'] }), '"A"', { E: 'A' }],
    [
      'record that fits',
      union(named('A', { name: 'a', type: 'int' }), named('B', { name: 'b', type: 'int' })),
      '{"b":1}',
      { B: { b: 1 } },
    ],
    [
      'record that fits without default',
      union(
        named('A', { name: 'a', type: 'int' }),
        named('B', { name: 'a', type: 'int' }, { name: 'b', type: 'int', default: 1 }),
      ),
      '{"a":1}',
      { A: { a: 1 } },
    ],
    [
      'map after records',
      union(named('A', { name: 'a', type: 'int' }), { type: 'map', values: 'int' }),
      '{"z":1}',
      { map: { z: 1 } },
    ],
    [
      'defaults',
      named('R', { name: 'a', type: 'long', default: 2 ** 63 }, { name: 'b', type: ['null', 'int'], default: null }),
      '{}',
      { a: '9223372036854775807n', b: null },
    ],
    ['an alias', named('R', { name: 'a', aliases: ['old'], type: 'int' }), '{"old":1}', { a: 1 }],
    [
      'a field named as inherited ones',
      named('R', { name: 'constructor', type: 'int', default: 3 }),
      '{}',
      { constructor: 3 },
    ],
    [
      'recursion',
      named('N', { name: 'v', type: 'int' }, { name: 'next', type: ['null', 'N'], default: null }),
      '{"v":1,"next":{"v":2}}',
      { v: 1, next: { N: { v: 2, next: null } } },
    ],
    ['decimal in a fixed, sign extended', fixedDecimal, '-0.01', [255, 255, 255, 255]],
    ['decimal as a number with an exponent', decimal, '1.2e1', [4, 176]],
    ['decimal zero', decimal, '0', [0]],
    ['time-millis as number', logical('int', 'time-millis'), '5', 5],
    ['time-micros as text of its long', logical('long', 'time-micros'), '"5"', '5n'],
    ['a timestamp as number', logical('long', 'timestamp-micros'), '1704067200000001', '1704067200000001n'],
    ['a timestamp beyond doubles', logical('long', 'timestamp-nanos'), '1704067200000000001', '1704067200000000001n'],
    ['local-timestamp-micros', logical('long', 'local-timestamp-micros'), '"1970-01-01T00:00:00.000001"', '1n'],
    ['local-timestamp-nanos', logical('long', 'local-timestamp-nanos'), '"1970-01-01T00:00:00.000000001"', '1n'],
    [
      'uuid in a fixed',
      { type: 'fixed', name: 'U', size: 16, logicalType: 'uuid' },
      '"00010203-0405-0607-0809-0a0b0c0d0e0f"',
      Array.from({ length: 16 }, (_, index) => index),
    ],
    ['fixed in base64', { type: 'fixed', name: 'F', size: 2 }, '"base64:/wA="', [255, 0], 'simple_json'],
    ['null that stands last', union('string', 'null'), 'null', null],
    ['narrowest number: float before double', union('double', 'float'), '2', { float: 2 }],
    ['narrowest number: long before float', union('float', 'long'), '3000000000', { long: '3000000000n' }],
    ['a long in the text of a union', union('null', 'long'), '"9007199254740993"', { long: '9007199254740993n' }],
    [
      'plain before tagged where both fit',
      union('long', { type: 'map', values: 'long' }),
      '{"long":5}',
      { map: { long: '5n' } },
    ],
    ['tagged where plain does not fit', union('long', { type: 'map', values: 'string' }), '{"long":5}', { long: '5n' }],
    ['a tagged string among longs', union('null', 'long', 'string'), '{"string":"5"}', { string: '5' }],
    [
      'a tag with a namespace',
      union('null', named('a.b.R', { name: 'v', type: 'int' })),
      '{"a.b.R":{"v":1}}',
      { 'a.b.R': { v: 1 } },
    ],
    ['a tagged record', twoRecords, '{"B":{"a":1}}', { B: { a: 1 } }],
    ['a tagged enum', union('null', { type: 'enum', name: 'E', symbols: ['A'] }), '{"E":"A"}', { E: 'A' }, 'avro_json'],
    [
      'tagged array and map',
      union({ type: 'array', items: 'int' }, { type: 'map', values: 'int' }),
      '{"array":[1]}',
      { array: [1] },
      'avro_json',
    ],
    [
      'unions within unions by tags',
      union('null', named('R', { name: 'v', type: ['null', 'int'] })),
      '{"R":{"v":{"int":1}}}',
      { R: { v: { int: 1 } } },
      'avro_json',
    ],
    [
      '64 bits in every place',
      named(
        'R',
        { name: 'a', type: { type: 'array', items: 'long' } },
        { name: 'm', type: { type: 'map', values: ['null', 'long'] } },
        { name: 'd', type: wideDecimal },
      ),
      '{"a":[9007199254740993,-9223372036854775808],"m":{"k":9223372036854775807},"d":0.01}',
      { a: ['9007199254740993n', '-9223372036854775808n'], m: { k: { long: '9223372036854775807n' } }, d: [1] },
    ],
    [
      'recursion through arrays, maps and another record',
      named(
        'N',
        { name: 'c', type: { type: 'array', items: 'N' }, default: [] },
        {
          name: 'o',
          type: ['null', { type: 'record', name: 'O', fields: [{ name: 'm', type: { type: 'map', values: 'N' } }] }],
          default: null,
        },
      ),
      '{"c":[{},{"c":[{}]}],"o":{"m":{"k":{}}}}',
      {
        c: [
          { c: [], o: null },
          { c: [{ c: [], o: null }], o: null },
        ],
        o: { O: { m: { k: { c: [], o: null } } } },
      },
    ],
    [
      'aliases of a record and its fields',
      union('null', named('R', { name: 'a', aliases: ['b', 'c'], type: 'int' })),
      '{"c":1}',
      { R: { a: 1 } },
    ],
    [
      'defaults of every kind',
      named(
        'R',
        { name: 's', type: 'string', default: 'x' },
        { name: 'b', type: 'bytes', default: '\u00ff' },
        { name: 'd', type: 'double', default: 1.5 },
        { name: 'e', type: { type: 'enum', name: 'E', symbols: ['A', 'B'] }, default: 'B' },
        { name: 'm', type: { type: 'map', values: 'int' }, default: { k: 1 } },
        {
          name: 'r',
          type: { type: 'record', name: 'I', fields: [{ name: 'v', type: 'boolean' }] },
          default: { v: true },
        },
      ),
      '{}',
      { s: 'x', b: [255], d: 1.5, e: 'B', m: { k: 1 }, r: { v: true } },
    ],
    [
      'array and map',
      { type: 'map', values: { type: 'array', items: 'int' } },
      '{"a":[1,2],"b":[]}',
      { a: [1, 2], b: [] },
    ],
  ];
  for (const [what, schema, json, wire, encoding] of good) {
    it(`takes ${what}`, () => expect(roundTrip(schema, json, encoding)).to.deep.equal(wire));
  }

  const bad: [what: string, schema: avro.Schema, json: string, faults: string[], encoding?: PayloadEncoding][] = [
    ['int out of range', 'int', '2147483648', [' range']],
    ['long out of range', 'long', '9223372036854775808', [' range']],
    ['a fraction', 'long', '1.5', [' type']],
    ['an int as text', 'int', '"1"', [' type']],
    ['text for a long', 'long', '"abc"', [' type']],
    ['an infinite number', 'double', '1e400', [' range']],
    ['too large a float', 'float', '1e39', [' range']],
    ['code points above 255', 'bytes', '"€"', [' format']],
    ['bad base64', 'bytes', '"base64:?"', [' format']],
    ['wrong size', { type: 'fixed', name: 'F', size: 2 }, '"abc"', [' size']],
    ['too precise a decimal', decimal, '12.345', [' scale']],
    ['a decimal that doubles would round', decimal, '12.300000000000000000001', [' scale']],
    ['too many digits', decimal, '123456789.00', [' precision']],
    ['a huge exponent', decimal, '1e999999999', [' precision']],
    ['no such day', logical('int', 'date'), '"2023-02-29"', [' format']],
    ['a timestamp without zone', logical('long', 'timestamp-millis'), '"2024-01-01T00:00:00"', [' format']],
    ['finer than millis', logical('long', 'timestamp-millis'), '"2024-01-01T00:00:00.0001Z"', [' precision']],
    ['no uuid', logical('string', 'uuid'), '"x"', [' format']],
    ['too many digits for a fixed', fixedDecimal, '-99999999.99', [' precision']],
    ['a fraction of a day', logical('int', 'date'), '1.5', [' type']],
    ['finer than micros', logical('long', 'time-micros'), '"00:00:00.0000001"', [' precision']],
    ['an hour that does not exist', logical('int', 'time-millis'), '"24:00:00"', [' format']],
    ['a zone at a local timestamp', logical('long', 'local-timestamp-millis'), '"2024-01-01T00:00:00Z"', [' format']],
    ['a boolean for a timestamp', logical('long', 'timestamp-millis'), 'true', [' type']],
    ['base64 where Avro rules', { type: 'fixed', name: 'F', size: 2 }, '"base64:/wA="', [' size'], 'avro_json'],
    ['a number for a string', 'string', '1', [' type']],
    ['null for a string', 'string', 'null', [' type']],
    [
      'a plain record where tags rule',
      union('null', named('R', { name: 'v', type: 'int' })),
      '{"v":1}',
      [' union'],
      'avro_json',
    ],
    ['a tag with a second key', union('null', 'int'), '{"int":1,"x":2}', [' union'], 'avro_json'],
    [
      'faults in the records of an array of unions',
      { type: 'array', items: union('null', named('R', { name: 'v', type: 'int' })) },
      '[null,{"v":"x"},{"w":1}]',
      ['/1/v type', '/2/v required', '/2/w undeclared'],
    ],
    ['no symbol', { type: 'enum', name: 'E', symbols: ['A'] }, '"C"', [' enum']],
    ['a lone surrogate', 'string', '"\\ud800"', [' format']],
    ['a lone surrogate in a map', { type: 'map', values: 'int' }, '{"\\ud800":1}', ['/\ud800 format']],
    ['no branch', union('null', 'int', 'boolean'), '"x"', [' union']],
    ['plain where tags rule', union('null', 'int'), '5', [' union'], 'avro_json'],
    ['tagged where plain rules', union('null', 'int'), '{"int":5}', [' type'], 'simple_json'],
    ['a fault inside a tag', union('null', 'int', 'string'), '{"int":"x"}', ['/int type'], 'avro_json'],
    [
      'ambiguous records',
      union(named('A', { name: 'a', type: 'int' }), named('B', { name: 'a', type: 'int' })),
      '{"a":1}',
      [' ambiguous'],
    ],
    [
      'every fault at once',
      named(
        'R',
        { name: 'a', type: 'int' },
        { name: 'b', type: { type: 'array', items: 'string' } },
        { name: 'c', type: 'int' },
      ),
      '{"a":"x","b":["ok",1,null],"d/e~":1}',
      ['/a type', '/b/1 type', '/b/2 type', '/c required', '/d~1e~0 undeclared'],
    ],
    [
      'an alias beside its name',
      named('R', { name: 'a', aliases: ['old'], type: 'int' }),
      '{"a":1,"old":1}',
      ['/a alias'],
    ],
  ];
  for (const [what, schema, json, faults, encoding] of bad) {
    it(`refuses ${what}`, () => expect(faultsOf(schema, json, encoding)).to.deep.equal(faults));
  }

  it('names both records of an ambiguous value', () => {
    const schema = union(named('A', { name: 'a', type: 'int' }), named('B', { name: 'a', type: 'int' }));
    expect(() => roundTrip(schema, '{"a":1}'))
      .to.throw(RequestError)
      .with.nested.property('details[0].message', 'fits more than one record of the union: A and B');
  });

  it('bounds nesting', () => {
    const schema = named('N', { name: 'next', type: ['null', 'N'], default: null });
    const nested = (depth: number): string => `${'{"next":'.repeat(depth)}null${'}'.repeat(depth)}`;
    expect(faultsOf(schema, nested(depthMax))).to.deep.equal([]);
    expect(faultsOf(schema, nested(depthMax + 1))).to.have.length(1);
    expect(faultsOf(schema, nested(50_000))).to.have.length(1);
  });

  it('bounds the work of ambiguous unions', () => {
    const fields = [{ name: 'next', type: ['null', 'A', 'B'] }];
    const schema = named('A', {
      name: 'next',
      type: ['null', 'A', { type: 'record', name: 'B', fields }],
    });
    const json = `${'{"next":'.repeat(100)}null${'}'.repeat(100)}`;
    expect(faultsOf(schema, json)).to.have.length.greaterThan(0);
  });

  it('bounds the work of maps and records within each other', () => {
    const inner = {
      type: 'record',
      name: 'B',
      fields: [{ name: 'v', type: ['null', { type: 'map', values: 'A' }, 'B'] }],
    };
    const schema = named('A', { name: 'v', type: ['null', { type: 'map', values: 'A' }, inner] });
    const json = `${'{"v":'.repeat(100)}"bad"${'}'.repeat(100)}`;
    const before = process.cpuUsage();
    expect(faultsOf(schema, json)).to.have.length.greaterThan(0);
    // Without a bound the work doubles with each level.
    expect(process.cpuUsage(before).user / 1000).to.be.lessThan(2_000);
  });

  it('counts all faults of a value, and lists the first', () => {
    const compiled = runAtOnce(
      compileAvro({ text: JSON.stringify({ type: 'array', items: 'int' }), references: [] }, formatOptions()),
    );
    const body = JSON.stringify(Array.from({ length: 5_000 }, () => 'x'));
    expect(() => compiled.encode(body, prefix))
      .to.throw(RequestError)
      .with.property('detailsTotal', 5_000);
  });

  it('resolves references, also those of references, to any named type', () => {
    const references = [
      { name: 'e', text: JSON.stringify({ type: 'enum', name: 'x.E', symbols: ['A', 'B'] }) },
      { name: 'f', text: JSON.stringify({ type: 'fixed', name: 'x.F', size: 1 }) },
      { name: 'r', text: JSON.stringify(named('x.R', { name: 'e', type: 'E' }, { name: 'f', type: 'x.F' })) },
    ];
    const text = JSON.stringify(union('null', 'x.R', { type: 'array', items: 'x.E' }));
    const compiled = runAtOnce(compileAvro({ text, references }, formatOptions()));
    expect([...compiled.encode('{"e":"B","f":"a"}', Buffer.alloc(0))]).to.deep.equal([2, 2, 97]);
    expect([...compiled.encode('["B"]', Buffer.alloc(0))]).to.deep.equal([4, 2, 2, 0]);
  });

  it('resolves references', () => {
    const other = JSON.stringify({ type: 'record', name: 'x.Other', fields: [{ name: 'a', type: 'int' }] });
    const text = JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'o', type: 'x.Other' }] });
    const compiled = runAtOnce(compileAvro({ text, references: [{ name: 'x.Other', text: other }] }, formatOptions()));
    expect([...compiled.encode('{"o":{"a":3}}', Buffer.alloc(0))]).to.deep.equal([6]);
  });

  const unusable: [what: string, schema: unknown, message: RegExp][] = [
    ['an unknown type', { type: 'nonsense' }, /does not declare the type "nonsense"$/],
    ['no type', {}, /holds nothing in the place of a type$/],
    ['a number for a type', ['null', 5], /holds 5 in the place of a type$/],
    ['a union in a union', ['null', ['int']], /holds a union$/],
    ['a type twice in a union', ['int', { type: 'int', logicalType: 'date' }], /holds int twice$/],
    ['an empty union', [], /holds no type$/],
    ['a record without fields', { type: 'record', name: 'R' }, /record R .* has no list of fields$/],
    [
      'a field without name',
      { type: 'record', name: 'R', fields: [{ type: 'int' }] },
      /a field of the record R has no name$/,
    ],
    ['a field twice', named('R', { name: 'a', type: 'int' }, { name: 'a', type: 'int' }), /field a twice$/],
    ['a type declared twice', [named('a.R'), named('a.R')], /declares the type a\.R twice$/],
    ['a primitive declared anew', named('int'), /declares int anew$/],
    ['an enum without symbols', { type: 'enum', name: 'E', symbols: [] }, /enum E has no list of symbols$/],
    ['a symbol twice', { type: 'enum', name: 'E', symbols: ['A', 'A'] }, /enum E has a symbol twice$/],
    ['a fixed without size', { type: 'fixed', name: 'F', size: -1 }, /fixed F has no usable size$/],
    ['too many branches', Array.from({ length: 1_001 }, (_, index) => named(`R${index}`)), /more than 1000 branches$/],
    [
      'what is nested too deeply',
      JSON.parse(`${'{"type":"array","items":'.repeat(600)}"int"${'}'.repeat(600)}`),
      /nested too deeply$/,
    ],
    [
      'a default that contains itself',
      { type: 'record', name: 'R', fields: [{ name: 'r', type: 'R', default: {} }] },
      /contains itself$/,
    ],
  ];
  for (const [what, schema, message] of unusable) {
    it(`cannot use ${what}`, () => {
      const compiling = compileAvro({ text: JSON.stringify(schema), references: [] }, formatOptions());
      expect(() => runAtOnce(compiling)).to.throw(SchemaUnusableError, message);
    });
  }

  it('cannot use what is no JSON', () => {
    const compiling = compileAvro({ text: '{', references: [] }, formatOptions());
    expect(() => runAtOnce(compiling)).to.throw(SchemaUnusableError, /the Avro schema is not JSON$/);
  });

  const defaults: [what: string, type: unknown, value: unknown, hex: string | undefined][] = [
    ['null of a later branch', ['string', 'null'], null, '02'],
    ['text of a later branch', ['null', 'string'], '', '0200'],
    ['a number of a later branch', ['null', 'string', 'int'], 3, '0406'],
    ['text, which no number is', ['null', 'double', 'string'], 'NaN', '04064e614e'],
    ['a record of a later branch', ['null', named('B', { name: 'x', type: 'int' })], { x: 1 }, '0202'],
    ['the number that text names', 'double', 'NaN', '000000000000f87f'],
    ['text for a whole number', 'int', '0', undefined],
    ['text for a long', 'long', '0', undefined],
    ['text for a truth value', 'boolean', 'false', undefined],
    ['null for text', 'string', null, undefined],
    ['a symbol that is none', { type: 'enum', name: 'E', symbols: ['A'] }, 'B', undefined],
    ['fixed of another size', { type: 'fixed', name: 'F', size: 2 }, 'a', undefined],
    ['all digits of a long', 'long', '@9007199254740993', '82808080808080 20'.replace(' ', '')],
  ];
  for (const [what, type, value, hex] of defaults) {
    it(`${hex === undefined ? 'leaves a field without the default' : 'takes for a default'} ${what}`, () => {
      const schema = { type: 'record', name: 'R', fields: [{ name: 'f', type, default: value }] };
      const text = JSON.stringify(schema).replace(/"@(\d+)"/, '$1');
      const compiled = runAtOnce(compileAvro({ text, references: [] }, formatOptions()));
      const encoded = (): string => compiled.encode('{}', Buffer.alloc(0)).toString('hex');
      if (hex === undefined) expect(encoded).to.throw(RequestError).with.property('code', 'SCHEMA_VALIDATION_FAILED');
      else expect(encoded()).to.equal(hex);
    });
  }

  it('takes namespaces with hyphens, and names in them', () => {
    const schema = {
      type: 'record',
      name: 'Order',
      namespace: 'my-shop.orders-v1',
      fields: [
        { name: 'line', type: { type: 'record', name: 'Line', fields: [{ name: 'a', type: 'int' }] } },
        { name: 'other', type: ['null', 'my-shop.orders-v1.Line'] },
        { name: 'third', type: 'Line' },
      ],
    };
    const compiled = runAtOnce(compileAvro({ text: JSON.stringify(schema), references: [] }, formatOptions()));
    const json = '{"line":{"a":1},"other":{"my-shop.orders-v1.Line":{"a":2}},"third":{"a":3}}';
    expect(compiled.encode(json, Buffer.alloc(0)).toString('hex')).to.equal('02020406');
  });

  it('agrees with avsc on any schema and value', () => {
    fc.assert(
      fc.property(fc.gen(), (gen) => {
        let names = 0;
        const pick = <T>(items: readonly T[]): T => items[gen(fc.nat, items.length - 1)] as T;
        const make = (depth: number, inUnion: boolean): { schema: unknown; json: unknown; wire: unknown } => {
          const kinds = [
            'int',
            'long',
            'double',
            'string',
            'boolean',
            'bytes',
            'enum',
            'array',
            'map',
            'record',
            'union',
          ];
          switch (pick(depth > 3 ? kinds.slice(0, 7) : inUnion ? kinds.slice(0, 10) : kinds)) {
            case 'int': {
              const value = gen(fc.integer);
              return { schema: 'int', json: value, wire: value };
            }
            case 'long': {
              const value = gen(fc.bigInt, { min: -(2n ** 63n), max: 2n ** 63n - 1n });
              return { schema: 'long', json: String(value), wire: `${value}n` };
            }
            case 'double': {
              const value = gen(fc.double, { noNaN: true, noDefaultInfinity: true });
              return { schema: 'double', json: value, wire: Object.is(value, -0) ? 0 : value };
            }
            case 'string': {
              const value = gen(fc.string, { unit: 'grapheme', maxLength: 100 });
              return { schema: 'string', json: value, wire: value };
            }
            case 'boolean': {
              const value = gen(fc.boolean);
              return { schema: 'boolean', json: value, wire: value };
            }
            case 'bytes': {
              const value = [...gen(fc.uint8Array)];
              return { schema: 'bytes', json: `base64:${Buffer.from(value).toString('base64')}`, wire: value };
            }
            case 'enum': {
              const value = pick(['A', 'B', 'C']);
              return {
                schema: { type: 'enum', name: `E${names++}`, symbols: ['A', 'B', 'C'] },
                json: value,
                wire: value,
              };
            }
            case 'array': {
              const items = make(depth + 1, false);
              const length = gen(fc.nat, 3);
              const repeat = (value: unknown): unknown[] => Array.from({ length }, () => value);
              return {
                schema: { type: 'array', items: items.schema },
                json: repeat(items.json),
                wire: repeat(items.wire),
              };
            }
            case 'map': {
              const values = make(depth + 1, false);
              const schema = { type: 'map', values: values.schema };
              return {
                schema,
                json: { k: values.json, 'ü/~': values.json },
                wire: { k: values.wire, 'ü/~': values.wire },
              };
            }
            case 'record': {
              const parts = Array.from({ length: gen(fc.nat, 4) }, () => make(depth + 1, false));
              const fields = parts.map(({ schema }, index) => ({ name: `f${index}`, type: schema }));
              return {
                schema: { type: 'record', name: `R${names++}`, fields },
                json: Object.fromEntries(parts.map(({ json }, index) => [`f${index}`, json])),
                wire: Object.fromEntries(parts.map(({ wire }, index) => [`f${index}`, wire])),
              };
            }
            default: {
              const other = make(depth + 1, true);
              if (gen(fc.boolean)) return { schema: ['null', other.schema], json: null, wire: null };
              const { schema } = other;
              const name = typeof schema === 'string' ? schema : nameOf(schema);
              return { schema: ['null', schema], json: other.json, wire: { [name]: other.wire } };
            }
          }
        };
        const { schema, json, wire } = make(0, false);
        expect(roundTrip(schema as avro.Schema, JSON.stringify(json))).to.deep.equal(wire);
      }),
      { numRuns: 300 },
    );
  });

  it('treats __proto__ as a text and a name like any other, also beside numbers of many digits', () => {
    const compiled = runAtOnce(
      compileAvro(
        { text: JSON.stringify({ type: 'map', values: ['string', 'long'] }), references: [] },
        formatOptions(),
      ),
    );
    const bytes = compiled.encode('{"a":"__proto__","__proto__":9007199254740993}', prefix).toString('latin1');
    expect(bytes).to.include('\x02a\0\x12__proto__').and.include('\x12__proto__\x02');
    const strict = runAtOnce(
      compileAvro({ text: JSON.stringify(named('R', { name: 'n', type: 'long' })), references: [] }, formatOptions()),
    );
    const refused = (text: string): unknown => {
      try {
        return strict.encode(text, prefix);
      } catch (error) {
        return (error as RequestError).details?.map(({ pointer, rule }) => `${pointer} ${rule}`);
      }
    };
    expect(refused('{"n":9007199254740993,"__proto__":{"x":1e2}}')).to.deep.equal(['/__proto__ undeclared']);
  });

  it('reports faults exactly when a value does not fit', () => {
    const schema = named(
      'R',
      { name: 'a', type: ['null', 'int', 'string', { type: 'map', values: 'long' }] },
      { name: 'b', type: { type: 'array', items: ['int', 'R'] }, default: [] },
      { name: 'c', type: decimal, default: '' },
    );
    const compiled = runAtOnce(compileAvro({ text: JSON.stringify(schema), references: [] }, formatOptions()));
    const value = fc.object({ key: fc.constantFrom('a', 'b', 'c', 'int', 'R', 'd'), maxDepth: 4 });
    fc.assert(
      fc.property(value, (json) => {
        try {
          compiled.encode(JSON.stringify(json), prefix);
        } catch (error) {
          expect(error).to.be.instanceOf(RequestError);
          expect((error as RequestError).details).to.have.length.greaterThan(0);
        }
      }),
      { numRuns: 500 },
    );
  });
});

/** avsc takes the exact long of its registry only where the type stands alone. */
function withoutLogicalLongs(schema: avro.Schema): avro.Schema {
  return JSON.parse(JSON.stringify(schema), (_key, value: { type?: unknown; logicalType?: unknown }) =>
    value?.type === 'long' && value.logicalType !== undefined ? 'long' : value,
  ) as avro.Schema;
}

function nameOf(schema: unknown): string {
  const { name, type } = schema as { name?: string; type: string };
  return name ?? type;
}

function bigBytes(value: bigint): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

formatContract('Avro', () => {
  const record = (second: string, type = 'string') => ({
    type: 'record' as const,
    name: 'R',
    fields: [
      { name: 'id', type: 'long' },
      { name: second, type },
      { name: 'inner', type: { type: 'record' as const, name: 'Inner', fields: [{ name: 'n', type: 'int' }] } },
    ],
  });
  return {
    format: avroFormat,
    schema: JSON.stringify(record('name')),
    otherSchema: JSON.stringify(record('other')),
    withoutReference: JSON.stringify(record('name', 'elsewhere.Name')),
    decode(payload) {
      const read: unknown = avro.Type.forSchema(record('name'), { registry: { long } }).fromBuffer(payload);
      return JSON.parse(
        JSON.stringify(read, (_key, item: unknown) => (typeof item === 'bigint' ? String(item) : item)),
      );
    },
  };
});
