import type { EntityDescriptor } from '../entities/entity.ts';
import { isRecord } from '../schema/is-record.ts';
import { findTemplates } from './deck-templates.ts';
import { readHead, withDefaults } from './document-head.ts';
import type { DocumentFault, DocumentItem, DocumentPath } from './document-item.ts';

export interface FlatDocument {
  /** In the order of the document, parents before what is nested in them. */
  readonly items: readonly DocumentItem[];
  readonly faults: readonly DocumentFault[];
  /** There were more than `documentEntitiesMax`: the items are not all, and not worth a look. */
  readonly isOverfull: boolean;
}

/** Bound of the entities in a document: aliases could make more of them than anyone wrote. */
export const documentEntitiesMax = 200_000;
/** Fields that any record of a document may hold for its readers and for other tools. */
const remarks: ReadonlySet<string> = new Set(['_comment', '_ignore']);

/** Takes a document apart: what is nested, at any depth, becomes a list of entities that know their parents. */
export function flattenDocument(
  document: Readonly<Record<string, unknown>>,
  entities: readonly EntityDescriptor[],
): FlatDocument {
  const items: DocumentItem[] = [];
  const head = readHead(document, entities);
  const faults: DocumentFault[] = [...head.faults, ...findTemplates(document)];
  const nestings = nestingsOf(entities);

  function takeList(
    list: unknown,
    path: DocumentPath,
    entity: EntityDescriptor,
    parent?: DocumentItem['parent'],
  ): void {
    const owner = parent === undefined ? {} : { item: parent.item };
    // A key without a value in YAML, and an empty list as Lua writes it.
    if (list === null || (isRecord(list) && Object.keys(list).length === 0)) return;
    if (!Array.isArray(list)) {
      faults.push({ path, message: 'expected an array', ...owner });
      return;
    }
    for (const [index, element] of list.entries()) {
      const place = [...path, index];
      if (items.length > documentEntitiesMax) return;
      const record = typeof element === 'string' ? namedChild(parent, entity, element) : element;
      if (isRecord(record)) takeEntity(record, place, entity, parent);
      else faults.push({ path: place, message: 'expected a record', ...owner });
    }
  }

  function takeEntity(
    record: Readonly<Record<string, unknown>>,
    path: DocumentPath,
    entity: EntityDescriptor,
    parent: DocumentItem['parent'],
  ): void {
    const nesting = nestings.get(entity.plural);
    const own = Object.entries(record).filter(
      ([name, value]) => !remarks.has(name) && nesting?.has(name) !== true && !isForeignNothing(entity, name, value),
    );
    const input = withDefaults(Object.fromEntries(own), head.defaults.get(entity.name));
    const item = { entity, path, input, ...(parent === undefined ? {} : { parent }) };
    items.push(item);
    for (const [name, { child, field }] of nesting ?? []) {
      if (Object.hasOwn(record, name)) takeList(record[name], [...path, name], child, { field, item });
    }
  }

  for (const entity of entities) {
    if (Object.hasOwn(document, entity.plural)) takeList(document[entity.plural], [entity.plural], entity);
  }
  const isOverfull = items.length > documentEntitiesMax;
  if (isOverfull) faults.push({ path: [], message: `a document may hold ${documentEntitiesMax} entities` });
  return { items, faults, isOverfull };
}

/** Fields of Kong's own exports that entities here lack: one that is null says nothing, and the workspace is the only one. */
function isForeignNothing({ fields, shorthands = {}, names }: EntityDescriptor, name: string, value: unknown): boolean {
  if (name === 'ws_id') return true;
  return value === null && !Object.hasOwn(fields, name) && !Object.hasOwn(shorthands, name) && names?.field !== name;
}

/** Returns a child that is written as its name alone, as the server names of a certificate may be. */
function namedChild(parent: DocumentItem['parent'], child: EntityDescriptor, name: string): unknown {
  const names = parent?.item.entity.names;
  return names?.child.plural === child.plural ? { [names.child.key]: name } : undefined;
}

interface Nesting {
  readonly child: EntityDescriptor;
  readonly field: string;
}

/** Returns what may be nested in each entity: every entity with a foreign field that refers to it. */
function nestingsOf(entities: readonly EntityDescriptor[]): ReadonlyMap<string, ReadonlyMap<string, Nesting>> {
  const nestings = new Map(entities.map(({ plural }) => [plural, new Map<string, Nesting>()]));
  for (const child of entities) {
    for (const [field, { type, reference }] of Object.entries(child.fields)) {
      const children = type === 'foreign' && reference !== undefined ? nestings.get(reference) : undefined;
      if (children?.has(child.plural) === false) children.set(child.plural, { child, field });
    }
  }
  return nestings;
}
