import { clusterNames, clusterWarningText } from '../cluster-names.ts';
import { isRecord } from '../schema/is-record.ts';
import { canonicalJson, nameOf } from '../snapshot.ts';
import type { Difference } from './carry-over.ts';

/** The changes that a load made or would make: the body of `POST /config`. It holds no values, thus no secrets. */
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
}

export const changesMax = 1000;

export function changeSummary({ created, updated, deleted, unchanged, all: after }: Difference): ChangeSummary {
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
      ...('before' in change ? { fields: changedFields(change.before, value) } : {}),
    };
  });
  const counts = { created: created.length, updated: updated.length, deleted: deleted.length, unchanged };
  const warnings = warningsOf(after);
  return { ...counts, changes, ...(warnings.length === 0 ? {} : { warnings }) };
}

function warningsOf(after: Difference['all']): string[] {
  const plugins = after.filter(({ plural, value }) => plural === 'plugins' && value['enabled'] !== false);
  const { warnings } = clusterNames(plugins.map(({ value }) => value));
  return warnings.slice(0, changesMax).map(clusterWarningText);
}

function changedFields(before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): string[] {
  return Object.keys({ ...before, ...after }).flatMap((name) => {
    const [old, now] = [before[name] ?? null, after[name] ?? null];
    if (canonicalJson(old) === canonicalJson(now)) return [];
    if (!isRecord(old) || !isRecord(now)) return [name];
    return changedFields(old, now).map((inner) => `${name}.${inner}`);
  });
}
