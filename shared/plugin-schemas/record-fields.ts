import { quoted } from '../schema/checks.ts';
import { boolean, integer, record, string, type FieldFault } from '../schema/field.ts';
import { recordCheck } from './record-checks.ts';

/** Decides what is written, or where to. */
export const understood = { requiredToUnderstand: true } as const;

/** A part of the record that the request chooses. */
function sourceField(description: string) {
  const sourceFields = {
    header: string({ check: headerName, description: 'The value of this request header.' }),
    query_arg: string({ lenMin: 1, description: 'The value of this query parameter.' }),
    body_pointer: string({
      check: jsonPointer,
      description: 'The string or number at this JSON Pointer of the body; null counts as absent.',
    }),
  };
  return record(sourceFields, {
    ...understood,
    checks: [recordCheck(sourceFields, (source) => checkOneOf(source))],
    description,
  });
}

/** A part of the body. */
function bodyPart(description: string) {
  const pointer = string({ required: true, check: jsonPointer, description: 'A JSON Pointer into the body.' });
  return record({ body_pointer: pointer }, { ...understood, description });
}

/** Fields that say how many records a request makes, and which parts of it they are made of. */
export const recordFields = {
  records_from: string({
    ...understood,
    default: 'request',
    oneOf: ['request', 'json_array', 'ndjson', 'cloudevents'],
    description:
      'How many records a request makes: one, or one for each element of a JSON array, for each line of a body whose lines are JSON, or for each CloudEvent. All are written or, as far as Sluice can tell beforehand, none.',
  }),
  records_pointer: string({
    ...understood,
    lenMin: 0,
    default: '',
    check: jsonPointer,
    description: 'A JSON Pointer to the array of json_array, such as /records; the whole body by default.',
  }),
  records_max: integer({
    default: 10_000,
    between: [1, 50_000],
    description: 'Elements of one request; more are 413 BODY_TOO_LARGE.',
  }),
  records_bytes_max: integer({
    default: 16_777_216,
    between: [1, Number.MAX_SAFE_INTEGER],
    description:
      'Bytes of all records of one request with keys and headers, each topic counted; more are 413 BODY_TOO_LARGE.',
  }),
  body_encoding: string({
    ...understood,
    default: 'json',
    oneOf: ['json', 'protobuf', 'avro', 'framed'],
    description:
      'What the body is: JSON that the value schema encodes, or a message of the value schema already, which is checked to its last byte and written as it came; framed: with a zero byte and the schema id before it.',
  }),
  cloudevents: record(
    {
      mode: string({
        default: 'binary',
        oneOf: ['binary', 'structured'],
        description:
          "The form of an event's record: binary (attributes as headers, data as value) or structured (the event as JSON).",
      }),
    },
    { ...understood, required: true },
  ),
  partition_from: sourceField(
    "The partition of the record, which wins over the key's. Excludes topics_query_arg: topics differ in their partitions.",
  ),
  timestamp_from: sourceField(
    "The record's timestamp: milliseconds since 1970, or ISO 8601 (in UTC without an offset). Topics with LogAppendTime ignore it.",
  ),
  idempotency_key_from: record(
    {
      header: string({
        required: true,
        check: headerName,
        description: 'The request header with the key, such as Idempotency-Key.',
      }),
    },
    {
      ...understood,
      description:
        'A request whose key was acked within 10 minutes gets the first answer again and writes nothing; while the first is under way the answer is 409. Per node: balance by that header.',
    },
  ),
  value_from: bodyPart(
    'The part of the body that becomes the value, with its text as it came; in an envelope it stands in place of the body. Absent: 400 BODY_INVALID.',
  ),
  headers_from: bodyPart(
    'An object of strings in the body that become record headers, behind those of request headers.',
  ),
  coerce_text: boolean({
    ...understood,
    default: false,
    description:
      'Text of a form or multipart field that the value schema refuses becomes the number, the boolean or the list of one that it takes, where exactly one of these fits. Needs record_value body.',
  }),
  tombstones: boolean({
    ...understood,
    default: false,
    description:
      'An empty body, JSON null, or null at value_from makes a record with a null value, before any schema. Needs record_value body, or Lua functions, of which nil then means null, and a source of the key.',
  }),
};

/** Checks that exactly one field of a record is given. */
export function checkOneOf(fields: Readonly<Record<string, unknown>>): FieldFault[] {
  const given = Object.values(fields).filter((value) => value !== null);
  if (given.length === 1) return [];
  return [{ path: [], message: `exactly one of these fields must be non-empty: ${quoted(Object.keys(fields))}` }];
}

/** Checks a JSON Pointer (RFC 6901). */
export function jsonPointer(value: string): string | undefined {
  return /^(\/([^~]|~[01])*)*$/.test(value) ? undefined : 'expected a JSON Pointer';
}

/** Checks the name of a header (RFC 9110). */
export function headerName(value: string): string | undefined {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value) ? undefined : 'not the name of a header';
}
