import { parseDocumentBytes } from '../../../shared/declarative/parse-document.ts';
import { faultLine } from '../../../shared/declarative/document-errors.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { isRecord } from '../../../shared/schema/is-record.ts';

type Document = Readonly<Record<string, unknown>>;

/** The content of one file. */
export interface InputFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export type Joined =
  | { readonly kind: 'document'; readonly document: Document }
  | { readonly kind: 'faults'; readonly lines: readonly string[] };

const plurals: ReadonlySet<string> = new Set(entities.map(({ plural }) => plural));

/** Joins the files of one configuration: lists of entities one after the other, other fields as they stand first. */
export function joinDocuments(files: readonly InputFile[]): Joined {
  const lines: string[] = [];
  const joined: Record<string, unknown> = {};
  for (const { name, bytes } of files) {
    const parsed = parseDocumentBytes(bytes);
    if (parsed.kind === 'faults') {
      lines.push(...parsed.faults.map((fault) => `${name}: ${faultLine(fault)}`));
      continue;
    }
    for (const [field, value] of Object.entries(parsed.document)) {
      const before = joined[field];
      if (plurals.has(field) && Array.isArray(value) && Array.isArray(before)) joined[field] = [...before, ...value];
      else if (plurals.has(field) && Array.isArray(before) && value === null) continue;
      else if (before === undefined || before === null || plurals.has(field)) joined[field] = value;
    }
  }
  return lines.length > 0 ? { kind: 'faults', lines } : { kind: 'document', document: joined };
}

/**
 * Returns the configuration that an import of a part makes: of the present one all entities without the tags, and the
 * document's, which get the tags.
 */
export function withSelected(present: Document, document: Document, tags: readonly string[]): Document {
  const merged: Record<string, unknown> = { ...document };
  for (const plural of plurals) {
    const kept = listOf(present[plural]).filter((entity) => !hasTags(entity, tags));
    const added = listOf(document[plural]).map((entity) => tagged(entity, tags));
    if (kept.length + added.length > 0) merged[plural] = [...kept, ...added];
  }
  return merged;
}

/** Returns the part of a configuration that has all of the tags. */
export function selected(present: Document, tags: readonly string[]): Document {
  const part: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(present)) {
    if (!plurals.has(field)) part[field] = value;
    else {
      const kept = listOf(value).filter((entity) => hasTags(entity, tags));
      if (kept.length > 0) part[field] = kept;
    }
  }
  return part;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function hasTags(entity: unknown, tags: readonly string[]): boolean {
  const own: unknown = isRecord(entity) ? entity['tags'] : undefined;
  return Array.isArray(own) && tags.every((tag) => own.includes(tag));
}

/** Adds the tags to an entity and to all that is nested in it. */
function tagged(entity: unknown, tags: readonly string[]): unknown {
  // A server name of a certificate may be written as its name alone.
  if (typeof entity === 'string') return { name: entity, tags };
  if (!isRecord(entity)) return entity;
  const own = listOf(entity['tags']);
  const nested = Object.entries(entity)
    .filter(([name, value]) => plurals.has(name) && Array.isArray(value))
    .map(([name, value]) => [name, listOf(value).map((child) => tagged(child, tags))] as const);
  return { ...entity, tags: [...new Set([...own, ...tags])], ...Object.fromEntries(nested) };
}
