import type { PluginSchemas } from '../plugin-schemas/plugin-schema.ts';
import type { Field } from '../schema/field.ts';
import { isDigestMask, maskedText, type Mask } from '../schema/mask.ts';
import { descend, mapRecord } from '../schema/walk.ts';
import type { SnapshotEntities } from '../snapshot.ts';
import type { EntityDescriptor } from './entity.ts';
import { maskEntity, secretFields } from './secret-fields.ts';

type Values = Readonly<Record<string, unknown>>;

/** Puts secrets in the places of their masks. */
export type Unmask = (entity: EntityDescriptor, value: Values) => Values;

export interface UnmaskOptions {
  /** The configuration whose secrets the masks stand for. */
  readonly entities: SnapshotEntities;
  readonly descriptors: readonly EntityDescriptor[];
  readonly plugins: PluginSchemas;
  readonly mask: Mask;
}

/** Tells whether a text may hold the mask of a secret: only then the secrets need to be read. */
export function mayHoldMasks(text: string | Uint8Array): boolean {
  return (typeof text === 'string' ? text : Buffer.from(text.buffer, text.byteOffset, text.length)).includes(
    `${maskedText}:`,
  );
}

/**
 * Returns the function that puts secrets in the places of their masks, for bodies that are compared and never stored. It
 * does so in fields for secrets alone: anywhere else an error or a name could show them. A mask of a secret that is gone
 * stays, and is refused as one.
 */
export function unmasker({ entities, descriptors, plugins, mask }: UnmaskOptions): Unmask {
  const secrets = new Map<string, unknown>();
  const note: Mask = (secret) => {
    const masked = mask(secret);
    secrets.set(masked, secret);
    return masked;
  };
  for (const entity of descriptors) {
    for (const value of entities[entity.plural] ?? []) maskEntity(entity, plugins, value, note);
  }
  const visit = ({ encrypted }: Field, value: unknown): unknown =>
    encrypted === true && typeof value === 'string' && isDigestMask(value) ? (secrets.get(value) ?? value) : descend;
  return (entity, value) => mapRecord(secretFields(entity, plugins, value), value, visit);
}
