import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { secretFields } from '../../shared/entities/secret-fields.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { isRecord } from '../../shared/schema/is-record.ts';
import { maskedText } from '../../shared/schema/mask.ts';
import { descend, mapRecord, pathOf } from '../../shared/schema/walk.ts';
import type { SnapshotEntity } from '../../shared/snapshot.ts';
import type { AuditEntry } from '../store/audit-text.ts';
import type { EntityWrites } from '../store/entity-access.ts';
import { AdminError, plainError } from './admin-error.ts';
import { replaceEntity, saveEntity, type Values } from './entity-checks.ts';
import { withNames } from './names-list.ts';

/** Secrets that the body of a revert gives: dotted path → secret, by the id of the entity. */
export type GivenSecrets = ReadonlyMap<string, Values>;

export interface RevertDeps {
  readonly writes: EntityWrites;
  readonly entities: readonly EntityDescriptor[];
  readonly plugins: PluginSchemas;
}

/** A secret that no one but the caller can give. */
interface MissingSecret {
  readonly entity: string;
  readonly entity_id: string;
  readonly entity_name: string;
  readonly field: string;
}

/**
 * Undoes the changes of one revision, in the caller's transaction: entities become what they were before it. Parents are
 * written before the children that refer to them, and removed after them. Throws AdminError.
 */
export function revertChanges(deps: RevertDeps, changes: readonly AuditEntry[], secrets: GivenSecrets): void {
  const rank = new Map(deps.entities.map(({ plural }, index) => [plural, index] as const));
  const ordered = changes.toSorted((a, b) => (rank.get(a.entity) ?? 0) - (rank.get(b.entity) ?? 0) || b.id - a.id);
  const missing: MissingSecret[] = [];
  const restored = ordered.flatMap((change) => {
    if (change.operation === 'create') return [];
    const { value, lacking } = formerValue(deps, change, secrets.get(change.entity_id) ?? {});
    missing.push(...lacking);
    return [{ change, value }];
  });
  if (missing.length > 0) throw secretsMissing(missing);
  for (const { change, value } of restored) restore(deps, change, value);
  for (const { operation, entity, entity_id: id } of ordered.toReversed()) {
    if (operation === 'create') deps.writes.delete(entity, id);
  }
}

function restore({ writes, entities, plugins }: RevertDeps, change: AuditEntry, input: Values): void {
  const entity = descriptorOf(entities, change);
  const current = writes.get(entity.plural, change.entity_id);
  const put = replaceEntity(writes, entity, current);
  const store = current === undefined ? (value: SnapshotEntity) => writes.insert(entity.plural, value) : put;
  // The stored form may hold fields that clients do not write, so none of it counts as given by a client.
  saveEntity({ writes, plugins, entity }, { input, given: {} }, store);
}

/** Returns the entity as it was before the change, and the secrets that are not known any more. */
function formerValue(
  { writes, entities, plugins }: RevertDeps,
  change: AuditEntry,
  given: Values,
): { readonly value: Values; readonly lacking: readonly MissingSecret[] } {
  const { old, entity_id: id, entity_name: name } = change;
  if (!isRecord(old)) {
    throw plainError(409, `The ${change.entity} '${name}' (${id}) was too large for the audit log to keep`);
  }
  const entity = descriptorOf(entities, change);
  const current = writes.get(entity.plural, id);
  const lacking: MissingSecret[] = [];
  const value = mapRecord(secretFields(entity, plugins, old), old, (field, inner, place) => {
    if (field.encrypted !== true || inner !== maskedText) return descend;
    const path = pathOf(place);
    const dotted = path.join('.');
    if (Object.hasOwn(given, dotted)) return given[dotted];
    const present = isTouched(change, dotted) ? undefined : at(current, path);
    if (present === undefined || present === null) {
      lacking.push({ entity: entity.plural, entity_id: id, entity_name: name, field: dotted });
    }
    return present ?? inner;
  });
  return { value, lacking };
}

/** Tells whether the change may have changed the secret: then its former value is not known. */
function isTouched({ operation, changed }: AuditEntry, path: string): boolean {
  if (operation === 'delete' || changed.length >= changedMax) return true;
  return changed.some((prefix) => path === prefix || path.startsWith(`${prefix}.`));
}

/** Paths that an entry of the audit log lists at most. */
const changedMax = 100;

function at(value: unknown, path: readonly (string | number)[]): unknown {
  let inner = value;
  for (const part of path) {
    if (Array.isArray(inner)) inner = inner[Number(part)];
    else inner = isRecord(inner) && Object.hasOwn(inner, part) ? inner[part] : undefined;
  }
  return inner;
}

function descriptorOf(entities: readonly EntityDescriptor[], { entity }: AuditEntry): EntityDescriptor {
  const found = entities.find(({ plural }) => plural === entity);
  if (found === undefined) throw plainError(409, `This version does not know the kind '${entity}'`);
  return found;
}

function secretsMissing(missing: readonly MissingSecret[]): AdminError {
  const names = missing.map(({ entity_id: id, field }) => `${field} of ${id}`).join(', ');
  return new AdminError(409, {
    message: `The audit log keeps no secrets: give them in 'secrets' of the body (${names})`,
    missing,
  });
}

/** Returns the entity that a change is about as clients see it; undefined when it is gone. */
export function presentEntity(
  { writes, entities }: Pick<RevertDeps, 'writes' | 'entities'>,
  change: AuditEntry,
): SnapshotEntity | undefined {
  const entity = descriptorOf(entities, change);
  const current = writes.get(entity.plural, change.entity_id);
  return current && withNames(writes, entity, current);
}
