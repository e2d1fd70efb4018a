import type { KafkaConfig } from '../../../shared/plugin-schemas/kafka-fields.ts';
import type { Field, FieldFault } from '../../../shared/schema/field.ts';
import { resolveReferences } from '../../../shared/vault.ts';
import type { PluginDeps } from '../plugin.ts';
import { producerOptions } from './producer-options.ts';

export type ResolvedConfig<C> =
  | { readonly kind: 'resolved'; readonly config: C }
  /** Paths are relative to the plugin entity. */
  | { readonly kind: 'faults'; readonly faults: readonly FieldFault[] };

/** A configuration with its references resolved, unless it asks for what this node lacks: all of that at once. */
export function resolveConfig<C extends KafkaConfig>(schema: Field<C>, stored: C, deps: PluginDeps): ResolvedConfig<C> {
  const { value: config, faults } = resolveReferences(schema, stored, deps.env);
  const unsupported = deps.unsupportedSettings?.(producerOptions(config).cluster) ?? [];
  const all = [
    ...faults,
    ...unsupported.map(({ field, reason }) => ({ path: field.split('.'), message: `not supported here: ${reason}` })),
  ];
  if (all.length === 0) return { kind: 'resolved', config };
  return { kind: 'faults', faults: all.map(({ path, message }) => ({ path: ['config', ...path], message })) };
}
