import { array, boolean, element, map, record, string, type FieldFault, type InferFields } from '../schema/field.ts';
import { kafkaChecks, kafkaFields, topicName } from './kafka-fields.ts';
import type { PluginSchema } from './plugin-schema.ts';
import { luaFunction, luaWithoutKong, takesBodyOnly } from './lua-functions.ts';
import { recordCheck } from './record-checks.ts';
import { checkRecordCombinations } from './record-combinations.ts';
import { checkOneOf, headerName, jsonPointer, recordFields, understood } from './record-fields.ts';
import { movedRegistryFields, schemaRegistry } from './schema-registry-fields.ts';
import { parseTopicTemplate } from './topic-template.ts';

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
  ...recordFields,
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

/** Says whether the body of a request holds many records. */
export function makesElements({ records_from: from }: Pick<KafkaUpstreamConfig, 'records_from'>): boolean {
  return from === 'json_array' || from === 'ndjson';
}

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
  faults.push(...checkLua(config), ...checkRecordCombinations(config));
  return faults;
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

function topicTemplate(value: string): string | undefined {
  const parsed = parseTopicTemplate(value);
  return parsed.kind === 'fault' ? parsed.message : undefined;
}
