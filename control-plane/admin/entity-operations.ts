import { isDeepStrictEqual } from 'node:util';
import { checkEntity, effectiveDescriptor } from '../../shared/entities/check-entity.ts';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { isUuid } from '../../shared/uuid.ts';
import type { FieldFault } from '../../shared/schema/field.ts';
import { autoValues } from '../../shared/auto-values.ts';
import { mergePatch } from '../../shared/schema/merge.ts';
import { referencedId, type SnapshotEntity } from '../../shared/snapshot.ts';
import type { EntityReads, EntityWrites } from '../store/entity-access.ts';
import type { EntityStore } from '../store/entity-store.ts';
import { StoreViolation } from '../store/store-errors.ts';
import { entityNotFound, schemaViolation, violationError } from './admin-error.ts';
import { ownerId, putNames, splitNames, takenNames, withNames } from './names-list.ts';

type Values = Readonly<Record<string, unknown>>;

/** A reference that the path of a request fixes: routes of a service have `{ field: 'service', id }`. */
export interface ParentReference {
  readonly field: string;
  readonly id: string;
}

export interface Target {
  readonly entity: EntityDescriptor;
  /** An id or a key, as the path has it. */
  readonly segment: string;
  readonly parent?: ParentReference;
  /** Called with the entity as it stands, before it is changed; throws to refuse. */
  readonly precondition?: (current: SnapshotEntity | undefined) => void;
}

export interface Written {
  readonly value: SnapshotEntity;
  readonly revision: number;
}

/** Reads and writes of single entities. Everything throws AdminError. */
export interface EntityOperations {
  read(target: Target): SnapshotEntity;
  create(entity: EntityDescriptor, body: (current?: Values) => Values, parent?: ParentReference): Written;
  put(target: Target, body: (current?: Values) => Values): Written;
  patch(target: Target, body: (current?: Values) => Values): Written;
  /** The revision after it, whether or not there was something to delete. */
  remove(target: Target): number;
  /** As it would be stored; references are not looked up. */
  validate(entity: EntityDescriptor, body: Values): Values;
}

/** The entity that a path's segment names: what looks like a UUID is an id first. */
export function lookUp(
  reads: EntityReads,
  entity: EntityDescriptor,
  segment: string,
  parent?: ParentReference,
): SnapshotEntity | undefined {
  const byId = isUuid(segment) ? reads.get(entity.plural, segment.toLowerCase()) : undefined;
  return byId ?? byKey(reads, entity, segment, parent);
}

function byKey(
  reads: EntityReads,
  { plural, key, keyWithin, normalizeKey, names }: EntityDescriptor,
  segment: string,
  parent: ParentReference | undefined,
): SnapshotEntity | undefined {
  if (names !== undefined) {
    const id = ownerId(names, reads.find(names.child.plural, segment));
    return id === undefined ? undefined : reads.get(plural, id);
  }
  const value = normalizeKey?.(segment) ?? segment;
  if (keyWithin === undefined) return reads.find(plural, value);
  // Without the parent the key may be that of several.
  return parent?.field === keyWithin ? reads.findTogether(plural, { [key]: value, [keyWithin]: parent.id }) : undefined;
}

export function entityOperations({ store, plugins }: { store: EntityStore; plugins: PluginSchemas }): EntityOperations {
  function checked(entity: EntityDescriptor, input: Values, nameFaults: readonly FieldFault[] = []): SnapshotEntity {
    const result = checkEntity({ entity, plugins, input, auto: autoValues });
    const faults = [...(result.kind === 'faults' ? result.faults : []), ...nameFaults];
    if (result.kind === 'faults' || faults.length > 0) throw schemaViolation(faults);
    const { id } = result.value;
    if (typeof id !== 'string') throw new Error(`A checked ${entity.name} has no id`);
    const time = Object.hasOwn(entity.fields, 'updated_at') ? { updated_at: autoValues.now() } : {};
    return { ...result.value, id, ...time };
  }

  function write(work: (writes: EntityWrites) => SnapshotEntity): Written {
    return translated(() => store.write(work));
  }

  /** Checks and stores an entity with the list of names that its body may hold; `given` is what the client wrote. */
  function save(
    writes: EntityWrites,
    entity: EntityDescriptor,
    { input, given }: { readonly input: Values; readonly given: Values },
    store: (value: SnapshotEntity) => SnapshotEntity,
  ): SnapshotEntity {
    const { body, names, faults } = splitNames(entity, input);
    const value = checked(entity, body, [...faults, ...internalFields(entity, given)]);
    const { names: list } = entity;
    if (list === undefined || names === undefined) return withNames(writes, entity, store(value));
    const taken = takenNames(writes, list, value.id, names);
    if (taken.length > 0) throw schemaViolation(taken);
    const stored = store(value);
    putNames(writes, list, stored, names, (child) => checked(list.child, child));
    return withNames(writes, entity, stored);
  }

  /** Replaces an entity; one that would only get another time of change stays as it is, and so does the revision. */
  function replace(writes: EntityWrites, entity: EntityDescriptor, current: SnapshotEntity | undefined) {
    return (value: SnapshotEntity): SnapshotEntity => {
      const same =
        current !== undefined && isDeepStrictEqual({ ...value, updated_at: null }, { ...current, updated_at: null });
      return same ? current : writes.put(entity.plural, value);
    };
  }

  /** The named entity, if it is there and belongs to the parent of the path. */
  function find(reads: EntityReads, { entity, segment, parent }: Target): SnapshotEntity | undefined {
    const found = lookUp(reads, entity, segment, parent);
    if (found === undefined || parent === undefined) return found;
    return referencedId(found[parent.field]) === parent.id ? found : undefined;
  }

  /** Refuses a write when the entity is not the one that the client has seen. */
  function demand(reads: EntityReads, { entity, precondition }: Target, current: SnapshotEntity | undefined): void {
    precondition?.(current === undefined ? undefined : withNames(reads, entity, current));
  }

  return {
    read(target) {
      const found = find(store, target);
      if (found === undefined) throw entityNotFound();
      return withNames(store, target.entity, found);
    },
    create(entity, body, parent) {
      return write((writes) => {
        const given = body();
        const input = { ...given, ...fixed(parent) };
        return save(writes, entity, { input, given }, (value) => writes.insert(entity.plural, value));
      });
    },
    put(target, body) {
      const { entity, segment, parent } = target;
      return write((writes) => {
        const current = lookUp(writes, entity, segment, parent);
        demand(writes, target, current);
        const given = body();
        const whole = { ...absentNames(entity), ...given, ...fixed(parent) };
        const input = { ...whole, ...identity(entity, segment, current, whole) };
        return save(writes, entity, { input, given }, replace(writes, entity, current));
      });
    },
    patch(target, body) {
      const { entity, parent } = target;
      return write((writes) => {
        const current = find(writes, target);
        demand(writes, target, current);
        if (current === undefined) throw entityNotFound();
        const given = body(current);
        const patch = { ...given, ...fixed(parent), id: current.id };
        const { fields } = effectiveDescriptor(entity, plugins, { ...current, ...patch });
        const input = mergePatch(fields, current, patch);
        return save(writes, entity, { input, given }, replace(writes, entity, current));
      });
    },
    remove(target) {
      return translated(() =>
        store.write((writes) => {
          const current = find(writes, target);
          demand(writes, target, current);
          if (current !== undefined) writes.delete(target.entity.plural, current.id);
        }),
      ).revision;
    },
    validate(entity, input) {
      const { body, faults } = splitNames(entity, input);
      return checked(entity, body, [...faults, ...internalFields(entity, input)]);
    },
  };
}

function translated<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof StoreViolation ? violationError(error) : error;
  }
}

/** What the path of a PUT says, whatever the body says; an entity that is there keeps its id and its age. */
function identity(
  entity: EntityDescriptor,
  segment: string,
  current: SnapshotEntity | undefined,
  input: Values,
): Values {
  const createdAt = input['created_at'] ?? current?.['created_at'];
  const age = createdAt === undefined ? {} : { created_at: createdAt };
  if (current?.id === segment.toLowerCase()) return { id: current.id, ...age };
  const id = current === undefined ? {} : { id: current.id };
  if (current === undefined && isUuid(segment)) return { id: segment, ...age };
  if (entity.names === undefined) return { ...id, [entity.key]: segment, ...age };
  const { field } = entity.names;
  const given: unknown = input[field];
  // What is no list is left for the check.
  const names = Array.isArray(given) ? [...new Set<unknown>([...given, segment])] : (given ?? [segment]);
  return { ...id, [field]: names, ...age };
}

/** Fields that no client knows; documents may hold them, since exports do. */
function internalFields({ fields }: EntityDescriptor, given: Values): FieldFault[] {
  return Object.keys(given).flatMap((name) =>
    Object.hasOwn(fields, name) && fields[name]?.internal === true ? [{ path: [name], message: 'unknown field' }] : [],
  );
}

/** PUT replaces: what is absent is empty. */
function absentNames({ names }: EntityDescriptor): Values {
  return names === undefined ? {} : { [names.field]: [] };
}

function fixed(parent: ParentReference | undefined): Values {
  return parent === undefined ? {} : { [parent.field]: { id: parent.id } };
}
