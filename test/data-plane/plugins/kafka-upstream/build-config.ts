import { kafkaUpstreamSchema, type KafkaUpstreamConfig } from '../../../../shared/plugin-schemas/kafka-upstream.ts';
import { checkField } from '../../../../shared/schema/check.ts';

export const minimalConfig = { bootstrap_servers: [{ host: 'localhost', port: 9092 }], topic: 'orders' };

/** A checked configuration with its defaults. */
export function buildConfig(fields: Readonly<Record<string, unknown>> = {}): KafkaUpstreamConfig {
  const checked = checkField(kafkaUpstreamSchema.config, { ...minimalConfig, ...fields });
  if (checked.kind === 'faults') throw new Error(JSON.stringify(checked.faults));
  return checked.value;
}

/** The faults of a configuration as `path: message`. */
export function faultsOf(fields: Readonly<Record<string, unknown>>): string[] {
  const checked = checkField(kafkaUpstreamSchema.config, { ...minimalConfig, ...fields });
  return checked.kind === 'ok' ? [] : checked.faults.map(({ path, message }) => `${path.join('.')}: ${message}`);
}
