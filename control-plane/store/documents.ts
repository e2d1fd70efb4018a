import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { secretFields } from '../../shared/entities/secret-fields.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { isRecord } from '../../shared/schema/check.ts';
import type { Field, Fields } from '../../shared/schema/field.ts';
import type { SnapshotEntity } from '../../shared/snapshot.ts';
import type { Keyring, KeyringKey } from './keyring.ts';

/** How entities lie in their tables. */
export interface Documents {
  encode(entity: EntityDescriptor, value: SnapshotEntity): string;
  decode(entity: EntityDescriptor, text: string): SnapshotEntity;
  /** What stands in the column of a unique field for its value. */
  column(entity: EntityDescriptor, field: string, value: string): string;
  /** Names the key that writes; undefined: all is in the clear. */
  readonly keyId: string | undefined;
  /** Whether documents by the key can be read. */
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
 * Documents whose encrypted fields are sealed together, bound to their entity: what is taken from one row does not open
 * in another. Which fields they are follows from the descriptors when a document is written; reading needs none.
 */
export function sealedDocuments({ keyring, plugins }: { keyring: Keyring; plugins: PluginSchemas }): Documents {
  const [writing] = keyring;
  const keys = new Map<string, KeyringKey>(keyring.map((key) => [key.id, key]));
  return {
    encode(entity, value) {
      const secrets: Secret[] = [];
      const document = take(secretFields(entity, plugins, value), value, [], secrets);
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

/** A copy without the secrets, which are added to the list with their paths. */
function take(
  fields: Fields,
  value: Readonly<Record<string, unknown>>,
  path: Path,
  secrets: Secret[],
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
      return [name, field === undefined ? inner : takeField(field, inner, [...path, name], secrets)];
    }),
  );
}

function takeField(field: Field, value: unknown, path: Path, secrets: Secret[]): unknown {
  if (value === null || value === undefined) return value;
  if (field.encrypted === true) {
    secrets.push([path, value]);
    return null;
  }
  if (Array.isArray(value)) {
    const { elements } = field;
    if (elements === undefined) return value;
    return value.map((item: unknown, index) => takeField(elements, item, [...path, index], secrets));
  }
  if (!isRecord(value)) return value;
  if (field.fields !== undefined) return take(field.fields, value, path, secrets);
  const { values } = field;
  if (values === undefined) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, takeField(values, inner, [...path, key], secrets)]),
  );
}

/** Into a freshly parsed document, whose places are there. */
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
