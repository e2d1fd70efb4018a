import { expect } from 'chai';
import { assert, constantFrom, integer, property, uint8Array } from 'fast-check';
import { compileProtobuf } from '../../../../data-plane/schemas/formats/protobuf.ts';
import { depthMax } from '../../../../data-plane/schemas/formats/protobuf-node.ts';
import { runAtOnce } from '../../../../data-plane/schemas/formats/steps.ts';
import { RequestError } from '../../../../shared/errors.ts';
import { formatOptions } from '../format-options.ts';

const prefix = Buffer.from([0, 0, 0, 0, 7]);

function compile(text: string, messageName: string | null = null) {
  return runAtOnce(compileProtobuf({ text, references: [] }, formatOptions({ messageName })));
}

/** Frames a value given in hexadecimal; null, or what is wrong with it. */
function check(schema: ReturnType<typeof compile>, hex: string): string[] | null {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  try {
    const framed = schema.encoded?.frame(bytes, prefix);
    expect(framed?.subarray(-bytes.length || framed.length)).to.deep.equal(bytes);
    expect(framed?.subarray(0, 5)).to.deep.equal(prefix);
    return null;
  } catch (error) {
    if (!(error instanceof RequestError) || error.code !== 'SCHEMA_VALIDATION_FAILED') throw error;
    return (error.details ?? []).map(({ pointer, rule }) => `${pointer} ${rule}`);
  }
}

const order = compile(`syntax = "proto3";
  message Order {
    string id = 1; int32 quantity = 2; repeated string tags = 3; repeated int64 counts = 4; repeated fixed32 sums = 5;
    Line line = 6; map<string, Line> lines = 7; State state = 8; double price = 9; bytes raw = 10; repeated Line more = 300;
  }
  message Line { string sku = 1; Line inner = 2; }
  enum State { NEW = 0; PAID = 1; }`);
const old = compile(`syntax = "proto2";
  message Old {
    required string id = 1; required State state = 2; optional group Part = 3 { required int32 n = 1; }
    map<string, Needs> needs = 4; repeated Needs list = 5;
  }
  message Needs { required bool yes = 1; }
  enum State { NEW = 1; PAID = 2; }`);

const rows: readonly (readonly [what: string, schema: typeof order, hex: string, faults: string[] | null])[] = [
  ['no bytes', order, '', null],
  ['a string and a number', order, '0a0161 1002', null],
  ['a number of ten bytes', order, '10 ffffffffffffffffff01', null],
  ['an unknown field of each wire type', order, 'a00601 a10600000000 00000000 a20600 a306a406 a50600000000', null],
  ['numbers of a list one by one, and in a block', order, '2001 22020203 2d00000000 2a0400000000', null],
  ['a number that the open enum has not', order, '4063', null],
  ['messages in messages, maps and lists', order, '32030a0161 3a080a016112030a0162 e212030a0163', null],
  ['bytes that are no UTF-8 in bytes', order, '5201ff', null],
  ['a single field twice', order, '1001 1002', null],
  ['a map entry without key or value', order, '3a00', null],

  ['a byte too few', order, '0a0261', [' encoding']],
  ['a tag alone', order, '10', [' encoding']],
  ['a tag that is not over', order, '80', [' encoding']],
  ['field number 0', order, '0001', [' encoding']],
  ['a tag of more than 32 bits', order, '80808080 8001 01', [' encoding']],
  ['a number of eleven bytes', order, '10 ffffffffffffffffffff01', [' encoding']],
  ['a number of more than 64 bits', order, '10 ffffffffffffffffff02', [' encoding']],
  ['wire type 6', order, 'a606', [' encoding']],
  ['wire type 7', order, 'a706', [' encoding']],
  ['the end of a group that was not begun', order, 'a406', [' encoding']],
  ['the end of another group', order, 'a306 ac06', [' encoding']],
  ['a group without an end', order, 'a306 0a0161', [' encoding']],
  ['an inner message that ends behind its outer one', order, '32030a0561', ['/line encoding']],
  ['half of a number in a list', order, '2a03000000', [' encoding']],
  ['UTF-8 that is none', order, '0a01ff', ['/id utf8']],
  ['a surrogate in a string', order, '0a03eda080', ['/id utf8']],
  ['an over-long string that is no UTF-8', order, `0a64 ${'61'.repeat(99)}ff`, ['/id utf8']],
  ['the second of a list that is no UTF-8', order, '1a0161 1a01ff', ['/tags/1 utf8']],
  ['the key of a map that is no UTF-8', order, '3a030a01ff', ['/lines/0/key utf8']],
  ['a number in place of a string', order, '0801', ['/id wire_type']],
  ['all faults at once', order, '0801 12020a00 1a01ff', ['/id wire_type', '/quantity wire_type', '/tags/0 utf8']],

  ['what is required', old, '0a0161 1001', null],
  ['nothing of what is required', old, '', ['/id required', '/state required']],
  ['a required number that the closed enum has not', old, '0a0161 1063', ['/state required']],
  ['a group', old, '0a0161 1001 1b 0801 1c', null],
  ['a group without what is required', old, '0a0161 1001 1b 1c', ['/part/n required']],
  ['a list with an item without what is required', old, '0a0161 1001 2a020801 2a00', ['/list/1/yes required']],
];

describe('Protobuf values that come encoded', () => {
  for (const [what, schema, hex, faults] of rows) {
    it(`${faults === null ? 'takes' : 'refuses'} ${what}`, () => {
      expect(check(schema, hex)).to.deep.equal(faults);
    });
  }

  it('puts the place of the message into the frame', () => {
    const inner = compile('syntax = "proto3"; message A {} message B { message C { int32 n = 1; } }', 'B.C');
    const framed = inner.encoded?.frame(Buffer.from([8, 1]), prefix);
    // Two indexes, 1 and 0, as zig-zag numbers.
    expect(framed?.toString('hex')).to.equal(`${prefix.toString('hex')}0402000801`);
  });

  it('takes what it encodes itself', () => {
    const json =
      '{"id":"ä","quantity":-1,"tags":["a","b"],"counts":[1,-2],"sums":[3],"line":{"sku":"s","inner":{"sku":"i"}},' +
      '"lines":{"a":{"sku":"b"}},"state":"PAID","price":1.5,"raw":"AQID","more":[{"sku":"x"},{}]}';
    const bytes = order.encode(json, prefix).subarray(prefix.length + 1);
    expect(check(order, bytes.toString('hex'))).to.equal(null);
  });

  for (const [what, nested, takes] of [
    ['as deep as readers go', depthMax, true],
    ['deeper', depthMax + 1, false],
  ] as const) {
    it(`${takes ? 'takes' : 'refuses'} messages ${what}`, () => {
      let bytes = Buffer.alloc(0);
      for (let depth = 0; depth < nested; depth++) {
        const field = depth === nested - 1 ? 6 : 2;
        const head =
          bytes.length < 128
            ? [field * 8 + 2, bytes.length]
            : [field * 8 + 2, (bytes.length & 127) | 128, bytes.length >> 7];
        bytes = Buffer.concat([Buffer.from(head), bytes]);
      }
      const faults = check(order, bytes.toString('hex'));
      if (takes) expect(faults).to.equal(null);
      else expect(faults?.[0]).to.match(/encoding$/);
      const groups = 'a306'.repeat(nested) + 'a406'.repeat(nested);
      expect(check(order, groups) === null, 'unknown groups').to.equal(takes);
    });
  }

  it('answers to any bytes, and to any change of good ones', () => {
    const good = order.encode('{"id":"abc","tags":["a"],"line":{"sku":"s"},"counts":[1,2,3]}', prefix).subarray(6);
    const schemas = constantFrom(order, old);
    assert(property(schemas, uint8Array({ maxLength: 64 }), (schema, bytes) => void check(schema, hexOf(bytes))));
    assert(
      property(integer({ min: 0, max: good.length - 1 }), integer({ min: 0, max: 255 }), (at, byte) => {
        const changed = Buffer.from(good);
        changed[at] = byte;
        check(order, hexOf(changed));
        check(order, hexOf(good.subarray(0, at)));
      }),
    );
  });
});

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
