import { v5 as uuidV5 } from 'uuid';
import type { EntityDescriptor } from '../entities/entity.ts';
import { isRecord } from '../schema/is-record.ts';
import { canonicalJson } from '../snapshot.ts';
import { isUuid } from '../uuid.ts';
import type { DocumentItem } from './document-item.ts';

/** Never to be changed: the ids of all declarative files follow from it. */
const namespace = '7d0c3a52-8f0e-4f0b-9a46-5a1e0c1f7b93';

/** Ids of the entities of a document, and what their references mean. */
export interface DocumentIds {
  /** The id as written, or the one that follows from the entity's key. */
  idOf(item: DocumentItem): string;
  /** The id that a reference means: a text or `{ id }`, `{ name }`; undefined when there is no such entity. */
  resolve(plural: string, wanted: unknown): string | undefined;
}

/**
 * Makes missing ids as UUIDv5: from the entity's key where that is unique alone, else from the fields that are
 * unique together (a plugin's name and what it is bound to, an address within its upstream), else from all that was
 * written. So the same document always gives the same ids.
 */
export function documentIds(items: readonly DocumentItem[]): DocumentIds {
  const ids = new Map<DocumentItem, string>();
  const byId = new Set<string>();
  const byKey = new Map<string, string>();
  const contents = new Map<string, number>();

  function remember(item: DocumentItem, id: string): string {
    ids.set(item, id);
    byId.add(`${item.entity.plural}/${id}`);
    return id;
  }

  function resolve(plural: string, wanted: unknown): string | undefined {
    const [id, key] = wantedParts(wanted);
    const lower = id?.toLowerCase() ?? '';
    if (byId.has(`${plural}/${lower}`)) return lower;
    return key === undefined ? undefined : byKey.get(`${plural}/${key}`);
  }

  function idOf(item: DocumentItem): string {
    return ids.get(item) ?? remember(item, uuidV5(nameOfUnkeyed(item), namespace));
  }

  /** Returns the text by which an entity without a key of its own is known. */
  function nameOfUnkeyed({ entity, input, parent }: DocumentItem): string {
    const valueOf = (field: string): unknown => {
      if (parent?.field === field) return idOf(parent.item);
      const { type, reference } = entity.fields[field] ?? {};
      const value = field === entity.key ? (keyOf(entity, input) ?? null) : (input[field] ?? null);
      return type === 'foreign' && reference !== undefined ? (resolve(reference, value) ?? value) : value;
    };
    const [together] = entity.uniqueTogether ?? [];
    if (together !== undefined) return `${entity.plural}:${canonicalJson(together.map(valueOf))}`;
    const content = Object.fromEntries(Object.keys(input).map((field) => [field, valueOf(field)]));
    const name = `${entity.plural}:${canonicalJson([content, parent === undefined ? null : idOf(parent.item)])}`;
    // Two equal records are two entities.
    const count = contents.get(name) ?? 0;
    contents.set(name, count + 1);
    return count === 0 ? name : `${name}:${count}`;
  }

  for (const item of items) {
    const { entity, input } = item;
    const { id: given } = input;
    const key = keyOf(entity, input);
    const hasKey = typeof key === 'string' && entity.fields[entity.key]?.unique === true;
    if (typeof given === 'string' && isUuid(given)) remember(item, given.toLowerCase());
    else if (hasKey) remember(item, uuidV5(`${entity.plural}:${JSON.stringify(key)}`, namespace));
    const id = ids.get(item);
    if (!hasKey || id === undefined) continue;
    const place = `${entity.plural}/${key}`;
    if (!byKey.has(place)) byKey.set(place, id);
  }
  for (const item of items) idOf(item);
  return { idOf, resolve };
}

/** Returns the key as it will be stored. */
function keyOf({ key, normalizeKey }: EntityDescriptor, input: DocumentItem['input']): unknown {
  const written = input[key];
  return typeof written === 'string' && normalizeKey !== undefined ? normalizeKey(written) : written;
}

/** Returns the texts that may be an id and a key. */
function wantedParts(wanted: unknown): readonly [id: string | undefined, key: string | undefined] {
  if (typeof wanted === 'string') return [wanted, wanted];
  if (!isRecord(wanted)) return [undefined, undefined];
  const { id, name } = wanted;
  return [typeof id === 'string' ? id : undefined, typeof name === 'string' ? name : undefined];
}
