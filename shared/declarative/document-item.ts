import type { EntityDescriptor } from '../entities/entity.ts';
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
