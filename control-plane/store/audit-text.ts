import { isDeepStrictEqual } from 'node:util';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { maskEntity } from '../../shared/entities/secret-fields.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { uniformMask } from '../../shared/schema/mask.ts';
import { isRecord } from '../../shared/schema/is-record.ts';
import { nameOf, type SnapshotEntity } from '../../shared/snapshot.ts';
import { currentActor } from './actor.ts';

/** One change of one entity, as `GET /audit/objects` answers it. Secrets are masked before it is stored. */
export interface AuditEntry {
  /** Grows with each change. */
  readonly id: number;
  /** Seconds since 1970, with a fraction. */
  readonly at: number;
  /** The name of the token, `anonymous` where no token is needed, or `sluice` for its own changes. */
  readonly actor: string;
  /** `try`: a sample request that was run on a node; it changes nothing. */
  readonly operation: 'create' | 'update' | 'delete' | 'try';
  /** The plural name of the entity. */
  readonly entity: string;
  readonly entity_id: string;
  readonly entity_name: string;
  /** The revision of the configuration after the change; 0 for what changes none. */
  readonly revision: number;
  /** Paths of the fields that differ, secret fields included. */
  readonly changed: readonly string[];
  /** Null where there is none, and where it is larger than `entityBytesMax`. */
  readonly old: object | null;
  readonly new: object | null;
}

/** A change as the store makes it. */
export interface AuditedChange {
  readonly entity: EntityDescriptor;
  readonly before: SnapshotEntity | undefined;
  readonly after: SnapshotEntity | undefined;
  readonly revision: number;
}

/** Something that was done and changed no entity. */
export interface AuditedAct {
  readonly operation: 'try';
  readonly entity: string;
  readonly entityId: string;
  /** What was done, without secrets. */
  readonly about: object;
}

export interface AuditLimits {
  readonly entriesMax: number;
  readonly ageMsMax: number;
  /** The largest JSON of an entity that is kept, before and after the change each. */
  readonly entityBytesMax: number;
}

/** Paths that an entry lists of one change. */
const changedMax = 100;

/** Returns the JSON of an entry without its opening brace and the revision; undefined when nothing changed. */
export function auditText(
  { entity, before, after }: Omit<AuditedChange, 'revision'>,
  { plugins, limits }: { readonly plugins: PluginSchemas; readonly limits: AuditLimits },
): string | undefined {
  const value = after ?? before;
  if (value === undefined) return undefined;
  const changed = before === undefined || after === undefined ? [] : changedPaths(before, after);
  if (before !== undefined && after !== undefined && changed.length === 0) return undefined;
  const kept = (state: SnapshotEntity | undefined): object | null => {
    if (state === undefined) return null;
    const masked = maskEntity(entity, plugins, state, uniformMask);
    return Buffer.byteLength(JSON.stringify(masked)) > limits.entityBytesMax ? null : masked;
  };
  const entry: Omit<AuditEntry, 'id' | 'at' | 'revision'> = {
    actor: currentActor(),
    operation: before === undefined ? 'create' : after === undefined ? 'delete' : 'update',
    entity: entity.plural,
    entity_id: value.id,
    entity_name: nameOf(value),
    changed: changed.slice(0, changedMax),
    old: kept(before),
    new: kept(after),
  };
  return JSON.stringify(entry).slice(1);
}

/** Returns the entry of an act. No change has its revision, so that none goes back with it. */
export function actEntry({ operation, entity, entityId, about }: AuditedAct): Omit<AuditEntry, 'id' | 'at'> {
  return {
    revision: 0,
    actor: currentActor(),
    operation,
    entity,
    entity_id: entityId,
    entity_name: '',
    changed: [],
    old: null,
    new: about,
  };
}

/** Returns the dotted paths of the fields that differ, without the time of the change itself. */
function changedPaths(before: SnapshotEntity, after: SnapshotEntity): string[] {
  return difference(before, after, '').filter((path) => path !== 'updated_at');
}

function difference(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  prefix: string,
): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => {
    const [old, fresh] = [before[name], after[name]];
    if (isDeepStrictEqual(old, fresh)) return [];
    const path = `${prefix}${name}`;
    return isRecord(old) && isRecord(fresh) ? difference(old, fresh, `${path}.`) : [path];
  });
}
