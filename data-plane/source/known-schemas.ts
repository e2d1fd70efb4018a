import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { fieldPaths } from '../../shared/schema/field-paths.ts';

/** The names in a node's hello, so that a newer control plane leaves out the parts that the node does not know. */
export interface KnownSchemas {
  readonly plugins: { readonly name: string; readonly version: string; readonly fields: string[] }[];
  readonly entityKinds: { readonly plural: string; readonly fields: string[] }[];
}

/** Lists the plugins and the kinds of entities that this node knows, each with its fields. */
export function knownSchemas(entities: readonly EntityDescriptor[], plugins: PluginSchemas): KnownSchemas {
  return {
    plugins: Object.values(plugins).map(({ name, version, config }) => ({
      name,
      version,
      fields: [...fieldPaths(config.fields ?? {})],
    })),
    entityKinds: entities.map(({ plural, fields }) => ({ plural, fields: [...fieldPaths(fields)] })),
  };
}
