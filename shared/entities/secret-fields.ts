import type { PluginSchemas } from '../plugin-schemas/plugin-schema.ts';
import type { Fields } from '../schema/field.ts';
import { maskSecrets, type Mask } from '../schema/mask.ts';
import { effectiveDescriptor } from './check-entity.ts';
import type { EntityDescriptor } from './entity.ts';
import { pluginEntity } from './plugin.ts';

/**
 * Returns the fields of an entity; those marked `encrypted` are its secrets. The whole config of a plugin that this
 * version lacks counts as secret, because nothing says which of its fields are.
 */
export function secretFields(
  entity: EntityDescriptor,
  plugins: PluginSchemas,
  value: Readonly<Record<string, unknown>>,
): Fields {
  const descriptor = effectiveDescriptor(entity, plugins, value);
  const isUnknownPlugin = entity.plural === pluginEntity.plural && descriptor === entity;
  return isUnknownPlugin ? { ...entity.fields, config: { type: 'any', encrypted: true } } : descriptor.fields;
}

/** Returns the entity as readers see it who may not see secrets. */
export function maskEntity(
  entity: EntityDescriptor,
  plugins: PluginSchemas,
  value: Readonly<Record<string, unknown>>,
  mask: Mask,
): Readonly<Record<string, unknown>> {
  return maskSecrets(secretFields(entity, plugins, value), value, mask);
}
