import type { FieldFault, Fields, RecordCheck } from '../schema/field.ts';

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
  /** Fields, all unique, by whose value a list can be filtered in its query. */
  readonly filters?: readonly string[];
  /** Replaces write-only shorthands of a body by the fields that they stand for; a body without them comes back as it is. */
  readonly expand?: (body: Readonly<Record<string, unknown>>) => {
    readonly body: Readonly<Record<string, unknown>>;
    readonly faults: readonly FieldFault[];
  };
}
