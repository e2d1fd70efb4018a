import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { secretFields } from '../../shared/entities/secret-fields.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { isRecord } from '../../shared/schema/is-record.ts';
import type { Fields } from '../../shared/schema/field.ts';
import { descend, holding, mapRecord, pathOf, type Visitor } from '../../shared/schema/walk.ts';
import type { SnapshotEntity } from '../../shared/snapshot.ts';
import type { Keyring, KeyringKey } from './keyring.ts';

/** The form of entities in their tables. */
export interface Documents {
  encode(entity: EntityDescriptor, value: SnapshotEntity): string;
  decode(entity: EntityDescriptor, text: string): SnapshotEntity;
  /** Returns what the column of a unique field holds for a value. */
  column(entity: EntityDescriptor, field: string, value: string): string;
  /** The id of the key that writes; undefined: documents are clear text. */
  readonly keyId: string | undefined;
  /** Returns whether documents that a key wrote can be read. */
  canRead(keyId: string): boolean;
}

export const plainDocuments: Documents = {
  encode: (_entity, value) => JSON.stringify(value),
  decode: (_entity, text) => asEntity(JSON.parse(text)),
  column: (_entity, _field, value) => value,
  keyId: undefined,
  canRead: () => false,
};

type Path = readonly (string | number)[];
type Secret = readonly [path: Path, value: unknown];

/** A document with secrets; no entity has a field of this name. */
interface Sealed {
  readonly $sealed: string;
  readonly $key: string;
  /** The entity with null in the places of its secrets. */
  readonly document: unknown;
}

/**
 * Returns documents whose encrypted fields are sealed together, bound to their entity: a seal that is moved to another
 * row does not open. The descriptors say which fields are sealed when a document is written; reading needs none.
 */
export function sealedDocuments({ keyring, plugins }: { keyring: Keyring; plugins: PluginSchemas }): Documents {
  const [writing] = keyring;
  const keys = new Map<string, KeyringKey>(keyring.map((key) => [key.id, key]));
  return {
    encode(entity, value) {
      const secrets: Secret[] = [];
      const document = take(secretFields(entity, plugins, value), value, secrets);
      if (secrets.length === 0) return JSON.stringify(value);
      const sealed = writing.seal(JSON.stringify(secrets), contextOf(entity, value.id));
      const wrapped: Sealed = { $sealed: sealed.toString('base64'), $key: writing.id, document };
      return JSON.stringify(wrapped);
    },
    decode(entity, text) {
      const parsed: unknown = JSON.parse(text);
      if (!isSealed(parsed)) return asEntity(parsed);
      const value = asEntity(parsed.document);
      const key = keys.get(parsed.$key);
      if (key === undefined) throw new Error(`No key ${parsed.$key} to read ${entity.name} ${value.id}`);
      const plain = key.open(Buffer.from(parsed.$sealed, 'base64'), contextOf(entity, value.id));
      // Written by `encode` above and authenticated.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      for (const [path, secret] of JSON.parse(plain) as readonly Secret[]) putBack(value, path, secret);
      return value;
    },
    column: (entity, field, value) =>
      entity.fields[field]?.encrypted === true ? writing.digest(value, `${entity.plural}.${field}`) : value,
    keyId: writing.id,
    canRead: (keyId) => keys.has(keyId),
  };
}

function contextOf(entity: EntityDescriptor, id: string): string {
  return `${entity.plural}/${id}`;
}

const holdsSecrets = holding(({ encrypted }) => encrypted === true);

/** Returns the record with null in the places of its secrets, which are added to the list with their paths. */
function take(
  fields: Fields,
  value: Readonly<Record<string, unknown>>,
  secrets: Secret[],
): Readonly<Record<string, unknown>> {
  const visit: Visitor = ({ encrypted }, inner, place) => {
    if (encrypted !== true || inner === null) return descend;
    secrets.push([pathOf(place), inner]);
    return null;
  };
  return mapRecord(fields, value, visit, { test: holdsSecrets });
}

/** Sets a secret in a freshly parsed document, which has the place. */
function putBack(document: SnapshotEntity, path: Path, secret: unknown): void {
  let place: unknown = document;
  for (const step of path.slice(0, -1)) place = childOf(place, step);
  const last = path.at(-1);
  if (typeof place === 'object' && place !== null && last !== undefined) Reflect.set(place, last, secret);
}

function childOf(place: unknown, step: string | number): unknown {
  return typeof place === 'object' && place !== null ? Reflect.get(place, step) : undefined;
}

function isSealed(value: unknown): value is Sealed {
  return isRecord(value) && typeof value['$sealed'] === 'string' && typeof value['$key'] === 'string';
}

/** A stored document: it was checked before it was written, so its shape is known. */
function asEntity(value: unknown): SnapshotEntity {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return value as SnapshotEntity;
}
