import { checkRecord, type AutoValues, type CheckedRecord } from '../schema/check.ts';
import { movedFieldWarnings, takeMovedFields, type MovedField } from '../schema/moved-fields.ts';
import { isRecord } from '../schema/is-record.ts';
import { element, foreign, set, string, type Field, type FieldFault, type Fields } from '../schema/field.ts';
import type { PluginSchema, PluginSchemas } from '../plugin-schemas/plugin-schema.ts';
import type { EntityDescriptor } from './entity.ts';
import { pluginEntity } from './plugin.ts';

export interface CheckEntityOptions {
  readonly entity: EntityDescriptor;
  readonly plugins: PluginSchemas;
  /** A body, or an entity as it travels. */
  readonly input: unknown;
  /** Given where an entity is written; left out where a stored one is checked again. */
  readonly auto?: AutoValues;
}

/**
 * Checks an entity, a plugin with its own schema, and fills its defaults. Pure: both planes run it. References are
 * checked for their form only.
 */
export function checkEntity({ entity, plugins, input, auto }: CheckEntityOptions): CheckedRecord {
  if (!isRecord(input)) return { kind: 'faults', faults: [{ path: [], message: 'expected a record' }] };
  const { body, faults } = entity.expand?.(input, auto) ?? { body: input, faults: [] };
  const checked = checkBody(entity, plugins, body, auto);
  if (faults.length === 0) return checked;
  // A shorthand at fault leaves its fields out: only what the client wrote is reported.
  const others =
    checked.kind === 'faults'
      ? checked.faults.filter(({ message }) => !message.startsWith('required field missing'))
      : [];
  return { kind: 'faults', faults: [...faults, ...others] };
}

function checkBody(
  entity: EntityDescriptor,
  plugins: PluginSchemas,
  body: Readonly<Record<string, unknown>>,
  auto: AutoValues | undefined,
): CheckedRecord {
  const descriptor = effectiveDescriptor(entity, plugins, body);
  if (entity.plural !== pluginEntity.plural) return checkRecord(descriptor, body, auto);
  if (descriptor !== entity) return checkKnownPlugin(descriptor, plugins, body, auto);
  // The config of an unknown plugin cannot be checked.
  const { name, config: _config, ...rest } = body;
  const checked = checkRecord(entity, { ...rest, name }, auto);
  if (typeof name !== 'string' || name === '') return checked;
  const unknown: FieldFault = {
    path: ['name'],
    message: `plugin '${name}' not enabled; this version has: ${Object.keys(plugins).sort().join(', ')}`,
  };
  return { kind: 'faults', faults: [unknown, ...(checked.kind === 'faults' ? checked.faults : [])] };
}

function checkKnownPlugin(
  descriptor: EntityDescriptor,
  plugins: PluginSchemas,
  body: Readonly<Record<string, unknown>>,
  auto: AutoValues | undefined,
): CheckedRecord {
  const moved = movedFieldsOf(plugins, body);
  const { config } = body;
  if (moved.length === 0 || !isRecord(config)) return checkRecord(descriptor, body, auto);
  const taken = takeMovedFields(moved, config);
  const checked = checkRecord(descriptor, { ...body, config: taken.config }, auto);
  if (taken.faults.length === 0) return checked;
  const faults = taken.faults.map(({ path, message }) => ({ path: ['config', ...path], message }));
  return { kind: 'faults', faults: [...faults, ...(checked.kind === 'faults' ? checked.faults : [])] };
}

/** Returns the fields that have moved within the config of this plugin; none of other entities. */
function movedFieldsOf(plugins: PluginSchemas, { name }: Readonly<Record<string, unknown>>): readonly MovedField[] {
  return (typeof name === 'string' && Object.hasOwn(plugins, name) ? plugins[name]?.moved : undefined) ?? [];
}

/** Says what a client should write differently, though it was taken: fields in places that are deprecated. */
export function deprecationsOf(
  entity: EntityDescriptor,
  plugins: PluginSchemas,
  body: Readonly<Record<string, unknown>>,
): string[] {
  const { config } = body;
  if (entity.plural !== pluginEntity.plural || !isRecord(config)) return [];
  return movedFieldWarnings(movedFieldsOf(plugins, body), config);
}

/** Returns the descriptor for one entity: for a plugin whose name is known, the one with that plugin's own fields. */
export function effectiveDescriptor(
  entity: EntityDescriptor,
  plugins: PluginSchemas,
  body: Readonly<Record<string, unknown>>,
): EntityDescriptor {
  const { name } = body;
  if (entity.plural !== pluginEntity.plural || typeof name !== 'string' || !Object.hasOwn(plugins, name)) return entity;
  const schema = plugins[name];
  return schema === undefined ? entity : pluginDescriptor(schema);
}

const descriptors = new WeakMap<PluginSchema, EntityDescriptor>();

/** Returns the plugin entity with the config, the protocols and the scopes of one plugin. */
export function pluginDescriptor(schema: PluginSchema): EntityDescriptor {
  const known = descriptors.get(schema);
  if (known !== undefined) return known;
  const descriptor = { ...pluginEntity, fields: { ...pluginEntity.fields, ...pluginParts(schema) } };
  descriptors.set(schema, descriptor);
  return descriptor;
}

/** Returns the fields that a plugin's own schema decides, in the order in which Kong publishes them. */
export function pluginParts(schema: PluginSchema): Fields {
  const scope = (name: 'route' | 'service' | 'consumer', reference: string): Field =>
    foreign(reference, { onDelete: 'cascade', ...(schema.scopes.includes(name) ? {} : { eq: null }) });
  return {
    consumer: scope('consumer', 'consumers'),
    service: scope('service', 'services'),
    route: scope('route', 'routes'),
    protocols: set(string({ ...element, oneOf: schema.protocols }), { required: true, default: schema.protocols }),
    config: schema.config,
  };
}
