import { isDeepStrictEqual } from 'node:util';
import { autoValues } from '../../shared/auto-values.ts';
import { checkEntity } from '../../shared/entities/check-entity.ts';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import type { FieldFault } from '../../shared/schema/field.ts';
import type { SnapshotEntity } from '../../shared/snapshot.ts';
import type { EntityWrites } from '../store/entity-access.ts';
import { schemaViolation } from './admin-error.ts';
import { putNames, splitNames, takenNames, withNames } from './names-list.ts';

export type Values = Readonly<Record<string, unknown>>;

/** A body on its way into the store. */
export interface EntityInput {
  /** The entity to be stored, before its defaults are filled. */
  readonly input: Values;
  /** The part of it that the client wrote. */
  readonly given: Values;
}

/** Returns the entity as it would be stored. References are not looked up. Throws AdminError with all faults. */
export function checkedBody(
  plugins: PluginSchemas,
  entity: EntityDescriptor,
  { input, given }: EntityInput,
): { readonly value: SnapshotEntity; readonly names: readonly string[] | undefined } {
  const { body, names, faults } = splitNames(entity, input);
  return { value: checkedEntity(plugins, entity, body, [...faults, ...internalFields(entity, given)]), names };
}

/** Checks and stores an entity together with the list of names that its body may hold. Throws AdminError. */
export function saveEntity(
  { writes, plugins, entity }: { writes: EntityWrites; plugins: PluginSchemas; entity: EntityDescriptor },
  body: EntityInput,
  store: (value: SnapshotEntity) => SnapshotEntity,
): SnapshotEntity {
  const { value, names } = checkedBody(plugins, entity, body);
  const { names: list } = entity;
  if (list === undefined || names === undefined) return withNames(writes, entity, store(value));
  const taken = takenNames(writes, list, value.id, names);
  if (taken.length > 0) throw schemaViolation(taken);
  const stored = store(value);
  putNames(writes, list, stored, names, (child) => checkedEntity(plugins, list.child, child, []));
  return withNames(writes, entity, stored);
}

/** Replaces an entity. One that would get no more than another time of change stays as it is, and so does the revision. */
export function replaceEntity(
  writes: EntityWrites,
  entity: EntityDescriptor,
  current: SnapshotEntity | undefined,
): (value: SnapshotEntity) => SnapshotEntity {
  return (value) => {
    const same =
      current !== undefined && isDeepStrictEqual({ ...value, updated_at: null }, { ...current, updated_at: null });
    return same ? current : writes.put(entity.plural, value);
  };
}

function checkedEntity(
  plugins: PluginSchemas,
  entity: EntityDescriptor,
  input: Values,
  otherFaults: readonly FieldFault[],
): SnapshotEntity {
  const result = checkEntity({ entity, plugins, input, auto: autoValues });
  const faults = [...(result.kind === 'faults' ? result.faults : []), ...otherFaults];
  if (result.kind === 'faults' || faults.length > 0) throw schemaViolation(faults);
  const { id } = result.value;
  if (typeof id !== 'string') throw new Error(`A checked ${entity.name} has no id`);
  const time = Object.hasOwn(entity.fields, 'updated_at') ? { updated_at: autoValues.now() } : {};
  return { ...result.value, id, ...time };
}

/** Refuses fields that clients do not see. Documents may hold them, since exports do. */
function internalFields({ fields }: EntityDescriptor, given: Values): FieldFault[] {
  return Object.keys(given).flatMap((name) =>
    Object.hasOwn(fields, name) && fields[name]?.internal === true ? [{ path: [name], message: 'unknown field' }] : [],
  );
}
