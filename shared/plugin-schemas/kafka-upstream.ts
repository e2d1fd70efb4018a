import { quoted } from '../schema/checks.ts';
import { array, boolean, element, map, record, string, type FieldFault, type InferFields } from '../schema/field.ts';
import { kafkaChecks, kafkaFields, topicName } from './kafka-fields.ts';
import type { PluginSchema } from './plugin-schema.ts';
import { luaFunction, luaWithoutKong, takesBodyOnly } from './lua-functions.ts';
import { recordCheck } from './record-checks.ts';
import { movedRegistryFields, schemaRegistry } from './schema-registry-fields.ts';
import { parseTopicTemplate } from './topic-template.ts';

/** Decides what is written, or where to. */
const understood = { requiredToUnderstand: true } as const;

const keyFromFields = {
  header: string({ check: headerName, description: 'The value of this request header.' }),
  body_pointer: string({
    check: jsonPointer,
    description:
      'The string or number at this JSON Pointer of the body, or the object for a key_schema. A form or multipart body counts as the object of its fields.',
  }),
  path_capture: string({ description: "A named capture of the route's path." }),
  consumer: string({ oneOf: ['id', 'username'], description: 'The recognised consumer.' }),
};

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

const headersFields = {
  forward_http_headers_as_record_headers: boolean({
    default: true,
    description: 'The master switch of record headers.',
  }),
  forward_all_by_default: boolean({
    default: false,
    description:
      'Every request header becomes a record header, but those of exclude_headers, and Authorization, Proxy-Authorization and Cookie unless include_headers names them.',
  }),
  include_headers: array(string(element), {
    default: [],
    description: 'The request headers that become record headers when forward_all_by_default is false.',
  }),
  exclude_headers: array(string(element), {
    default: [],
    description: 'Request headers that never become record headers.',
  }),
  name_mappings: map(string(element), string(element), {
    default: {},
    description: 'Names of request headers to names of record headers.',
  }),
  prefix_mappings: map(string({ lenMin: 1, required: true }), string({ ...element, lenMin: 0 }), {
    default: {},
    description:
      'Prefixes of request headers to prefixes of record headers: every header with the prefix goes along, renamed. exclude_headers and name_mappings win. Authorization, Proxy-Authorization and Cookie never go so.',
  }),
  repeated_headers_behavior: string({
    default: 'retain_duplicates',
    oneOf: ['retain_duplicates', 'take_first', 'concatenate_by_comma'],
    description: 'What becomes of a request header that comes more than once.',
  }),
};

const fields = {
  ...kafkaFields,
  topic: string({
    ...understood,
    required: true,
    check: topicName,
    description: 'The topic, unless the request names others.',
  }),
  topics_query_arg: string({ ...understood, description: 'The query parameter with comma-separated target topics.' }),
  allowed_topics: array(string({ required: true, check: allowedTopic }), {
    ...understood,
    description:
      'What topics_query_arg may name besides topic; * may end an entry. One topic outside refuses the whole request.',
  }),
  key_query_arg: string({
    ...understood,
    lenMin: 1,
    description: 'The query parameter whose value is the record key.',
  }),
  key_from: record(keyFromFields, {
    ...understood,
    checks: [recordCheck(keyFromFields, (from) => checkOneOf(from))],
    description: 'Another source of the record key: exactly one of its fields. Excludes key_query_arg.',
  }),
  topic_template: string({
    ...understood,
    check: topicTemplate,
    description:
      'The topic made from parts of the request: events.${path.CAPTURE}.${header.NAME}.${query.NAME}.${body./POINTER}. It must be topic or pass allowed_topics.',
  }),
  forward_method: boolean({ ...understood, default: false, description: "The envelope holds the request's method." }),
  forward_uri: boolean({
    ...understood,
    default: false,
    description: "The envelope holds the request's path and query.",
  }),
  forward_headers: boolean({ ...understood, default: false, description: "The envelope holds the request's headers." }),
  forward_body: boolean({ ...understood, default: true, description: "The envelope holds the request's body." }),
  record_value: string({
    ...understood,
    default: 'envelope',
    oneOf: ['envelope', 'body'],
    description: 'The record value: an envelope of the forwarded parts, or the request body itself.',
  }),
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
      'An empty body, JSON null, or null at value_from makes a record with a null value, before any schema. Needs record_value body and a source of the key.',
  }),
  message_by_lua_functions: array(string({ required: true, check: luaFunction, writeCheck: luaWithoutKong }), {
    ...understood,
    description:
      "Lua 5.4 chunks, each 'return function(message) … end', folded over the envelope. A table becomes JSON, a string is the record's value as it is.",
  }),
  headers: record(headersFields, { ...understood, required: true }),
  error_handling: record(
    {
      return_error_message: boolean({
        default: false,
        description: "Put the Kafka error's name in the answer's field error.",
      }),
    },
    { required: true },
  ),
  schema_registry: schemaRegistry,
};

export type KafkaUpstreamConfig = InferFields<typeof fields>;

/**
 * The checks that need more than one field and that stand at the top of the configuration; those inside `authentication`,
 * `security` and `schema_registry` stand there. Each fault has its own path.
 */
export function checkKafkaUpstream(config: KafkaUpstreamConfig): readonly FieldFault[] {
  const faults: FieldFault[] = [];
  if (!config.forward_method && !config.forward_uri && !config.forward_headers && !config.forward_body) {
    faults.push({
      path: ['forward_body'],
      message:
        "at least one of these fields must be true: 'forward_method', 'forward_uri', 'forward_headers', 'forward_body'",
    });
  }
  if (config.key_query_arg !== null && config.key_from !== null) {
    faults.push({
      path: ['key_from'],
      message: "only one of these fields must be non-empty: 'key_query_arg', 'key_from'",
    });
  }
  if (config.partition_from !== null && config.topics_query_arg !== null) {
    faults.push({
      path: ['partition_from'],
      message: "only one of these fields must be non-empty: 'topics_query_arg', 'partition_from'",
    });
  }
  faults.push(...checkLua(config), ...checkTombstones(config), ...checkCoercion(config));
  return faults;
}

function checkCoercion(config: KafkaUpstreamConfig): FieldFault[] {
  if (!config.coerce_text) return [];
  const fault = (message: string): FieldFault => ({ path: ['coerce_text'], message });
  const hasSchema = (config.schema_registry?.confluent?.value_schema ?? null) !== null;
  return [
    ...(hasSchema ? [] : [fault('needs a value schema: schema_registry.confluent.value_schema')]),
    ...(config.record_value === 'body' ? [] : [fault("needs record_value 'body': an envelope holds text")]),
    ...(config.value_from === null
      ? []
      : [fault("only one of these fields must be non-empty: 'coerce_text', 'value_from'")]),
  ];
}

function checkTombstones(config: KafkaUpstreamConfig): FieldFault[] {
  if (!config.tombstones) return [];
  const fault = (message: string): FieldFault => ({ path: ['tombstones'], message });
  const hasKey = config.key_query_arg !== null || config.key_from !== null;
  return [
    ...(config.record_value === 'body' ? [] : [fault("needs record_value 'body': an envelope is never null")]),
    ...(hasKey ? [] : [fault('needs a key: key_query_arg or key_from')]),
  ];
}

function checkLua(config: KafkaUpstreamConfig): FieldFault[] {
  const { message_by_lua_functions: functions, record_value: value, forward_body: hasBody } = config;
  if (functions === null || functions.length === 0) return [];
  const fault = (message: string): FieldFault[] => [{ path: ['message_by_lua_functions'], message }];
  if (!takesBodyOnly(functions)) {
    return value === 'body' ? fault("needs record_value 'envelope': with 'body' no envelope is made") : [];
  }
  return value === 'envelope' && !hasBody ? fault('returns message.body, which needs forward_body') : [];
}

/** Turns a request into one Kafka record per target topic and answers the client. */
export const kafkaUpstreamSchema: PluginSchema<KafkaUpstreamConfig> = {
  name: 'kafka-upstream',
  version: '0.1.0',
  priority: 751,
  protocols: ['grpc', 'grpcs', 'http', 'https'],
  scopes: ['service', 'route', 'consumer'],
  requiredToUnderstand: true,
  moved: movedRegistryFields,
  config: record(fields, {
    required: true,
    checks: [recordCheck(fields, checkKafkaUpstream), ...kafkaChecks],
  }),
};

function allowedTopic(value: string): string | undefined {
  return value === '*' ? undefined : topicName(value.replace(/\*$/, ''));
}

function jsonPointer(value: string): string | undefined {
  return /^(\/([^~]|~[01])*)*$/.test(value) ? undefined : 'expected a JSON Pointer';
}

function headerName(value: string): string | undefined {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value) ? undefined : 'not the name of a header';
}

function topicTemplate(value: string): string | undefined {
  const parsed = parseTopicTemplate(value);
  return parsed.kind === 'fault' ? parsed.message : undefined;
}

function checkOneOf(fields: Readonly<Record<string, unknown>>): FieldFault[] {
  const given = Object.values(fields).filter((value) => value !== null);
  if (given.length === 1) return [];
  return [{ path: [], message: `exactly one of these fields must be non-empty: ${quoted(Object.keys(fields))}` }];
}
