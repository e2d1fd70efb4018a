import type { EntityDescriptor } from '../entities/entity.ts';
import type { DocumentFault, DocumentItem } from './document-item.ts';

interface Written {
  readonly item: DocumentItem;
  readonly value: Readonly<Record<string, unknown>>;
}

/** Finds entities of a document that the store could not hold together: the second of each pair is at fault. */
export function findDoubles(written: readonly Written[]): DocumentFault[] {
  const seen = new Set<string>();
  const faults: DocumentFault[] = [];
  for (const { item, value } of written) {
    const { entity } = item;
    for (const { fields, isTogether, prefix } of uniqueSets(entity)) {
      const values = fields.map((field) => value[field] ?? null);
      const [only] = values;
      const text = isTogether ? JSON.stringify(values) : only;
      if (typeof text !== 'string') continue;
      const mark = `${prefix}${text}`;
      if (seen.has(mark)) faults.push({ path: item.path, message: already(entity, fields, values), item });
      seen.add(mark);
    }
  }
  return faults;
}

interface UniqueSet {
  readonly fields: readonly string[];
  readonly isTogether: boolean;
  /** Begins the text by which a value of the set is remembered. */
  readonly prefix: string;
}

const known = new WeakMap<EntityDescriptor, readonly UniqueSet[]>();

/** The id, unique fields, and fields that are unique together. */
function uniqueSets(entity: EntityDescriptor): readonly UniqueSet[] {
  const sets = known.get(entity) ?? findUniqueSets(entity);
  known.set(entity, sets);
  return sets;
}

function findUniqueSets({ plural, fields: described, uniqueTogether = [] }: EntityDescriptor): readonly UniqueSet[] {
  const alone = Object.entries(described).flatMap(([name, { unique }]) => (unique === true ? [name] : []));
  const set = (fields: readonly string[], isTogether: boolean) => ({
    fields,
    isTogether,
    prefix: `${plural}.${fields.join('+')}:`,
  });
  return [...['id', ...alone].map((name) => set([name], false)), ...uniqueTogether.map((fields) => set(fields, true))];
}

/** Returns the fault in Kong's words; a secret is not repeated. */
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
