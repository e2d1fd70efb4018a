import { randomBytes, randomUUID } from 'node:crypto';
import { checkEntity, effectiveDescriptor } from '../../shared/entities/check-entity.ts';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { isUuid } from '../../shared/schema/check-scalar.ts';
import type { AutoValues } from '../../shared/schema/check.ts';
import { mergePatch } from '../../shared/schema/merge.ts';
import type { SnapshotEntity } from '../../shared/snapshot.ts';
import type { EntityReads, EntityStore, EntityWrites } from '../store/entity-store.ts';
import { StoreViolation } from '../store/store-errors.ts';
import { entityNotFound, schemaViolation, violationError } from './admin-error.ts';

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

export const autoValues: AutoValues = {
  uuid: () => randomUUID(),
  token: () => randomBytes(16).toString('hex'),
  now: () => Math.floor(Date.now() / 1000),
};

/** The entity that a path's segment names: what looks like a UUID is an id first. */
export function lookUp(reads: EntityReads, entity: EntityDescriptor, segment: string): SnapshotEntity | undefined {
  const byId = isUuid(segment) ? reads.get(entity.plural, segment.toLowerCase()) : undefined;
  return byId ?? reads.find(entity.plural, segment);
}

export function entityOperations({ store, plugins }: { store: EntityStore; plugins: PluginSchemas }): EntityOperations {
  function checked(entity: EntityDescriptor, input: Values): SnapshotEntity {
    const result = checkEntity({ entity, plugins, input, auto: autoValues });
    if (result.kind === 'faults') throw schemaViolation(result.faults);
    const { id } = result.value;
    if (typeof id !== 'string') throw new Error(`A checked ${entity.name} has no id`);
    return { ...result.value, id, updated_at: autoValues.now() };
  }

  function write(work: (writes: EntityWrites) => SnapshotEntity): Written {
    return translated(() => store.write(work));
  }

  /** The named entity, if it is there and belongs to the parent of the path. */
  function find(reads: EntityReads, { entity, segment, parent }: Target): SnapshotEntity | undefined {
    const found = lookUp(reads, entity, segment);
    if (found === undefined || parent === undefined) return found;
    return referenceId(found[parent.field]) === parent.id ? found : undefined;
  }

  return {
    read(target) {
      const found = find(store, target);
      if (found === undefined) throw entityNotFound();
      return found;
    },
    create(entity, body, parent) {
      const value = checked(entity, { ...body(), ...fixed(parent) });
      return write((writes) => writes.insert(entity.plural, value));
    },
    put(target, body) {
      const { entity, segment, parent } = target;
      return write((writes) => {
        const current = lookUp(writes, entity, segment);
        target.precondition?.(current);
        const input = { ...body(), ...fixed(parent) };
        return writes.put(entity.plural, checked(entity, { ...input, ...identity(entity, segment, current, input) }));
      });
    },
    patch(target, body) {
      const { entity, parent } = target;
      return write((writes) => {
        const current = find(writes, target);
        target.precondition?.(current);
        if (current === undefined) throw entityNotFound();
        const patch = { ...body(current), ...fixed(parent), id: current.id };
        const { fields } = effectiveDescriptor(entity, plugins, { ...current, ...patch });
        return writes.put(entity.plural, checked(entity, mergePatch(fields, current, patch)));
      });
    },
    remove(target) {
      return translated(() =>
        store.write((writes) => {
          const current = find(writes, target);
          target.precondition?.(current);
          if (current !== undefined) writes.delete(target.entity.plural, current.id);
        }),
      ).revision;
    },
    validate: checked,
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
  if (current !== undefined) return { id: current.id, [entity.key]: segment, ...age };
  return isUuid(segment) ? { id: segment, ...age } : { [entity.key]: segment, ...age };
}

function fixed(parent: ParentReference | undefined): Values {
  return parent === undefined ? {} : { [parent.field]: { id: parent.id } };
}

/** The id in a reference such as `{ id }`; undefined for null. */
export function referenceId(reference: unknown): string | undefined {
  return typeof reference === 'object' && reference !== null && 'id' in reference && typeof reference.id === 'string'
    ? reference.id
    : undefined;
}
