import { maskEntity } from '../entities/secret-fields.ts';
import { uniformMask } from '../schema/mask.ts';
import type { PluginSchemas } from '../plugin-schemas/plugin-schema.ts';
import { dottedPath, faultTree, type FaultTree } from '../schema/faults.ts';
import type { DocumentFault, DocumentItem } from './document-item.ts';

/** One entity's faults, as Kong's `flatten_errors=1` answers them. */
export interface FlattenedError {
  /** Singular: `service`. */
  readonly entity_type: string;
  readonly entity_id?: string;
  readonly entity_name?: string;
  readonly entity_tags?: readonly string[];
  /** As written, secrets masked, without what is nested in it. */
  readonly entity: Readonly<Record<string, unknown>>;
  readonly errors: readonly {
    readonly type: 'field' | 'entity';
    /** Dotted, positions counted from 1; absent for a fault of the entity as a whole. */
    readonly field?: string;
    readonly message: string;
  }[];
}

/** The parts of an answer about a document with faults. Each is plain JSON without secrets. */
export interface DocumentErrors {
  readonly message: string;
  /** All faults in the document's own shape. */
  readonly fields: FaultTree;
  /** Faults that belong to no entity, in the same shape. */
  readonly ownFields: FaultTree;
  readonly flattened: readonly FlattenedError[];
  /** Every fault as a line of text. */
  readonly lines: readonly string[];
}

/** The sentence names at most this many faults; the fields hold all of them. */
const messageFaultsMax = 20;

export function documentErrors(faults: readonly DocumentFault[], plugins: PluginSchemas): DocumentErrors {
  const own = faults.filter(({ item }) => item === undefined);
  const lines = faults.map(faultLine);
  const more = faults.length > messageFaultsMax ? `; and ${faults.length - messageFaultsMax} more` : '';
  return {
    message: `declarative config is invalid: ${lines.slice(0, messageFaultsMax).join('; ')}${more}`,
    fields: faultTree(faults),
    ownFields: own.length === 0 ? {} : faultTree(own),
    flattened: flattened(faults, plugins),
    lines,
  };
}

/** Returns a fault as a line: `services.1.routes.2.paths.1: should start with: /`; positions count from 1. */
export function faultLine({ path, message }: Pick<DocumentFault, 'path' | 'message'>): string {
  const place = dottedPath(path);
  return place === '' ? message : `${place}: ${message}`;
}

function flattened(faults: readonly DocumentFault[], plugins: PluginSchemas): FlattenedError[] {
  const groups = new Map<DocumentItem, DocumentFault[]>();
  for (const fault of faults) {
    if (fault.item === undefined) continue;
    const group = groups.get(fault.item);
    if (group === undefined) groups.set(fault.item, [fault]);
    else group.push(fault);
  }
  return [...groups].map(([item, group]) => flattenedEntity(item, group, plugins));
}

function flattenedEntity(item: DocumentItem, faults: readonly DocumentFault[], plugins: PluginSchemas): FlattenedError {
  const { entity, input } = item;
  const { id, tags } = input;
  const name = input['name'] ?? input['username'];
  return {
    entity_type: entity.name,
    ...(typeof id === 'string' ? { entity_id: id } : {}),
    ...(typeof name === 'string' ? { entity_name: name } : {}),
    ...(Array.isArray(tags) ? { entity_tags: tags.map(String) } : {}),
    entity: maskEntity(entity, plugins, input, uniformMask),
    errors: faults.map(({ path, message }) => {
      const field = dottedPath(path.slice(item.path.length));
      return field === '' ? { type: 'entity', message } : { type: 'field', field, message };
    }),
  };
}
