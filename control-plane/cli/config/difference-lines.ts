import type { ChangeSummary, ListedChange } from '../../../shared/declarative/change-summary.ts';

const signs = { create: '+', update: '~', delete: '-' } as const;

/** The difference as text: one line an entity, below it the values that differ where they are told, and one line for all. */
export function differenceLines(summary: ChangeSummary): string[] {
  const { created, updated, deleted, unchanged, changes, warnings = [] } = summary;
  const more = created + updated + deleted - changes.length;
  return [
    ...changes.flatMap(changeLines),
    ...(more > 0 ? [`… and ${more} more`] : []),
    ...warnings.map((warning) => `Warning: ${warning}`),
    `${created} to create, ${updated} to update, ${deleted} to delete, ${unchanged} unchanged`,
  ];
}

function changeLines({ action, entity, id, name, fields, values }: ListedChange): string[] {
  const what = `${signs[action]} ${entity} ${name === undefined ? id : `${name} (${id})`}`;
  if (values === undefined) return [fields === undefined ? what : `${what}: ${fields.join(', ')}`];
  return [what, ...values.map(({ field, old, new: now }) => `    ${field}: ${shown(old)} → ${shown(now)}`)];
}

/** Values come as JSON, cut where they are long. */
function shown(json: string | null): string {
  return json ?? 'none';
}

/** Tells whether the load would change nothing. */
export function isSame({ created, updated, deleted }: ChangeSummary): boolean {
  return created + updated + deleted === 0;
}
