import { expect } from 'chai';
import protobuf from 'protobufjs';
import { cutText } from '../../../../data-plane/schemas/formats/fault-text.ts';
import { SchemaUnusableError, type SchemaSource } from '../../../../data-plane/schemas/formats/format.ts';
import { compileProtobuf, protobufFormat } from '../../../../data-plane/schemas/formats/protobuf.ts';
import { runAtOnce } from '../../../../data-plane/schemas/formats/steps.ts';
import { depthMax } from '../../../../data-plane/schemas/formats/protobuf-node.ts';
import { RequestError } from '../../../../shared/errors.ts';
import { formatContract } from '../../../contracts/format-contract.ts';
import { formatOptions } from '../format-options.ts';

const prefix = Buffer.from([0, 0, 0, 0, 7]);
const proto3 = (text: string): string => `syntax = "proto3"; ${text}`;

function encode(source: SchemaSource, json: string, messageName: string | null = null): Buffer {
  const bytes = runAtOnce(compileProtobuf(source, formatOptions({ messageName }))).encode(json, prefix);
  expect(bytes.subarray(0, 5)).to.deep.equal(prefix);
  return bytes.subarray(5);
}

/** Encodes with ours, decodes the first message with protobufjs: only fields that are on the wire show. */
function roundTrip(text: string, json: string, references: SchemaSource['references'] = []): unknown {
  const bytes = encode({ text, references }, json);
  expect(bytes[0]).to.equal(0);
  const root = new protobuf.Root();
  for (const name of ['any', 'duration', 'empty', 'field_mask', 'struct', 'timestamp', 'wrappers']) {
    root.addJSON(protobuf.common.get(`google/protobuf/${name}.proto`)?.nested ?? {});
  }
  protobuf.parse(text, root, { keepCase: true });
  for (const reference of references) protobuf.parse(reference.text, root, { keepCase: true });
  root.resolveAll();
  const [first] = root.nestedArray.filter((nested) => nested instanceof protobuf.Type);
  if (first === undefined) throw new Error('no message');
  return first.toObject(first.decode(bytes.subarray(1)), { longs: String, enums: String, bytes: String });
}

function faultsOf(text: string, json: string): string[] {
  try {
    encode({ text, references: [] }, json);
  } catch (error) {
    if (!(error instanceof RequestError) || error.code !== 'SCHEMA_VALIDATION_FAILED') throw error;
    return (error.details ?? []).map(({ pointer, rule }) => `${pointer} ${rule}`);
  }
  return [];
}

/** A message with one field `v`. */
const field = (type: string, more = ''): string =>
  proto3(`import "google/protobuf/any.proto"; message M { ${type} v = 1; } ${more}`);
const wellKnown = (name: string): string => field(`google.protobuf.${name}`);
const anEnum = 'enum E { A = 0; B = 1; C = -1; }';

describe('Protobuf from JSON', () => {
  const good: [what: string, schema: string, json: string, wire: unknown][] = [
    ['int32', field('int32'), '{"v":-5}', { v: -5 }],
    ['int32 as text', field('int32'), '{"v":"-2147483648"}', { v: -2147483648 }],
    [
      'int32 with a zero fraction and an exponent',
      field('repeated int32'),
      '{"v":[1.0,2e3,"3e0"]}',
      { v: [1, 2000, 3] },
    ],
    ['int64 beyond doubles', field('int64'), '{"v":9007199254740993}', { v: '9007199254740993' }],
    ['the largest int64, as text', field('int64'), '{"v":"9223372036854775807"}', { v: '9223372036854775807' }],
    ['the smallest int64', field('int64'), '{"v":-9223372036854775808}', { v: '-9223372036854775808' }],
    ['a negative int64', field('int64'), '{"v":-4294967297}', { v: '-4294967297' }],
    ['uint32', field('uint32'), '{"v":4294967295}', { v: 4294967295 }],
    ['uint64', field('uint64'), '{"v":18446744073709551615}', { v: '18446744073709551615' }],
    ['sint32', field('repeated sint32'), '{"v":[-1,1,-2147483648]}', { v: [-1, 1, -2147483648] }],
    [
      'sint64',
      field('repeated sint64'),
      '{"v":[-1,"-9223372036854775808","9223372036854775807"]}',
      { v: ['-1', '-9223372036854775808', '9223372036854775807'] },
    ],
    ['fixed32', field('fixed32'), '{"v":4294967295}', { v: 4294967295 }],
    ['sfixed32', field('sfixed32'), '{"v":-2}', { v: -2 }],
    ['fixed64', field('fixed64'), '{"v":18446744073709551615}', { v: '18446744073709551615' }],
    ['sfixed64', field('sfixed64'), '{"v":-2}', { v: '-2' }],
    ['float', field('float'), '{"v":1.5}', { v: 1.5 }],
    ['double', field('double'), '{"v":0.1}', { v: 0.1 }],
    ['double as text', field('double'), '{"v":"-1.5e3"}', { v: -1500 }],
    ['a double of many digits', field('double'), '{"v":0.12345678901234567890}', { v: 0.12345678901234568 }],
    [
      'no number and infinities',
      field('repeated double'),
      '{"v":["NaN","Infinity","-Infinity"]}',
      { v: [NaN, Infinity, -Infinity] },
    ],
    ['minus zero, which is not the default', field('double'), '{"v":-0.0}', { v: -0 }],
    ['bool', field('bool'), '{"v":true}', { v: true }],
    ['string', field('string'), '{"v":"ü€😀"}', { v: 'ü€😀' }],
    ['a string of 63 letters', field('string'), `{"v":"${'a'.repeat(63)}"}`, { v: 'a'.repeat(63) }],
    ['a string of 200 umlauts', field('string'), `{"v":"${'ü'.repeat(200)}"}`, { v: 'ü'.repeat(200) }],
    ['a string of 20,000 letters', field('string'), `{"v":"${'a'.repeat(20_000)}"}`, { v: 'a'.repeat(20_000) }],
    ['bytes', field('bytes'), '{"v":"+/8="}', { v: '+/8=' }],
    ['bytes in the alphabet of URLs, without padding', field('bytes'), '{"v":"-_8"}', { v: '+/8=' }],
    ['an enum by name', field('E', anEnum), '{"v":"B"}', { v: 'B' }],
    ['an enum by number', field('E', anEnum), '{"v":-1}', { v: 'C' }],
    ['an unknown number of an open enum', field('E', anEnum), '{"v":9}', { v: 9 }],
    [
      'zeros, which proto3 leaves out',
      proto3('message M { int32 a = 1; string b = 2; bool c = 3; }'),
      '{"a":0,"b":"","c":false}',
      {},
    ],
    ['zeros of optional fields', field('optional int32'), '{"v":0}', { v: 0 }],
    ['null as absent', field('int32'), '{"v":null}', {}],
    ['null for a list', field('repeated int32'), '{"v":null}', {}],
    ['a packed list', field('repeated int32'), '{"v":[1,300]}', { v: [1, 300] }],
    [
      'a list that is not packed',
      proto3('message M { repeated int32 v = 1 [packed = false]; }'),
      '{"v":[1,2]}',
      { v: [1, 2] },
    ],
    ['a list of strings', field('repeated string'), '{"v":["a",""]}', { v: ['a', ''] }],
    ['an empty list', field('repeated int32'), '{"v":[]}', {}],
    ['a map', field('map<string, int64>'), '{"v":{"a":"1","":0}}', { v: { a: '1', '': '0' } }],
    ['a map by number', field('map<int32, string>'), '{"v":{"-5":"x"}}', { v: { '-5': 'x' } }],
    ['a map by bool', field('map<bool, int32>'), '{"v":{"true":1}}', { v: { true: 1 } }],
    [
      'a map of messages',
      field('map<string, N>', 'message N { int32 a = 1; }'),
      '{"v":{"x":{"a":1}}}',
      { v: { x: { a: 1 } } },
    ],
    ['a message', field('N', 'message N { int32 a = 1; }'), '{"v":{"a":1}}', { v: { a: 1 } }],
    ['an empty message', field('N', 'message N { int32 a = 1; }'), '{"v":{}}', { v: {} }],
    [
      'recursion',
      proto3('message M { int32 a = 1; M next = 2; }'),
      '{"next":{"next":{"a":1}}}',
      { next: { next: { a: 1 } } },
    ],
    [
      'camelCase names',
      proto3('message M { int32 foo_bar_1 = 1; int32 _x = 2; }'),
      '{"fooBar1":1,"X":2}',
      { foo_bar_1: 1, _x: 2 },
    ],
    ['original names', proto3('message M { int32 foo_bar = 1; }'), '{"foo_bar":1}', { foo_bar: 1 }],
    ['a name of its own', proto3('message M { int32 foo = 1 [json_name = "@f"]; }'), '{"@f":1}', { foo: 1 }],
    ['fields named as inherited ones', proto3('message M { int32 constructor = 1; }'), '{}', {}],
    ['a field number of two bytes', proto3('message M { int32 a = 536870911; }'), '{"a":1}', { a: 1 }],
    ['one of a oneof', proto3('message M { oneof o { int32 a = 1; string b = 2; } }'), '{"a":null,"b":""}', { b: '' }],
    [
      'a message that holds more than 127 bytes',
      field('N', 'message N { string a = 1; }'),
      `{"v":{"a":"${'x'.repeat(300)}"}}`,
      { v: { a: 'x'.repeat(300) } },
    ],
    [
      'Timestamp',
      wellKnown('Timestamp'),
      '{"v":"1970-01-01T00:00:01.5Z"}',
      { v: { seconds: '1', nanos: 500_000_000 } },
    ],
    ['a Timestamp with an offset', wellKnown('Timestamp'), '{"v":"1970-01-01T01:00:00+01:00"}', { v: {} }],
    [
      'a Timestamp before 1970',
      wellKnown('Timestamp'),
      '{"v":"1969-12-31T23:59:59.9Z"}',
      { v: { seconds: '-1', nanos: 900_000_000 } },
    ],
    ['the first Timestamp', wellKnown('Timestamp'), '{"v":"0001-01-01T00:00:00Z"}', { v: { seconds: '-62135596800' } }],
    [
      'the last Timestamp',
      wellKnown('Timestamp'),
      '{"v":"9999-12-31T23:59:59.999999999Z"}',
      { v: { seconds: '253402300799', nanos: 999_999_999 } },
    ],
    ['Duration', wellKnown('Duration'), '{"v":"1.000340012s"}', { v: { seconds: '1', nanos: 340_012 } }],
    ['a negative Duration', wellKnown('Duration'), '{"v":"-1.5s"}', { v: { seconds: '-1', nanos: -500_000_000 } }],
    ['the longest Duration', wellKnown('Duration'), '{"v":"315576000000s"}', { v: { seconds: '315576000000' } }],
    [
      'FieldMask',
      wellKnown('FieldMask'),
      '{"v":"user.displayName,photo"}',
      { v: { paths: ['user.display_name', 'photo'] } },
    ],
    ['an empty FieldMask', wellKnown('FieldMask'), '{"v":""}', { v: {} }],
    ['Empty', wellKnown('Empty'), '{"v":{}}', { v: {} }],
    ['Int64Value', wellKnown('Int64Value'), '{"v":"9007199254740993"}', { v: { value: '9007199254740993' } }],
    ['a wrapper of zero', wellKnown('Int32Value'), '{"v":0}', { v: {} }],
    ['a wrapper of null', wellKnown('StringValue'), '{"v":null}', {}],
    ['BytesValue', wellKnown('BytesValue'), '{"v":"AAE="}', { v: { value: 'AAE=' } }],
    ['BoolValue', wellKnown('BoolValue'), '{"v":true}', { v: { value: true } }],
    ['NullValue', wellKnown('NullValue'), '{"v":null}', {}],
    [
      'NullValue in a oneof',
      proto3('message M { oneof o { google.protobuf.NullValue n = 1; int32 a = 2; } }'),
      '{"n":null}',
      { n: 'NULL_VALUE' },
    ],
    [
      'Struct',
      wellKnown('Struct'),
      '{"v":{"a":null,"b":1.5,"c":"x","d":true,"e":{},"f":[1]}}',
      {
        v: {
          fields: {
            a: { nullValue: 'NULL_VALUE' },
            b: { numberValue: 1.5 },
            c: { stringValue: 'x' },
            d: { boolValue: true },
            e: { structValue: {} },
            f: { listValue: { values: [{ numberValue: 1 }] } },
          },
        },
      },
    ],
    ['Value', wellKnown('Value'), '{"v":null}', { v: { nullValue: 'NULL_VALUE' } }],
    [
      'a list of Values',
      field('repeated google.protobuf.Value'),
      '{"v":[null,false]}',
      { v: [{ nullValue: 'NULL_VALUE' }, { boolValue: false }] },
    ],
    ['ListValue', wellKnown('ListValue'), '{"v":["a"]}', { v: { values: [{ stringValue: 'a' }] } }],
    [
      'Any',
      field('google.protobuf.Any', 'message N { int32 a = 1; }'),
      '{"v":{"@type":"x/N","a":1}}',
      { v: { type_url: 'x/N', value: 'CAE=' } },
    ],
    [
      'Any of a type with a JSON form of its own',
      wellKnown('Any'),
      '{"v":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}}',
      { v: { type_url: 'type.googleapis.com/google.protobuf.Duration', value: 'CAE=' } },
    ],
    ['an empty Any', wellKnown('Any'), '{"v":{}}', { v: {} }],
    [
      "proto2's required fields, defaults and groups",
      'syntax = "proto2"; message M { required int32 a = 1; optional int32 b = 2 [default = 7]; repeated group G = 3 { optional string c = 1; } repeated int32 d = 4; }',
      '{"a":0,"g":[{"c":"x"},{}],"d":[1,2]}',
      { a: 0, g: [{ c: 'x' }, {}], d: [1, 2] },
    ],
    [
      'edition 2023',
      'edition = "2023"; message M { int32 a = 1; string b = 2 [features.field_presence = IMPLICIT]; }',
      '{"a":0,"b":""}',
      { a: 0 },
    ],
  ];
  for (const [what, schema, json, wire] of good) {
    it(`takes ${what}`, () => expect(roundTrip(schema, json)).to.deep.equal(wire));
  }

  const bad: [what: string, schema: string, json: string, faults: string[]][] = [
    ['what is no object', field('int32'), '[]', [' type']],
    ['int32 out of range', field('int32'), '{"v":2147483648}', ['/v range']],
    ['a negative uint32', field('uint32'), '{"v":-1}', ['/v range']],
    ['int64 out of range', field('int64'), '{"v":9223372036854775808}', ['/v range']],
    ['uint64 out of range', field('uint64'), '{"v":"18446744073709551616"}', ['/v range']],
    ['a huge exponent', field('uint64'), '{"v":1e999999}', ['/v range']],
    ['a fraction', field('int64'), '{"v":"1.5"}', ['/v type']],
    ['an empty number', field('int32'), '{"v":""}', ['/v type']],
    ['a padded number', field('int32'), '{"v":" 1"}', ['/v type']],
    ['a bool for a number', field('int32'), '{"v":true}', ['/v type']],
    ['too large a float', field('float'), '{"v":1e39}', ['/v range']],
    ['too large a double', field('double'), '{"v":1e400}', ['/v range']],
    ['text for a double', field('double'), '{"v":"x"}', ['/v type']],
    ['text for a bool', field('bool'), '{"v":"true"}', ['/v type']],
    ['a number for a string', field('string'), '{"v":1}', ['/v type']],
    ['a lone surrogate', field('string'), '{"v":"\\ud800"}', ['/v format']],
    ['a number for bytes', field('bytes'), '{"v":1}', ['/v type']],
    ['what is not base64', field('bytes'), '{"v":"a"}', ['/v format']],
    ['an unknown symbol', field('E', anEnum), '{"v":"X"}', ['/v enum']],
    ['a symbol inherited from elsewhere', field('E', anEnum), '{"v":"constructor"}', ['/v enum']],
    ['an enum by a fraction', field('E', anEnum), '{"v":0.5}', ['/v enum']],
    [
      'an unknown number of a closed enum',
      'syntax = "proto2"; message M { optional E v = 1; } enum E { A = 1; }',
      '{"v":2}',
      ['/v enum'],
    ],
    ['no list', field('repeated int32'), '{"v":{}}', ['/v type']],
    ['null in a list', field('repeated int32'), '{"v":[1,null]}', ['/v/1 type']],
    ['no map', field('map<string, int32>'), '{"v":[]}', ['/v type']],
    ['null in a map', field('map<string, int32>'), '{"v":{"a/b":null}}', ['/v/a~1b type']],
    ['a bad key', field('map<int32, int32>'), '{"v":{"1":1,"01":1,"x":1}}', ['/v/01 type', '/v/x type']],
    ['a key out of range', field('map<uint32, int32>'), '{"v":{"-1":1}}', ['/v/-1 range']],
    ['a bad bool as key', field('map<bool, int32>'), '{"v":{"1":1}}', ['/v/1 type']],
    ['a lone surrogate as key', field('map<string, int32>'), '{"v":{"\\ud800":1}}', ['/v/\ud800 format']],
    ['no message', field('N', 'message N {}'), '{"v":1}', ['/v type']],
    ['undeclared fields', field('N', 'message N {}'), '{"v":{"a~":1},"w":1}', ['/v/a~0 undeclared', '/w undeclared']],
    [
      'a field named as inherited ones',
      field('int32'),
      '{"toString":1,"__proto__":2}',
      ['/toString undeclared', '/__proto__ undeclared'],
    ],
    ['a name twice', proto3('message M { int32 foo_bar = 1; }'), '{"fooBar":1,"foo_bar":2}', ['/foo_bar duplicate']],
    ['two of a oneof', proto3('message M { oneof o { int32 a = 1; string b = 2; } }'), '{"a":0,"b":"x"}', ['/b oneof']],
    [
      'a missing required field',
      'syntax = "proto2"; message M { required int32 a_b = 1; required int32 c = 2; }',
      '{"c":null}',
      ['/aB required', '/c required'],
    ],
    ['no group', 'syntax = "proto2"; message M { optional group G = 1 {} }', '{"g":1}', ['/g type']],
    ['a day that does not exist', wellKnown('Timestamp'), '{"v":"2023-02-29T00:00:00Z"}', ['/v format']],
    ['a Timestamp without zone', wellKnown('Timestamp'), '{"v":"2024-01-01T00:00:00"}', ['/v format']],
    ['a Timestamp before the first', wellKnown('Timestamp'), '{"v":"0001-01-01T00:00:00+00:01"}', ['/v format']],
    ['a Timestamp as number', wellKnown('Timestamp'), '{"v":1}', ['/v type']],
    ['a Duration without unit', wellKnown('Duration'), '{"v":"1"}', ['/v format']],
    ['too long a Duration', wellKnown('Duration'), '{"v":"315576000000.000000001s"}', ['/v format']],
    ['a path in snake case', wellKnown('FieldMask'), '{"v":"a_b"}', ['/v format']],
    ['a FieldMask as list', wellKnown('FieldMask'), '{"v":["a"]}', ['/v type']],
    ['fields of Empty', wellKnown('Empty'), '{"v":{"a":1}}', ['/v/a undeclared']],
    ['a wrapper as object', wellKnown('Int32Value'), '{"v":{"value":1}}', ['/v type']],
    ['a Struct that is none', wellKnown('Struct'), '{"v":[]}', ['/v type']],
    ['a number that no Value holds', wellKnown('Struct'), '{"v":{"a":[1e400]}}', ['/v/a/0 range']],
    ['a ListValue that is none', wellKnown('ListValue'), '{"v":{}}', ['/v type']],
    ['an Any without type', wellKnown('Any'), '{"v":{"a":1}}', ['/v/@type any']],
    ['an Any of an unknown type', wellKnown('Any'), '{"v":{"@type":"x/N"}}', ['/v/@type any']],
    ['an Any that is no object', wellKnown('Any'), '{"v":1}', ['/v type']],
    [
      'faults within an Any',
      field('google.protobuf.Any', 'message N { int32 a = 1; }'),
      '{"v":{"@type":"x/N","a":"x","b":1}}',
      ['/v/a type', '/v/b undeclared'],
    ],
    [
      'what does not belong beside the value of an Any',
      wellKnown('Any'),
      '{"v":{"@type":"x/google.protobuf.Duration","seconds":1}}',
      ['/v/seconds undeclared', '/v/value required'],
    ],
    [
      'every fault at once',
      proto3(
        'message M { int32 a = 1; repeated N n = 2; map<string, bool> m = 3; } message N { bytes b = 1; E e = 2; enum E { X = 0; } }',
      ),
      '{"a":"x","n":[{"b":"?"},{"e":"Y"},null],"m":{"k":0},"z":1}',
      ['/a type', '/n/0/b format', '/n/1/e enum', '/n/2 type', '/m/k type', '/z undeclared'],
    ],
  ];
  for (const [what, schema, json, faults] of bad) {
    it(`refuses ${what}`, () => expect(faultsOf(schema, json)).to.deep.equal(faults));
  }

  it('writes the fields by their numbers, whatever the order of the JSON', () => {
    const text = proto3('message M { int32 b = 2; int32 a = 1; }');
    expect([...encode({ text, references: [] }, '{"b":2,"a":1}')]).to.deep.equal([0, 8, 1, 16, 2]);
    expect([...encode({ text, references: [] }, '{"a":1,"b":2}')]).to.deep.equal([0, 8, 1, 16, 2]);
  });

  const places: [name: string | null, place: number[]][] = [
    [null, [0]],
    ['a.b.First', [0]],
    ['First', [0]],
    ['Second', [2, 2]],
    ['a.b.Second.Inner', [4, 2, 2]],
    ['Second.Inner.Deep', [6, 2, 2, 0]],
  ];
  for (const [messageName, place] of places) {
    it(`takes the message ${messageName ?? 'that is the first'}, and says its place`, () => {
      const text = proto3(`package a.b; import "other.proto"; enum E { A = 0; }
        message First { int32 v = 1; }
        message Second {
          message Other {}
          map<string, int32> m = 2;
          message Inner { int32 v = 1; message Deep { int32 v = 1; } }
          int32 v = 1;
        }`);
      const other = { name: 'other.proto', text: proto3('package a.b; message Third {}') };
      const bytes = encode({ text, references: [other] }, '{"v":1}', messageName);
      expect([...bytes]).to.deep.equal([...place, 8, 1]);
    });
  }

  it('resolves imports, also those of imports', () => {
    const references = [
      { name: 'c.proto', text: proto3('package c; message C { int32 v = 1; }') },
      { name: 'b.proto', text: proto3('package b; import "c.proto"; message B { c.C c = 1; }') },
      { name: 'google/protobuf/timestamp.proto', text: proto3('package google.protobuf; message Timestamp {}') },
    ];
    const text = proto3('import public "b.proto"; import "google/protobuf/timestamp.proto"; message A { b.B b = 1; }');
    expect(roundTrip(text, '{"b":{"c":{"v":1}}}', references.slice(0, 2))).to.deep.equal({ b: { c: { v: 1 } } });
    expect(encode({ text, references }, '{}').length).to.equal(1);
  });

  it('does without imports that only bring options', () => {
    const text = proto3('import "confluent/meta.proto"; message A { int32 v = 1 [(confluent.field_meta).doc = "d"]; }');
    expect(roundTrip(text, '{"v":1}')).to.deep.equal({ v: 1 });
  });

  const readings: [what: string, text: string, json: string, hex: string][] = [
    [
      'a name as protoc reads it: the types of an inner message are not in scope',
      proto3(
        `package shop;
         message Order { string id = 1; Status status = 2; repeated Line lines = 3;
           message Line { enum Status { OPEN = 0; SHIPPED = 1; } Status status = 1; } }
         enum Status { NEW = 0; PAID = 1; SHIPPED = 2; }`,
      ),
      '{"id":"o1","status":"SHIPPED","lines":[{"status":"SHIPPED"}]}',
      '0a026f3110021a020801',
    ],
    [
      'a list of messages in an option, and an import that clients bring along',
      proto3(
        `package test.dbo.setup; import "confluent/meta.proto"; import "confluent/type/decimal.proto";
         message Value {
           int32 t = 5 [(confluent.field_meta) = { params: [ { key: "connect.type", value: "int16" } ] }];
           confluent.type.Decimal d = 6; }`,
      ),
      '{"t":5,"d":{"value":"AQ==","precision":3,"scale":1}}',
      '2805320 70a010110031801'.replace(' ', ''),
    ],
    [
      'options in text format',
      proto3(
        `package svc;
         option (scalapb.options) = {
           field_transformations: [ { when: {options: {[validate.rules] {message: <required: true>}}} set: { [scalapb.field] { required: true } } } ]
         };
         message M { option (x).y = -1.5e3; string a = 1 [(a.b).c.(d) = inf, default = "x" "y"]; }`,
      ),
      '{"a":"x"}',
      '0a0178',
    ],
    [
      'empty statements, comments, a byte order mark and numbers in hex',
      `\ufeff${proto3('; ; /* } */ message M { ; // }\n oneof o { int32 a = 0x10; }; enum E { ; Z = 0; X = -0x1; }; E e = 2; };')}`,
      '{"a":1,"e":"X"}',
      '10ffffffffffffffffff01800101',
    ],
    [
      'what is reserved, extended and called',
      `syntax = "proto2"; message M { reserved 2, 4 to 7; reserved "b"; extensions 100 to max [declaration = { number: 100, full_name: ".x" }];
         optional int32 a = 1; extend M { optional group G = 101 { optional int32 z = 1; } } optional G g = 3; }
       extend M { optional int32 ext = 102 [packed = true]; }
       service S { rpc Get(M) returns (stream M) { option (google.api.http) = { get: "/v1/{a}" }; } }`,
      '{"a":1,"g":{"z":2}}',
      '08011a020802',
    ],
    [
      'a feature that is set behind what it is about',
      'edition = "2023"; message M { int32 a = 1; repeated int32 r = 2; option features.repeated_field_encoding = EXPANDED; } option features = { field_presence: IMPLICIT };',
      '{"a":0,"r":[1]}',
      '1001',
    ],
    [
      'types named as words of the language',
      proto3(
        'message M { message map { int32 x = 1; } map v = 1; message export {} export e = 2; message local {} local l = 4; }',
      ),
      '{"v":{"x":1}}',
      '0a020801',
    ],
    [
      "Google's common types without a reference",
      proto3('import "google/type/money.proto"; message M { google.type.Money v = 1; }'),
      '{"v":{"currencyCode":"EUR","units":"5"}}',
      '0a070a0345555210 05'.replace(' ', ''),
    ],
    [
      'a name of its own with escapes',
      proto3(String.raw`message M { int32 a = 1 [json_name = "\x40\u00e9" '\n']; }`),
      '{"@é\\n":1}',
      '0801',
    ],
  ];
  for (const [what, text, json, hex] of readings) {
    it(`reads ${what}`, () => expect(encode({ text, references: [] }, json).toString('hex')).to.equal(`00${hex}`));
  }

  it('reads a name by what an import passes on, and passes over what it does not', () => {
    const references = [
      { name: 'inner.proto', text: proto3('package p; message T { int32 inner = 1; }') },
      { name: 'public.proto', text: proto3('package q; import public "inner.proto"; message U { p.T t = 1; }') },
      { name: 'private.proto', text: proto3('package p.q; import "inner.proto"; message T { int32 other = 1; }') },
    ];
    const text = (imported: string): string => proto3(`package p.q.r; import "${imported}"; message M { T t = 1; }`);
    expect(encode({ text: text('public.proto'), references }, '{"t":{"inner":1}}').length).to.equal(5);
    expect(encode({ text: text('private.proto'), references }, '{"t":{"other":1}}').length).to.equal(5);
  });

  const unusable: [what: string, text: string, message: RegExp, messageName?: string][] = [
    ['what is no .proto file', 'message {', /not a \.proto file: expected a name, found '\{' \(line 1\)/],
    ['a number twice', proto3('message A { int32 a = 1; int32 b = 1; }'), /has the number 1 twice/],
    ['an unknown type', proto3('message A { B b = 1; }'), /the type B of A\.b is not declared$/],
    [
      'a name whose first part stands for something nearer',
      proto3('package p; message A { message p {} p.A a = 1; }'),
      /the type p\.A of p\.A\.a is not declared$/,
    ],
    ['a name declared twice', proto3('message A {} enum A { X = 0; }'), /the name A is declared twice$/],
    ['a syntax of the future', 'edition = "2099"; message A {}', /'2099' is not known/],
    ['a number out of range', proto3('message A { int32 a = 536870912; }'), /must be from 1 to 536870911/],
    ['a key of a map that is none', proto3('message A { map<float, int32> a = 1; }'), /cannot be of type float/],
    ['an open string', proto3('message A { int32 a = 1 [json_name = "x'), /a string does not end/],
    ['messages nested too deeply', proto3(`${'message A {'.repeat(300)}${'}'.repeat(300)}`), /deeper than 200/],
    ['a missing import', proto3('import "b.proto"; message A { B b = 1; }'), /no reference for b\.proto/],
    ['a file without message', proto3('enum E { A = 0; }'), /declares no message$/],
    ['an unknown message', proto3('package p; message A {}'), /no message 'B'/, 'B'],
    ['an unknown nested message', proto3('message A {}'), /no message 'A\.B'/, 'A.B'],
    ['a message of an import', proto3('message A {}'), /no message 'google/, 'google.protobuf.Any'],
  ];
  for (const [what, text, message, messageName = null] of unusable) {
    it(`cannot use ${what}`, () => {
      const compile = () => runAtOnce(compileProtobuf({ text, references: [] }, formatOptions({ messageName })));
      expect(compile).to.throw(SchemaUnusableError, message);
    });
  }

  it('bounds nesting as its readers do', () => {
    const nested = (depth: number): string => `${'{"next":'.repeat(depth)}{}${'}'.repeat(depth)}`;
    const text = proto3('message M { M next = 1; map<string, M> m = 2; }');
    expect(faultsOf(text, nested(depthMax))).to.deep.equal([]);
    expect(faultsOf(text, nested(depthMax + 1))).to.deep.equal([`${cutText('/next'.repeat(depthMax + 1))} depth`]);
    expect(faultsOf(text, nested(3_000))).to.have.length(1);
    // An entry of a map is a message, too.
    const maps = (depth: number): string => `${'{"m":{"k":'.repeat(depth)}{}${'}}'.repeat(depth)}`;
    expect(faultsOf(text, maps(depthMax / 2))).to.deep.equal([]);
    expect(faultsOf(text, maps(depthMax / 2 + 1))).to.have.length(1);
  });

  it('refuses what is not JSON or nested too deeply', () => {
    for (const json of ['', '{', '{"v":1}}', `${'['.repeat(200_000)}${']'.repeat(200_000)}`]) {
      expect(() => encode({ text: field('int32'), references: [] }, json))
        .to.throw(RequestError)
        .with.property('code', json.length > 100_000 ? 'SCHEMA_VALIDATION_FAILED' : 'BODY_INVALID');
    }
  });

  it('bounds the faults that it lists', () => {
    expect(faultsOf(field('repeated int32'), JSON.stringify({ v: Array(3_000).fill('x') }))).to.have.length(1_000);
  });

  it('is not disturbed by a value that was refused before', () => {
    const text = proto3('message M { M next = 1; int32 v = 2; repeated int32 r = 3; }');
    expect(faultsOf(text, '{"next":{"next":{"v":"x","r":["y"]}}}')).to.have.length(2);
    expect([...encode({ text, references: [] }, '{"v":1}')]).to.deep.equal([0, 16, 1]);
  });
});

formatContract('Protobuf', () => {
  const file = (second: string, type = 'string') =>
    proto3(`message R { int64 id = 1; ${type} ${second} = 2; Inner inner = 3; } message Inner { int32 n = 1; }`);
  return {
    format: protobufFormat,
    schema: file('name'),
    otherSchema: file('other'),
    withoutReference: `syntax = "proto3"; import "elsewhere.proto"; ${file('name', 'elsewhere.Name').slice('syntax = "proto3";'.length)}`,
    decode(payload) {
      expect(payload[0]).to.equal(0);
      const type = protobuf.parse(file('name')).root.lookupType('R');
      return type.toObject(type.decode(payload.subarray(1)), { longs: String });
    },
  };
});
