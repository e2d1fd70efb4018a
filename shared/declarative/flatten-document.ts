import type { EntityDescriptor } from '../entities/entity.ts';
import { isRecord } from '../schema/is-record.ts';
import type { FieldFault } from '../schema/field.ts';

export type DocumentPath = FieldFault['path'];

/** An entity of a document, freed of the entities that are nested in it. */
export interface DocumentItem {
  readonly entity: EntityDescriptor;
  /** Where it stands: `['services', 0, 'routes', 1]`. */
  readonly path: DocumentPath;
  /** As written, without what is nested in it. */
  readonly input: Readonly<Record<string, unknown>>;
  /** The entity that it is nested in, and the foreign field that this stands for. */
  readonly parent?: { readonly field: string; readonly item: DocumentItem };
}

/** A fault of a document; of an entity when it has an item. Positions count from 0. */
export interface DocumentFault {
  readonly path: DocumentPath;
  readonly message: string;
  readonly item?: DocumentItem;
}

export interface FlatDocument {
  /** In the order of the document, parents before what is nested in them. */
  readonly items: readonly DocumentItem[];
  readonly faults: readonly DocumentFault[];
  /** There were more than `documentEntitiesMax`: the items are not all, and not worth a look. */
  readonly isOverfull: boolean;
}

export const formatVersion = '3.0';
const formatVersions = ['1.1', '2.1', formatVersion];
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
  const faults: DocumentFault[] = [...checkHead(document)];
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
    const own = Object.entries(record).filter(([name]) => !remarks.has(name) && nesting?.has(name) !== true);
    const item = { entity, path, input: Object.fromEntries(own), ...(parent === undefined ? {} : { parent }) };
    items.push(item);
    for (const [name, { child, field }] of nesting ?? []) {
      if (Object.hasOwn(record, name)) takeList(record[name], [...path, name], child, { field, item });
    }
  }

  for (const entity of entities) {
    if (Object.hasOwn(document, entity.plural)) takeList(document[entity.plural], [entity.plural], entity);
  }
  const known = new Set([...Object.keys(headChecks), ...entities.map(({ plural }) => plural)]);
  for (const name of Object.keys(document))
    if (!known.has(name)) faults.push({ path: [name], message: 'unknown field' });
  const isOverfull = items.length > documentEntitiesMax;
  if (isOverfull) faults.push({ path: [], message: `a document may hold ${documentEntitiesMax} entities` });
  return { items, faults, isOverfull };
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

const headChecks: Readonly<Record<string, (value: unknown) => string | undefined>> = {
  _format_version(value) {
    if (value === undefined || value === null) return 'required field missing';
    if (typeof value !== 'string') return 'expected a string';
    return formatVersions.includes(value) ? undefined : `expected one of: ${formatVersions.join(', ')}`;
  },
  // Nothing is transformed on the way in, so that either value means the same.
  _transform: (value) => (value === undefined || typeof value === 'boolean' ? undefined : 'expected a boolean'),
  _comment: () => undefined,
  _ignore: () => undefined,
  _info: () => undefined,
};

function checkHead(document: Readonly<Record<string, unknown>>): DocumentFault[] {
  return Object.entries(headChecks).flatMap(([name, check]) => {
    const message = check(Object.hasOwn(document, name) ? document[name] : undefined);
    return message === undefined ? [] : [{ path: [name], message }];
  });
}
