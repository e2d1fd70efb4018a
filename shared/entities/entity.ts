import type { Fields, RecordCheck } from '../schema/field.ts';

/**
 * One kind of thing that the Admin API stores. CRUD endpoints, validation, defaults, the published schema, the store's
 * table and the snapshot all follow from this descriptor.
 */
export interface EntityDescriptor {
  /** Singular, as in Kong's flattened errors: `service`. */
  readonly name: string;
  /** Plural: collection name in paths, declarative files and the snapshot: `services`. */
  readonly plural: string;
  /** The unique field that may stand for the id in a path: `name`. */
  readonly key: string;
  /** In order; `id`, `created_at`, `updated_at` and `tags` included. */
  readonly fields: Fields;
  /** Checks over several fields. */
  readonly checks: readonly RecordCheck[];
  /** Sets of fields that are unique together, besides `key` and fields marked unique. */
  readonly uniqueTogether?: readonly (readonly string[])[];
}
