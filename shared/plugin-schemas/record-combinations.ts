import type { FieldFault } from '../schema/field.ts';
import type { InferFields } from '../schema/field.ts';
import type { kafkaFields } from './kafka-fields.ts';
import { takesBodyOnly } from './lua-functions.ts';
import type { recordFields } from './record-fields.ts';

type RecordConfig = InferFields<typeof recordFields> &
  Pick<
    InferFields<typeof kafkaFields>,
    'producer_request_acks' | 'producer_async_buffering_limits_messages_in_memory'
  > & {
    readonly record_value: 'envelope' | 'body';
    readonly topics_query_arg: string | null;
    readonly key_query_arg: string | null;
    readonly key_from: { readonly body_pointer: string | null } | null;
    readonly topic_template: string | null;
    readonly message_by_lua_functions: readonly string[] | null;
    readonly schema_registry: { readonly confluent: { readonly value_schema: object | null } | null } | null;
  };

type Check = (config: RecordConfig) => readonly FieldFault[];

/** Returns the faults of fields that say which records a request makes and cannot work together. */
export function checkRecordCombinations(config: RecordConfig): readonly FieldFault[] {
  return checks.flatMap((check) => check(config));
}

const checks: readonly Check[] = [
  checkTopics,
  checkElements,
  checkEvents,
  checkEncoding,
  checkTombstones,
  checkCoercion,
];

function checkTopics({ partition_from: from, topics_query_arg: argument }: RecordConfig): readonly FieldFault[] {
  if (from === null || argument === null) return [];
  return [fault('partition_from', "only one of these fields must be non-empty: 'topics_query_arg', 'partition_from'")];
}

function checkElements(config: RecordConfig): readonly FieldFault[] {
  const { records_from: from, records_pointer: pointer, records_max: max } = config;
  const faults: FieldFault[] = [];
  if (pointer !== '' && from !== 'json_array') faults.push(fault('records_pointer', "needs records_from 'json_array'"));
  if (from === 'request') return faults;
  const { producer_async_buffering_limits_messages_in_memory: queueMax } = config;
  if (max > queueMax) {
    const setting = 'producer_async_buffering_limits_messages_in_memory';
    faults.push(fault('records_max', `must not be above ${setting} (${queueMax}): such a request never finds room`));
  }
  if (config.producer_request_acks === 0 && config.topics_query_arg !== null) {
    const message = `'${from}' does not go with producer_request_acks 0 and topics_query_arg together: nobody could tell which topic has which records`;
    faults.push(fault('records_from', message));
  }
  return faults;
}

function checkEvents(config: RecordConfig): readonly FieldFault[] {
  const { records_from: from, cloudevents, record_value: value, value_from: valueFrom } = config;
  const isStructured = cloudevents.mode === 'structured';
  if (from !== 'cloudevents') {
    return isStructured ? [{ path: ['cloudevents', 'mode'], message: "needs records_from 'cloudevents'" }] : [];
  }
  return [
    ...(value === 'body'
      ? []
      : [fault('records_from', "'cloudevents' needs record_value 'body': an envelope is no event")]),
    ...(valueFrom === null
      ? []
      : [fault('value_from', "does not go with records_from 'cloudevents': the value is the event's data")]),
    ...(isStructured && hasValueSchema(config)
      ? [{ path: ['cloudevents', 'mode'], message: 'does not go with a value schema: the value is the event as JSON' }]
      : []),
  ];
}

function checkEncoding(config: RecordConfig): readonly FieldFault[] {
  const { body_encoding: encoding, records_from: from, message_by_lua_functions: functions } = config;
  if (encoding === 'json') return [];
  const refused = (message: string): FieldFault => fault('body_encoding', message);
  const elements = from === 'json_array' || from === 'ndjson';
  // An event has a JSON form whatever its data are.
  const parts = from === 'cloudevents' ? [] : bodyParts.filter((name) => config[name]?.body_pointer != null);
  return [
    ...(hasValueSchema(config) ? [] : [refused('needs a value schema: schema_registry.confluent.value_schema')]),
    ...(config.record_value === 'body' ? [] : [refused("needs record_value 'body': an envelope is JSON")]),
    ...(functions === null || functions.length === 0 ? [] : [refused('does not go with message_by_lua_functions')]),
    ...(config.coerce_text ? [refused('does not go with coerce_text')] : []),
    ...(elements ? [refused(`does not go with records_from '${from}': its elements are JSON`)] : []),
    ...parts.map((name) => refused(`does not go with ${name}.body_pointer: the body is no JSON`)),
    ...(config.topic_template?.includes('${body.') === true
      ? [refused('does not go with ${body…} in topic_template: the body is no JSON')]
      : []),
  ];
}

const bodyParts = ['key_from', 'partition_from', 'timestamp_from', 'value_from', 'headers_from'] as const;

function hasValueSchema(config: RecordConfig): boolean {
  return (config.schema_registry?.confluent?.value_schema ?? null) !== null;
}

function checkTombstones(config: RecordConfig): readonly FieldFault[] {
  if (!config.tombstones) return [];
  const hasKey = config.key_query_arg !== null || config.key_from !== null;
  const { message_by_lua_functions: functions } = config;
  // Lua says with nil which value is null.
  const runsLua = functions !== null && functions.length > 0 && !takesBodyOnly(functions);
  return [
    ...(config.record_value === 'body' || runsLua
      ? []
      : [fault('tombstones', "needs record_value 'body', or Lua functions: an envelope is never null")]),
    ...(hasKey ? [] : [fault('tombstones', 'needs a key: key_query_arg or key_from')]),
  ];
}

function checkCoercion(config: RecordConfig): readonly FieldFault[] {
  if (!config.coerce_text) return [];
  const { records_from: from } = config;
  return [
    ...(hasValueSchema(config)
      ? []
      : [fault('coerce_text', 'needs a value schema: schema_registry.confluent.value_schema')]),
    ...(config.record_value === 'body'
      ? []
      : [fault('coerce_text', "needs record_value 'body': an envelope holds text")]),
    ...(config.value_from === null
      ? []
      : [fault('coerce_text', "only one of these fields must be non-empty: 'coerce_text', 'value_from'")]),
    ...(from === 'request' ? [] : [fault('coerce_text', `does not go with records_from '${from}': it is for forms`)]),
  ];
}

function fault(field: string, message: string): FieldFault {
  return { path: [field], message };
}
