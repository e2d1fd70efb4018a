import { boolean, element, integer, map, record, string, type FieldFault, type InferFields } from '../schema/field.ts';
import { kafkaChecks, kafkaFields, topicName } from './kafka-fields.ts';
import type { PluginSchema } from './plugin-schema.ts';
import { defaultOnly, recordCheck } from './record-checks.ts';
import { movedRegistryFields, schemaRegistry } from './schema-registry-fields.ts';

const fields = {
  ...kafkaFields,
  topic: string({
    requiredToUnderstand: true,
    required: true,
    check: topicName,
    description: 'The topic that entries go to.',
  }),
  delivery_timeout: integer({
    default: 10_000,
    between: [1, 2_147_483_647],
    description:
      'From the end of a request (ms). An entry that is not on the wire by then is dropped, counted and never written later.',
  }),
  producer_async: boolean({
    default: true,
    description: 'Accepted without effect: entries are queued in memory, and no request waits for them.',
  }),
  custom_fields_by_lua: map(string(element), string(element), {
    requiredToUnderstand: true,
    description: 'Lua that adds fields to entries. Not supported yet.',
  }),
  schema_registry: schemaRegistry,
};

export type KafkaLogConfig = InferFields<typeof fields>;

/** Entries have no key: a schema for keys would do nothing, and a registry needs one for values. */
function checkKafkaLog({ schema_registry: registry }: KafkaLogConfig): FieldFault[] {
  const confluent = registry?.confluent ?? null;
  if (confluent === null) return [];
  const faults: FieldFault[] = [];
  const add = (field: string, message: string): void =>
    void faults.push({ path: ['schema_registry', 'confluent', field], message });
  if (confluent.key_schema !== null) {
    add('key_schema', 'not supported yet: only null is accepted, since entries have no key');
  }
  if (confluent.value_schema === null) add('value_schema', 'required field missing');
  return faults;
}

/** Sends an entry for each request to a Kafka topic, after its response. */
export const kafkaLogSchema: PluginSchema<KafkaLogConfig> = {
  name: 'kafka-log',
  version: '0.1.0',
  priority: 5,
  protocols: ['grpc', 'grpcs', 'http', 'https'],
  scopes: ['service', 'route', 'consumer'],
  moved: movedRegistryFields,
  config: record(fields, {
    required: true,
    checks: [recordCheck(fields, checkKafkaLog), defaultOnly(fields, ['custom_fields_by_lua']), ...kafkaChecks],
  }),
};
