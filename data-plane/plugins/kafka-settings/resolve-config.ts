import type { KafkaConfig } from '../../../shared/plugin-schemas/kafka-fields.ts';
import type { Field, FieldFault } from '../../../shared/schema/field.ts';
import { resolveReferences } from '../../../shared/vault.ts';
import type { ProducerOptions } from '../../kafka/producer-types.ts';
import type { PluginDeps } from '../../plugin-api/plugin-definition.ts';
import { ownClusterName, producerOptions, tlsOf } from './producer-options.ts';

export type ResolvedConfig<C> =
  | { readonly kind: 'resolved'; readonly config: C; readonly producer: ProducerOptions }
  /** Paths are relative to the plugin entity. */
  | { readonly kind: 'faults'; readonly faults: readonly FieldFault[] };

/**
 * A configuration with its references resolved, and the producer that it asks for, unless it asks for what this node
 * lacks: all of that at once.
 */
export function resolveConfig<C extends KafkaConfig & { readonly topic: string }>(
  schema: Field<C>,
  stored: C,
  deps: PluginDeps,
): ResolvedConfig<C> {
  const { value: config, faults } = resolveReferences(schema, stored, deps.env);
  const tls = tlsOf(config.security, deps.certificates);
  const label = (): string => deps.clusterName?.() ?? ownClusterName(config);
  const producer = producerOptions(config, tls.tls, label);
  const unsupported = deps.unsupportedSettings?.(producer.cluster) ?? [];
  const all = [
    ...faults,
    ...tls.faults,
    ...unsupported.map(({ field, reason }) => ({ path: field.split('.'), message: `not supported here: ${reason}` })),
  ];
  if (all.length === 0) return { kind: 'resolved', config, producer };
  return { kind: 'faults', faults: all.map(({ path, message }) => ({ path: ['config', ...path], message })) };
}
