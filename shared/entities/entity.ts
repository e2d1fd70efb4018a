import type { AutoValues } from '../schema/check.ts';
import type { FieldFault, Fields, RecordCheck } from '../schema/field.ts';

/**
 * Describes one kind of entity, a thing that the Admin API stores. CRUD endpoints, validation, defaults, the published schema, the store's
 * table and the snapshot all follow from this descriptor.
 */
export interface EntityDescriptor {
  /** Singular, as in Kong's flattened errors: `service`. */
  readonly name: string;
  /** Plural: collection name in paths, declarative files and the snapshot: `services`. */
  readonly plural: string;
  /** The collection in the Admin API's paths, where it is not `plural`: `key-auths`. */
  readonly path?: string;
  /** The collection below a parent: `/consumers/{consumer}/key-auth`. */
  readonly nestedPath?: string;
  /** The unique field that may stand for the id in a path: `name`; `id` where there is none. */
  readonly key: string;
  /** The reference within which the key is unique, where it is not unique alone: `upstream` of targets. */
  readonly keyWithin?: string;
  /** The key as it is stored, from how a path may write it. */
  readonly normalizeKey?: (key: string) => string;
  /** Names that are child entities of their own but are written and answered as a list of this one as well. */
  readonly names?: NamesList;
  /** In order; `id`, `created_at`, `updated_at` and `tags` included. */
  readonly fields: Fields;
  /** A field that is stored as the hash of what was written; see password-hash.ts. */
  readonly password?: string;
  /** Checks over several fields. */
  readonly checks: readonly RecordCheck[];
  /** Sets of fields that are unique together, besides `key` and fields marked unique. */
  readonly uniqueTogether?: readonly (readonly string[])[];
  /** Fields, all unique, by whose value a list can be filtered in its query. */
  readonly filters?: readonly string[];
  /** Write-only fields that `expand` replaces. */
  readonly shorthands?: Fields;
  /**
   * Replaces write-only shorthands of a body by the fields that they stand for, and derives what follows from others; a
   * body without them comes back as it is. `auto` is there where an entity is written.
   */
  readonly expand?: (
    body: Readonly<Record<string, unknown>>,
    auto: AutoValues | undefined,
  ) => {
    readonly body: Readonly<Record<string, unknown>>;
    readonly faults: readonly FieldFault[];
  };
}

/** The server names of a certificate: each is an sni, and each may stand for the certificate's id in a path. */
export interface NamesList {
  /** The list on the parent: `snis`. */
  readonly field: string;
  /** The child, whose key the names are, and its reference to the parent. */
  readonly child: EntityDescriptor;
  readonly reference: string;
}
