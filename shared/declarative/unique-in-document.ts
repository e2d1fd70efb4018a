import type { EntityDescriptor } from '../entities/entity.ts';
import type { DocumentFault, DocumentItem } from './flatten-document.ts';

interface Written {
  readonly item: DocumentItem;
  readonly value: Readonly<Record<string, unknown>>;
}

/** Entities of a document that the store could not hold together: the second of each pair is at fault. */
export function findDoubles(written: readonly Written[]): DocumentFault[] {
  const seen = new Set<string>();
  const faults: DocumentFault[] = [];
  for (const { item, value } of written) {
    const { entity } = item;
    for (const [fields, isTogether] of uniqueSets(entity)) {
      const values = fields.map((field) => value[field] ?? null);
      if (!isTogether && typeof values[0] !== 'string') continue;
      const mark = JSON.stringify([entity.plural, fields, values]);
      if (seen.has(mark)) faults.push({ path: item.path, message: already(entity, fields, values), item });
      seen.add(mark);
    }
  }
  return faults;
}

/** The id, unique fields, and fields that are unique together. */
function uniqueSets(entity: EntityDescriptor): readonly (readonly [readonly string[], isTogether: boolean])[] {
  const alone = Object.entries(entity.fields).flatMap(([name, { unique }]) => (unique === true ? [name] : []));
  return [
    ...['id', ...alone].map((name) => [[name], false] as const),
    ...(entity.uniqueTogether ?? []).map((fields) => [fields, true] as const),
  ];
}

/** Kong's words; a secret is not repeated. */
function already(
  { plural, fields: described }: EntityDescriptor,
  fields: readonly string[],
  values: readonly unknown[],
) {
  const [name = ''] = fields;
  if (fields.length > 1) {
    return `uniqueness violation: '${plural}' entity with the same ${fields.join(', ')} already declared`;
  }
  const what = name === 'id' ? 'primary key' : name;
  const value = described[name]?.encrypted === true ? '' : ` set to '${String(values[0])}'`;
  return `uniqueness violation: '${plural}' entity with ${what}${value} already declared`;
}
