import { checkEntity, effectiveDescriptor } from '../entities/check-entity.ts';
import type { EntityDescriptor } from '../entities/entity.ts';
import type { Unmask } from '../entities/unmask.ts';
import type { PluginSchemas } from '../plugin-schemas/plugin-schema.ts';
import type { AutoValues } from '../schema/check.ts';
import { isRecord } from '../schema/is-record.ts';
import { dottedPath } from '../schema/faults.ts';
import type { FieldFault } from '../schema/field.ts';
import { hashDocumentPassword, isClearPassword } from '../entities/password-hash.ts';
import { idReferences } from '../schema/id-references.ts';
import type { SnapshotEntity } from '../snapshot.ts';
import { filledPaths, type AutoPath } from './filled-paths.ts';
import { documentIds, type DocumentIds } from './document-ids.ts';
import { flattenDocument } from './flatten-document.ts';
import type { DocumentFault, DocumentItem } from './document-item.ts';
import { findDoubles } from './unique-in-document.ts';

/** An entity of a document: checked, with its defaults, ids and references. */
export interface CompiledEntity {
  readonly entity: EntityDescriptor;
  readonly value: SnapshotEntity;
  /** Fields, filled by `auto`, that the document left out. */
  readonly filled: readonly AutoPath[];
}

export type CompiledDocument =
  | { readonly kind: 'ok'; readonly entities: readonly CompiledEntity[] }
  /** All faults, in the order of the document. */
  | { readonly kind: 'faults'; readonly faults: readonly DocumentFault[] };

export interface CompileOptions {
  readonly document: Readonly<Record<string, unknown>>;
  readonly entities: readonly EntityDescriptor[];
  readonly plugins: PluginSchemas;
  /** For times and random words that the document leaves out. */
  readonly auto: AutoValues;
  /** Puts secrets in the places of their masks, where the document is only compared. */
  readonly unmask?: Unmask;
}

/** Stands for a reference that leads nowhere, for which there is a fault of its own. */
const nowhere = '00000000-0000-0000-0000-000000000000';

/**
 * Turns a parsed declarative document into the entities that it means, with the checks of the Admin API. Pure, but for
 * the values of `auto`; both planes use it.
 */
export function compileDocument({ document, entities, plugins, auto, unmask }: CompileOptions): CompiledDocument {
  const flat = flattenDocument(document, entities);
  if (flat.isOverfull) return { kind: 'faults', faults: flat.faults };
  const items = unmask === undefined ? flat.items : unmaskItems(flat.items, unmask);
  const ids = documentIds(items);
  const faults: DocumentFault[] = [...flat.faults];
  const compiled: CompiledEntity[] = [];
  const written: { readonly item: DocumentItem; readonly value: Readonly<Record<string, unknown>> }[] = [];
  for (const item of items) {
    const { entity } = item;
    const prepared = prepare(item, ids);
    const checked = checkEntity({ entity, plugins, input: prepared.input, auto });
    const own = [...prepared.faults, ...(checked.kind === 'faults' ? checked.faults : [])];
    if (checked.kind === 'ok') own.push(...mentionedNowhere(entity, plugins, checked.value, ids));
    for (const { path, message } of own) faults.push({ path: [...item.path, ...path], message, item });
    written.push({ item, value: checked.kind === 'ok' ? checked.value : prepared.input });
    if (checked.kind === 'faults') continue;
    const filled = filledPaths(effectiveDescriptor(entity, plugins, checked.value), prepared.input);
    compiled.push({ entity, value: hashed(entity, { ...checked.value, id: ids.idOf(item) }), filled });
  }
  faults.push(...findDoubles(written));
  return faults.length === 0 ? { kind: 'ok', entities: compiled } : { kind: 'faults', faults };
}

/** Returns the entity with the hash of its password. */
function hashed({ password: field }: EntityDescriptor, value: SnapshotEntity): SnapshotEntity {
  if (field === undefined) return value;
  const password = value[field];
  return isClearPassword(password) ? { ...value, [field]: hashDocumentPassword(password, value.id) } : value;
}

/** Returns the items with their secrets; ids follow from keys, which may be secrets. */
function unmaskItems(items: readonly DocumentItem[], unmask: Unmask): DocumentItem[] {
  const fresh = new Map<DocumentItem, DocumentItem>();
  // A parent stands before its children.
  return items.map((item) => {
    const { entity, input, parent } = item;
    const outer = parent && { parent: { ...parent, item: fresh.get(parent.item) ?? parent.item } };
    const unmasked = { ...item, input: unmask(entity, input), ...outer };
    fresh.set(item, unmasked);
    return unmasked;
  });
}

/** Returns an item with its id, and with references in the form that the check wants. */
function prepare(item: DocumentItem, ids: DocumentIds) {
  const { entity, input, parent } = item;
  const prepared: Record<string, unknown> = { ...input };
  const faults: { readonly path: readonly string[]; readonly message: string }[] = [];
  if (input['id'] === undefined || input['id'] === null) prepared['id'] = ids.idOf(item);
  for (const [field, { type, reference }] of Object.entries(entity.fields)) {
    const wanted = input[field];
    if (type !== 'foreign' || reference === undefined || wanted === undefined || wanted === null) continue;
    if (typeof wanted !== 'string' && !isRecord(wanted)) continue;
    const id = ids.resolve(reference, wanted);
    prepared[field] = { id: id ?? nowhere };
    if (id === undefined) faults.push({ path: [field], message: noSuchEntry(field, wanted, reference) });
    else if (parent?.field === field && id !== ids.idOf(parent.item)) {
      faults.push({ path: [field], message: `refers to another entity than the one that it is nested in` });
    }
  }
  if (parent !== undefined) prepared[parent.field] = { id: ids.idOf(parent.item) };
  return { input: prepared, faults };
}

/** Finds ids as text (certificates in the config of a plugin) whose entity the document does not hold. */
function mentionedNowhere(
  entity: EntityDescriptor,
  plugins: PluginSchemas,
  value: Readonly<Record<string, unknown>>,
  ids: DocumentIds,
): FieldFault[] {
  return idReferences(effectiveDescriptor(entity, plugins, value).fields, value).flatMap(({ path, plural, id }) =>
    ids.resolve(plural, { id }) === undefined ? [{ path, message: noSuchEntry(dottedPath(path), id, plural) }] : [],
  );
}

/** Returns the fault in Kong's words. */
function noSuchEntry(field: string, wanted: unknown, reference: string): string {
  const shown: unknown = isRecord(wanted) ? (wanted['id'] ?? wanted['name']) : wanted;
  const text = typeof shown === 'string' ? shown : '?';
  return `invalid reference '${field}: ${text}' (no such entry in '${reference}')`;
}
