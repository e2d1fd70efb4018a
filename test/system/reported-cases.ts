/** Schemas and bodies from public bug reports about other producers, with what each must become. */

export interface Sent {
  readonly body: string;
  /** The record's payload behind the frame, in hex; `same`: the text of the body. A number is the status of a refusal. */
  readonly becomes: string | number;
}

export interface ReportedCase {
  readonly name: string;
  readonly type: 'AVRO' | 'JSON' | 'PROTOBUF';
  readonly schema: string | Readonly<Record<string, unknown>>;
  readonly sent: readonly Sent[];
}

/** The index of the first message of a Protobuf file, which stands between the frame and the message. */
const firstMessage = '00';
const draft = (name: string) => `http://json-schema.org/${name}/schema#`;
const hex = (text: string) => Buffer.from(text).toString('hex');

export const reportedCases: readonly ReportedCase[] = [
  {
    name: 'a Protobuf enum whose name a nested message uses for another enum',
    type: 'PROTOBUF',
    schema: `syntax = "proto3";
      package shop;
      message Order {
        string id = 1;
        Status status = 2;
        repeated Line lines = 3;
        message Line {
          enum Status { OPEN = 0; SHIPPED = 1; }
          Status status = 1;
        }
      }
      enum Status { NEW = 0; PAID = 1; SHIPPED = 2; }`,
    sent: [
      {
        body: '{"id": "o1", "status": "SHIPPED", "lines": [{"status": "SHIPPED"}]}',
        becomes: `${firstMessage}0a02${hex('o1')}10021a020801`,
      },
      { body: '{"id": "o2", "status": "PAID"}', becomes: `${firstMessage}0a02${hex('o2')}1001` },
      { body: '{"id": "o3", "lines": [{"status": "PAID"}]}', becomes: 422 },
    ],
  },
  {
    name: "Confluent's field_meta with a list of messages",
    type: 'PROTOBUF',
    schema: `syntax = "proto3";
      package test.dbo.setup;
      import "confluent/meta.proto";
      message Value {
        string user_id = 2;
        int32 register_time = 5 [(confluent.field_meta) = { params: [ { key: "connect.type", value: "int16" } ] }];
      }`,
    sent: [{ body: '{"user_id": "u", "register_time": 5}', becomes: `${firstMessage}1201${hex('u')}2805` }],
  },
  {
    name: 'options of Protobuf in text format',
    type: 'PROTOBUF',
    schema: `syntax = "proto3";
      package svc;
      option (scalapb.options) = {
        field_transformations: [
          { when: {options: {[validate.rules] {message: {required: true}}}} set: { [scalapb.field] { required: true } } }
        ]
      };
      message M { string a = 1; }`,
    sent: [{ body: '{"a": "x"}', becomes: `${firstMessage}0a01${hex('x')}` }],
  },
  {
    name: 'the keyword id since draft 6',
    type: 'JSON',
    schema: {
      $schema: draft('draft-06'),
      id: 'http://example.org/json-schema/4.0',
      type: 'object',
      properties: { a: { type: 'string' } },
    },
    sent: [
      { body: '{"a": "abc"}', becomes: 'same' },
      { body: '{"a": 1}', becomes: 422 },
    ],
  },
  {
    name: 'nullable beside a reference',
    type: 'JSON',
    schema: {
      $schema: draft('draft-07'),
      type: 'object',
      properties: { a: { $ref: '#/definitions/x', nullable: true } },
      definitions: { x: { type: 'string' } },
    },
    sent: [
      { body: '{"a": "abc"}', becomes: 'same' },
      { body: '{"a": null}', becomes: 422 },
    ],
  },
  {
    name: 'a pattern with an escape that the flag u forbids',
    type: 'JSON',
    schema: {
      $schema: draft('draft-07'),
      type: 'object',
      properties: { a: { type: 'string', pattern: String.raw`^\d{4}\-\d{2}$` } },
    },
    sent: [
      { body: '{"a": "2024-01"}', becomes: 'same' },
      { body: '{"a": "2024_01"}', becomes: 422 },
    ],
  },
  {
    name: 'a $schema that names no draft',
    type: 'JSON',
    schema: {
      $schema: 'http://json-schema.org/schema#',
      type: 'object',
      properties: { id: { type: 'integer' } },
    },
    sent: [
      { body: '{"id": 1}', becomes: 'same' },
      { body: '{"id": "1"}', becomes: 422 },
    ],
  },
  {
    name: '$dynamicRef to an anchor in $defs',
    type: 'JSON',
    schema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties: { name: { type: 'string' }, schema: { $dynamicRef: '#meta' } },
      required: ['name'],
      $defs: { schema: { $dynamicAnchor: 'meta', type: ['object', 'boolean'] } },
    },
    sent: [
      { body: '{"name": "limit", "schema": {"type": "integer"}}', becomes: 'same' },
      { body: '{"name": "limit", "schema": 5}', becomes: 422 },
    ],
  },
  {
    name: '$dynamicRef to a detached anchor',
    type: 'JSON',
    schema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $ref: '#/$defs/checkEach',
      $defs: {
        checkEach: { $dynamicRef: '#detached' },
        detached: { $dynamicAnchor: 'detached', type: 'object', properties: { a: { type: 'integer' } } },
      },
    },
    sent: [
      { body: '{"a": 1}', becomes: 'same' },
      { body: '{"a": "x"}', becomes: 422 },
    ],
  },
  {
    name: 'an Avro default of a later branch',
    type: 'AVRO',
    schema: {
      type: 'record',
      name: 'Reading',
      namespace: 'reported',
      fields: [
        { name: 'id', type: 'string' },
        { name: 'unit', type: ['string', 'null'], default: null },
      ],
    },
    sent: [
      { body: '{"id": "a", "unit": "C"}', becomes: `02${hex('a')}0002${hex('C')}` },
      { body: '{"id": "b"}', becomes: `02${hex('b')}02` },
      { body: '{"id": "c", "unit": 5}', becomes: 422 },
    ],
  },
  {
    name: 'Avro logical types: an offset of hours alone, a decimal as a number',
    type: 'AVRO',
    schema: {
      type: 'record',
      name: 'Key',
      namespace: 'reported',
      fields: [
        { name: 'n', type: 'string' },
        { name: 'ts', type: { type: 'long', logicalType: 'timestamp-millis' } },
        {
          name: 'dec',
          type: ['null', { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 }],
          default: null,
        },
      ],
    },
    sent: [
      { body: '{"n": "a", "ts": 1709703520, "dec": 12.3}', becomes: '0261c085c0de0c020404ce' },
      { body: '{"n": "c", "ts": "2024-03-06 05:38:40+01"}', becomes: '026380c2f3a0c26300' },
      { body: '{"n": "d", "ts": 1, "dec": 12.345}', becomes: 422 },
    ],
  },
];
