import { clusterNames, clusterWarningText } from '../cluster-names.ts';
import type { EntityDescriptor } from '../entities/entity.ts';
import { maskEntity } from '../entities/secret-fields.ts';
import type { PluginSchemas } from '../plugin-schemas/plugin-schema.ts';
import { isRecord } from '../schema/is-record.ts';
import { keptBoundPlugin, neverRunning } from '../never-running.ts';
import { uniformMask } from '../schema/mask.ts';
import { valueAt } from '../schema/value-at.ts';
import { canonicalJson, nameOf, referencedId, type SnapshotEntity } from '../snapshot.ts';
import type { Difference } from './carry-over.ts';

/** The changes that a load made or would make: the body of `POST /config`. */
export interface ChangeSummary {
  readonly created: number;
  readonly updated: number;
  readonly deleted: number;
  readonly unchanged: number;
  /** Deletions first; at most `changesMax` of all. */
  readonly changes: readonly ListedChange[];
  /** Sentences about what an operator should mend; absent when there is nothing. */
  readonly warnings?: readonly string[];
}

export interface ListedChange {
  readonly action: 'delete' | 'update' | 'create';
  /** Plural name. */
  readonly entity: string;
  readonly id: string;
  /** Name, instance name or username, where there is one. */
  readonly name?: string;
  /** An update's fields that differ, as dotted paths. */
  readonly fields?: readonly string[];
  /** In a dry run: the values of these fields before and after. */
  readonly values?: readonly ChangedValue[];
}

export interface ChangedValue {
  /** Dotted path. */
  readonly field: string;
  /** JSON, cut where it is long; secrets are masked. Null: the field is not set. */
  readonly old: string | null;
  readonly new: string | null;
}

/** What masks secrets: the schemas say which fields hold them. */
export interface ValueSchemas {
  readonly entities: readonly EntityDescriptor[];
  readonly plugins: PluginSchemas;
}

export const changesMax = 1000;

/** Bound of a value that is told, in characters. */
const valueCharsMax = 200;
/** Fields whose values are told of one entity. */
const valuesMax = 100;

/** Sums a difference up; with `schemas`, also with the values of the fields that differ. */
export function changeSummary(
  { created, updated, deleted, unchanged, all: after }: Difference,
  schemas?: ValueSchemas,
): ChangeSummary {
  const all = [
    ...deleted.map((change) => ({ ...change, action: 'delete' as const })),
    ...updated.map((change) => ({ ...change, action: 'update' as const })),
    ...created.map((change) => ({ ...change, action: 'create' as const })),
  ];
  const changes = all.slice(0, changesMax).map((change): ListedChange => {
    const { action, plural, value } = change;
    const name = nameOf(value);
    return {
      action,
      entity: plural,
      id: value.id,
      ...(name === '' ? {} : { name }),
      ...('before' in change ? updateOf(plural, change.before, value, schemas) : {}),
    };
  });
  const counts = { created: created.length, updated: updated.length, deleted: deleted.length, unchanged };
  const warnings = warningsOf(after);
  return { ...counts, changes, ...(warnings.length === 0 ? {} : { warnings }) };
}

function updateOf(
  plural: string,
  before: SnapshotEntity,
  after: SnapshotEntity,
  schemas: ValueSchemas | undefined,
): Pick<ListedChange, 'fields' | 'values'> {
  const fields = changedFields(before, after);
  const entity = schemas?.entities.find((one) => one.plural === plural);
  if (schemas === undefined || entity === undefined) return { fields };
  const [old, now] = [before, after].map((value) => maskEntity(entity, schemas.plugins, value, uniformMask));
  const values = fields
    .filter((field) => field !== 'updated_at')
    .slice(0, valuesMax)
    .map((field) => ({ field, old: told(old, field), new: told(now, field) }));
  return { fields, values };
}

function told(entity: Readonly<Record<string, unknown>> | undefined, field: string): string | null {
  const value = entity && valueAt(entity, field.split('.'));
  if (value === undefined || value === null) return null;
  const json = JSON.stringify(value);
  return json.length <= valueCharsMax ? json : `${json.slice(0, valueCharsMax - 1)}…`;
}

function warningsOf(after: Difference['all']): string[] {
  const plugins = after.filter(({ plural, value }) => plural === 'plugins' && value['enabled'] !== false);
  const { warnings } = clusterNames(plugins.map(({ value }) => value));
  const routes = after.filter(({ plural }) => plural === 'routes');
  const services = new Map(routes.map(({ value }) => [value.id, referencedId(value['service'])]));
  const bound = plugins.map(({ value }) => keptBoundPlugin(value)).filter((plugin) => plugin !== undefined);
  const idle = neverRunning(bound, (routeId) => services.get(routeId));
  return [...warnings.map(clusterWarningText), ...idle.map(({ text }) => text)].slice(0, changesMax);
}

function changedFields(before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): string[] {
  return Object.keys({ ...before, ...after }).flatMap((name) => {
    const [old, now] = [before[name] ?? null, after[name] ?? null];
    if (canonicalJson(old) === canonicalJson(now)) return [];
    if (!isRecord(old) || !isRecord(now)) return [name];
    return changedFields(old, now).map((inner) => `${name}.${inner}`);
  });
}
