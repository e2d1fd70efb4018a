import { effectiveDescriptor } from '../../shared/entities/check-entity.ts';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { mergePatch } from '../../shared/schema/merge.ts';
import type { SnapshotEntity } from '../../shared/snapshot.ts';
import { isUuid } from '../../shared/uuid.ts';
import type { EntityReads, EntityWrites } from '../store/entity-access.ts';
import type { EntityStore } from '../store/entity-store.ts';
import { StoreViolation } from '../store/store-errors.ts';
import { entityNotFound, violationError } from './admin-error.ts';
import { checkedBody, replaceEntity, saveEntity, type Values } from './entity-checks.ts';
import { lookUp, lookUpWithin, type NamedEntity, type ParentReference } from './entity-lookup.ts';
import { withNames } from './names-list.ts';

export interface Target extends NamedEntity {
  /** Called with the entity as it stands, before it is changed; throws to refuse. */
  readonly precondition?: (current: SnapshotEntity | undefined) => void;
}

/** Returns the body of a request; forms are typed by the entity that they change. */
export type BodyOf = (current?: Values) => Values;

export interface Written {
  readonly value: SnapshotEntity;
  readonly revision: number;
}

/** Reads and writes of single entities. Everything throws AdminError. */
export interface EntityOperations {
  read(target: Target): SnapshotEntity;
  create(entity: EntityDescriptor, body: BodyOf, parent?: ParentReference): Written;
  put(target: Target, body: BodyOf): Written;
  patch(target: Target, body: BodyOf): Written;
  /** Returns the revision after it, whether or not there was something to delete. */
  remove(target: Target): number;
  /** Returns the entity as it would be stored; references are not looked up. */
  validate(entity: EntityDescriptor, body: Values): Values;
}

interface Deps {
  readonly store: EntityStore;
  readonly plugins: PluginSchemas;
}

/** Returns the operations over a store. */
export function entityOperations(deps: Deps): EntityOperations {
  const { store, plugins } = deps;
  const write = <T>(work: (writes: EntityWrites) => T) => translated(() => store.write(work));
  return {
    read(target) {
      const found = lookUpWithin(store, target);
      if (found === undefined) throw entityNotFound();
      return withNames(store, target.entity, found);
    },
    create: (entity, body, parent) =>
      write((writes) => {
        const given = body();
        const input = { ...given, ...fixed(parent) };
        return saveEntity({ writes, plugins, entity }, { input, given }, (value) =>
          writes.insert(entity.plural, value),
        );
      }),
    put: (target, body) => write((writes) => put(writes, plugins, target, body)),
    patch: (target, body) => write((writes) => patch(writes, plugins, target, body)),
    remove: (target) =>
      write((writes) => {
        const current = lookUpWithin(writes, target);
        demand(writes, target, current);
        if (current !== undefined) writes.delete(target.entity.plural, current.id);
      }).revision,
    validate: (entity, input) => checkedBody(plugins, entity, { input, given: input }).value,
  };
}

function put(writes: EntityWrites, plugins: PluginSchemas, target: Target, body: BodyOf): SnapshotEntity {
  const { entity, segment, parent } = target;
  const current = lookUp(writes, target);
  demand(writes, target, current);
  const given = body();
  const whole = { ...absentNames(entity), ...given, ...fixed(parent) };
  const input = { ...whole, ...identity(entity, segment, current, whole) };
  return saveEntity({ writes, plugins, entity }, { input, given }, replaceEntity(writes, entity, current));
}

function patch(writes: EntityWrites, plugins: PluginSchemas, target: Target, body: BodyOf): SnapshotEntity {
  const { entity, parent } = target;
  const current = lookUpWithin(writes, target);
  demand(writes, target, current);
  if (current === undefined) throw entityNotFound();
  const given = body(current);
  const changes = { ...given, ...fixed(parent), id: current.id };
  const { fields } = effectiveDescriptor(entity, plugins, { ...current, ...changes });
  const input = mergePatch(fields, current, changes);
  return saveEntity({ writes, plugins, entity }, { input, given }, replaceEntity(writes, entity, current));
}

/** Refuses a write when the entity is not the one that the client has seen. */
function demand(reads: EntityReads, { entity, precondition }: Target, current: SnapshotEntity | undefined): void {
  precondition?.(current === undefined ? undefined : withNames(reads, entity, current));
}

function translated<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof StoreViolation ? violationError(error) : error;
  }
}

/**
 * Returns the fields that the path of a PUT fixes, whatever the body says. An entity that exists keeps its id and its
 * time of creation.
 */
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
  // The check of the field reports what is no list.
  const names = Array.isArray(given) ? [...new Set<unknown>([...given, segment])] : (given ?? [segment]);
  return { ...id, [field]: names, ...age };
}

/** Returns the empty list of names: PUT replaces, and what its body leaves out is empty. */
function absentNames({ names }: EntityDescriptor): Values {
  return names === undefined ? {} : { [names.field]: [] };
}

function fixed(parent: ParentReference | undefined): Values {
  return parent === undefined ? {} : { [parent.field]: { id: parent.id } };
}
