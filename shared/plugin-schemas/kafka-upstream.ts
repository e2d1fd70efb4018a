import { array, boolean, element, map, record, string, type FieldFault, type InferFields } from '../schema/field.ts';
import { kafkaChecks, kafkaFields, topicName } from './kafka-fields.ts';
import type { PluginSchema } from './plugin-schema.ts';
import { defaultOnly, recordCheck } from './record-checks.ts';
import { schemaRegistry } from './schema-registry-fields.ts';

const keyFromFields = {
  header: string({ description: 'The value of this request header.' }),
  body_pointer: string({ check: jsonPointer, description: 'The value at this JSON Pointer of the body.' }),
  path_capture: string({ description: "A named capture of the route's path." }),
  consumer: string({ oneOf: ['id', 'username'], description: 'The recognised consumer.' }),
};

const headersFields = {
  forward_http_headers_as_record_headers: boolean({
    default: true,
    description: 'The master switch of record headers.',
  }),
  forward_all_by_default: boolean({ default: false }),
  include_headers: array(string(element), { default: [] }),
  exclude_headers: array(string(element), { default: [] }),
  name_mappings: map(string(element), string(element), { default: {} }),
  repeated_headers_behavior: string({
    default: 'retain_duplicates',
    oneOf: ['retain_duplicates', 'take_first', 'concatenate_by_comma'],
  }),
};

const fields = {
  ...kafkaFields,
  topic: string({ required: true, check: topicName, description: 'The topic, unless the request names others.' }),
  topics_query_arg: string({ description: 'The query parameter with comma-separated target topics.' }),
  allowed_topics: array(string(element), {
    description: 'What topics_query_arg may name besides topic. One topic outside refuses the whole request.',
  }),
  key_query_arg: string({ lenMin: 1, description: 'The query parameter whose value is the record key.' }),
  key_from: record(keyFromFields, {
    description: 'Another source of the record key: exactly one of its fields. Excludes key_query_arg.',
  }),
  topic_template: string({ description: 'The topic made from parts of the request: events.${path.tenant}' }),
  forward_method: boolean({ default: false, description: "The envelope holds the request's method." }),
  forward_uri: boolean({ default: false, description: "The envelope holds the request's path and query." }),
  forward_headers: boolean({ default: false, description: "The envelope holds the request's headers." }),
  forward_body: boolean({ default: true, description: "The envelope holds the request's body." }),
  record_value: string({
    default: 'envelope',
    oneOf: ['envelope', 'body'],
    description: 'The record value: an envelope of the forwarded parts, or the request body itself.',
  }),
  message_by_lua_functions: array(string(element), { description: 'Lua functions folded over the envelope.' }),
  headers: record(headersFields, { required: true, checks: [defaultOnly(headersFields, Object.keys(headersFields))] }),
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
  return faults;
}

/** Turns a request into one Kafka record per target topic and answers the client. */
export const kafkaUpstreamSchema: PluginSchema<KafkaUpstreamConfig> = {
  name: 'kafka-upstream',
  version: '0.1.0',
  priority: 751,
  protocols: ['grpc', 'grpcs', 'http', 'https'],
  scopes: ['service', 'route', 'consumer'],
  config: record(fields, {
    required: true,
    checks: [
      recordCheck(fields, checkKafkaUpstream),
      defaultOnly(fields, [
        'topics_query_arg',
        'allowed_topics',
        'key_from',
        'topic_template',
        'message_by_lua_functions',
      ]),
      ...kafkaChecks,
    ],
  }),
};

function jsonPointer(value: string): string | undefined {
  return /^(\/([^~]|~[01])*)*$/.test(value) ? undefined : 'expected a JSON Pointer';
}
