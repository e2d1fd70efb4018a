import { kafkaLogSchema, type KafkaLogConfig } from '../../../../shared/plugin-schemas/kafka-log.ts';
import { kafkaUpstreamSchema, type KafkaUpstreamConfig } from '../../../../shared/plugin-schemas/kafka-upstream.ts';
import { checkField } from '../../../../shared/schema/check.ts';
import type { Field } from '../../../../shared/schema/field.ts';

export const minimalConfig = { bootstrap_servers: [{ host: 'localhost', port: 9092 }], topic: 'orders' };

type Values = Readonly<Record<string, unknown>>;

/** A checked configuration with its defaults. */
export function buildConfig(fields: Values = {}): KafkaUpstreamConfig {
  return build(kafkaUpstreamSchema.config, fields);
}

export function buildLogConfig(fields: Values = {}): KafkaLogConfig {
  return build(kafkaLogSchema.config, fields);
}

/** The faults of a configuration as `path: message`. */
export function faultsOf(fields: Values, schema: Field = kafkaUpstreamSchema.config): string[] {
  const checked = checkField(schema, { ...minimalConfig, ...fields });
  return checked.kind === 'ok' ? [] : checked.faults.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

function build<C>(schema: Field<C>, fields: Values): C {
  const checked = checkField(schema, { ...minimalConfig, ...fields });
  if (checked.kind === 'faults') throw new Error(JSON.stringify(checked.faults));
  return checked.value;
}
