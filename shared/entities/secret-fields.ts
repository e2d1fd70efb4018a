import type { PluginSchemas } from '../plugin-schemas/plugin-schema.ts';
import type { Fields } from '../schema/field.ts';
import { maskSecrets } from '../schema/mask.ts';
import { effectiveDescriptor } from './check-entity.ts';
import type { EntityDescriptor } from './entity.ts';
import { pluginEntity } from './plugin.ts';

/**
 * The fields of an entity, of which those marked `encrypted` are its secrets. Nobody knows what is secret in the config
 * of a plugin that this version lacks: all of it.
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

/** A copy for readers who may not see secrets. */
export function maskEntity(
  entity: EntityDescriptor,
  plugins: PluginSchemas,
  value: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return maskSecrets(secretFields(entity, plugins, value), value);
}
