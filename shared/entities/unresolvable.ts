import type { EntityFault } from '../config-source.ts';
import type { PluginSchemas } from '../plugin-schemas/plugin-schema.ts';
import { dottedPath } from '../schema/faults.ts';
import { descend, holding, mapRecord, pathOf } from '../schema/walk.ts';
import { nameOf, type SnapshotEntity } from '../snapshot.ts';
import { isReference, parseReference } from '../vault-reference.ts';
import { effectiveDescriptor } from './check-entity.ts';
import type { EntityDescriptor } from './entity.ts';

const holdsReferences = holding(({ referenceable }) => referenceable === true);

/**
 * Finds references of a stored entity that no node can resolve. They are refused when an entity is written, so that only
 * databases of older versions hold them.
 */
export function unresolvableReferences(
  entity: EntityDescriptor,
  plugins: PluginSchemas,
  value: SnapshotEntity,
): readonly EntityFault[] {
  const faults: EntityFault[] = [];
  mapRecord(
    effectiveDescriptor(entity, plugins, value).fields,
    value,
    ({ referenceable }, text, place) => {
      if (referenceable !== true || typeof text !== 'string' || !isReference(text)) return descend;
      const parsed = parseReference(text);
      if (parsed.kind === 'fault') {
        const path = dottedPath(pathOf(place));
        faults.push({
          entityType: entity.name,
          entityId: value.id,
          entityName: nameOf(value),
          path,
          message: parsed.message,
        });
      }
      return text;
    },
    { test: holdsReferences },
  );
  return faults;
}
