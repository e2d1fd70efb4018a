import { dump } from 'js-yaml';
import { effectiveDescriptor } from '../entities/check-entity.ts';
import type { EntityDescriptor } from '../entities/entity.ts';
import { maskEntity } from '../entities/secret-fields.ts';
import type { PluginSchemas } from '../plugin-schemas/plugin-schema.ts';
import { isRecord } from '../schema/is-record.ts';
import type { Field } from '../schema/field.ts';
import type { Mask } from '../schema/mask.ts';
import { descend, mapRecord, omit } from '../schema/walk.ts';
import type { SnapshotEntities } from '../snapshot.ts';
import { formatVersion } from './document-head.ts';

export interface RenderOptions {
  readonly entities: SnapshotEntities;
  readonly descriptors: readonly EntityDescriptor[];
  readonly plugins: PluginSchemas;
  readonly format: 'json' | 'yaml';
  /** Masks the secrets; such a document says so and cannot be loaded. Undefined: the reader may see them. */
  readonly mask: Mask | undefined;
}

/**
 * Writes the configuration as a declarative document that loads again unchanged, in pieces of at most an entity, so that the
 * caller can rest between them. Entities are flat, references are ids, and fields that are null are left out where that
 * means the same.
 */
export function* renderDocument(options: RenderOptions): Generator<string, void> {
  const { entities, descriptors, plugins, format, mask } = options;
  const head = {
    _format_version: formatVersion,
    ...(mask ? { _comment: 'secrets are masked: this was read with the read-only token' } : {}),
  };
  yield format === 'json' ? JSON.stringify(head).slice(0, -1) : dump(head);
  for (const entity of descriptors) {
    const list = entities[entity.plural] ?? [];
    if (list.length === 0) continue;
    yield format === 'json' ? `,"${entity.plural}":[` : `${entity.plural}:\n`;
    for (const [index, value] of list.entries()) {
      const { fields } = effectiveDescriptor(entity, plugins, value);
      const written = mapRecord(fields, mask ? maskEntity(entity, plugins, value, mask) : value, writtenValue);
      yield format === 'json'
        ? `${index === 0 ? '' : ','}${JSON.stringify(written)}`
        : dump([written], { lineWidth: -1, noRefs: true });
    }
    if (format === 'json') yield ']';
  }
  if (format === 'json') yield '}';
}

/** Leaves out the nulls that an absent field means as well, and writes references as ids. */
function writtenValue(field: Field, value: unknown): unknown {
  // A word that was cleared must not be made anew.
  if (value === null) return field.auto === true ? value : omit;
  return field.type === 'foreign' && isRecord(value) ? value['id'] : descend;
}
