import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import type { Hello__Output } from '../../shared/generated/sluice/sync/v1/Hello.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { isRecord } from '../../shared/schema/check.ts';
import { fieldPaths, innerFields } from '../../shared/schema/field-paths.ts';
import type { Fields } from '../../shared/schema/field.ts';
import { canonicalJson, type SnapshotEntity } from '../../shared/snapshot.ts';

/** What this control plane knows. */
export interface OwnSchemas {
  /** '' serves nodes of every version. */
  readonly version: string;
  readonly entities: readonly EntityDescriptor[];
  readonly plugins: PluginSchemas;
}

/** Why a node is not served, in Kong's words. */
export type RefusalStatus = 'kong_version_incompatible' | 'plugin_set_incompatible' | 'plugin_version_incompatible';

/** What was done about something that a node does not know; null where it concerns no field, or no plugin. */
export interface CompatibilityRow {
  /** Dotted; of an entity after its plural: `services.tls_verify`; of a plugin after `config`. */
  readonly field: string | null;
  readonly plugin: string | null;
  /** `removed`: the node is served without it. `refused`: the node is served nothing. */
  readonly action: 'removed' | 'refused';
  /** For people. */
  readonly reason: string;
}

/** How configurations are changed for nodes that know less than this control plane. */
export interface Compatibility {
  /** Nodes with the same key are served alike. */
  readonly key: string;
  /** Nothing is served, whatever the configuration holds. */
  readonly refusal: { readonly status: RefusalStatus; readonly row: CompatibilityRow } | undefined;
  /** Without it entities travel as they are. */
  readonly adapt: ((plural: string, entity: SnapshotEntity) => Adapted) | undefined;
}

export interface Adapted {
  /** What travels; undefined when the entity does not. */
  readonly entity: SnapshotEntity | undefined;
  readonly rows: readonly CompatibilityRow[];
  /** The entity keeps the whole configuration from being served. */
  readonly refusal?: RefusalStatus;
}

/** Key of the nodes that know all that this control plane knows. */
export const wholeKey = '';

/**
 * Compares what a node says it knows with what this control plane knows. Other major versions are not served. What a
 * node of an older version does not know is left out; a plugin that a node of this or a newer version lacks, or has in
 * another major version, keeps a configuration that uses it from being served.
 */
export function compatibilityOf(
  hello: Pick<Hello__Output, 'version' | 'plugins' | 'entityKinds'>,
  own: OwnSchemas,
): Compatibility {
  if (own.version !== '' && numbersOf(hello.version)[0] !== numbersOf(own.version)[0]) {
    const reason = `version ${hello.version} is of another major version than ${own.version}`;
    const row: CompatibilityRow = { field: null, plugin: null, action: 'refused', reason };
    return {
      key: `version ${hello.version}`,
      refusal: { status: 'kong_version_incompatible', row },
      adapt: undefined,
    };
  }
  const unknown = unknownTo(hello, own);
  const known =
    unknown.kinds.size === 0 && unknown.fields.size === 0 && unknown.plugins.size === 0 && unknown.config.size === 0;
  if (known) return { key: wholeKey, refusal: undefined, adapt: undefined };
  const key = canonicalJson([
    hello.version,
    [...unknown.kinds],
    [...unknown.fields].map(([plural, fields]) => [plural, [...fields]]),
    [...unknown.plugins],
    [...unknown.config].map(([plugin, fields]) => [plugin, [...fields]]),
  ]);
  return { key, refusal: undefined, adapt: (plural, entity) => adapt(plural, entity, unknown, own) };
}

interface Unknown {
  readonly version: string;
  readonly isOlder: boolean;
  readonly kinds: ReadonlySet<string>;
  /** By plural. */
  readonly fields: ReadonlyMap<string, ReadonlySet<string>>;
  /** Plugins that are missing, or there in another major version, which is the value then. */
  readonly plugins: ReadonlyMap<string, string | null>;
  /** By plugin: fields of its config. */
  readonly config: ReadonlyMap<string, ReadonlySet<string>>;
}

function unknownTo(hello: Pick<Hello__Output, 'version' | 'plugins' | 'entityKinds'>, own: OwnSchemas): Unknown {
  const kinds = new Set<string>();
  const fields = new Map<string, ReadonlySet<string>>();
  const knownKinds = new Map(hello.entityKinds.map((kind) => [kind.plural, new Set(kind.fields)]));
  for (const { plural } of own.entities) if (knownKinds.size > 0 && !knownKinds.has(plural)) kinds.add(plural);
  for (const descriptor of own.entities) {
    const known = knownKinds.get(descriptor.plural);
    if (known === undefined) continue;
    // A reference to a kind that the node does not know would lead nowhere.
    const missing = fieldPaths(descriptor.fields).filter(
      (path) => !known.has(path) || kinds.has(descriptor.fields[path]?.reference ?? ''),
    );
    if (missing.length > 0) fields.set(descriptor.plural, new Set(missing));
  }
  const plugins = new Map<string, string | null>();
  const config = new Map<string, ReadonlySet<string>>();
  const knownPlugins = new Map(hello.plugins.map((plugin) => [plugin.name, plugin]));
  for (const schema of Object.values(own.plugins)) {
    const known = knownPlugins.get(schema.name);
    if (known === undefined) plugins.set(schema.name, null);
    else if (numbersOf(known.version)[0] !== numbersOf(schema.version)[0]) plugins.set(schema.name, known.version);
    else if (known.fields.length > 0) {
      const names = new Set(known.fields);
      const missing = fieldPaths(schema.config.fields ?? {}).filter((path) => !names.has(path));
      if (missing.length > 0) config.set(schema.name, new Set(missing));
    }
  }
  return { version: hello.version, isOlder: isOlder(hello.version, own.version), kinds, fields, plugins, config };
}

function adapt(plural: string, entity: SnapshotEntity, unknown: Unknown, own: OwnSchemas): Adapted {
  if (unknown.kinds.has(plural)) {
    const row = { field: plural, plugin: null, action: 'removed', reason: `the node does not know ${plural}` } as const;
    return { entity: undefined, rows: [row] };
  }
  const plugin = plural === 'plugins' && typeof entity['name'] === 'string' ? entity['name'] : null;
  const otherVersion = plugin === null ? undefined : unknown.plugins.get(plugin);
  if (plugin !== null && otherVersion !== undefined) return withoutPlugin(plugin, otherVersion, unknown);
  const rows: CompatibilityRow[] = [];
  const onRemoved = (ofPlugin: string | null, field: string): void =>
    void rows.push({ field, plugin: ofPlugin, action: 'removed', reason: 'the node does not know the field' });
  const fields = own.entities.find((descriptor) => descriptor.plural === plural)?.fields ?? {};
  const missing = unknown.fields.get(plural) ?? none;
  const kept = without(fields, entity, missing, '', (path) => onRemoved(null, `${plural}.${path}`));
  const missingOfConfig = plugin === null ? undefined : unknown.config.get(plugin);
  if (plugin !== null && missingOfConfig !== undefined) {
    const configFields = own.plugins[plugin]?.config.fields ?? {};
    const config = without(configFields, entity['config'], missingOfConfig, '', (path) =>
      onRemoved(plugin, `config.${path}`),
    );
    return { entity: { ...asRecord(kept), config, id: entity.id }, rows };
  }
  return { entity: { ...asRecord(kept), id: entity.id }, rows };
}

const none: ReadonlySet<string> = new Set();

function withoutPlugin(plugin: string, otherVersion: string | null, { isOlder, version }: Unknown): Adapted {
  if (otherVersion !== null) {
    const reason = `the node has version ${otherVersion} of the plugin`;
    const row = { field: null, plugin, action: 'refused', reason } as const;
    return { entity: undefined, rows: [row], refusal: 'plugin_version_incompatible' };
  }
  if (isOlder) {
    const reason = `version ${version} of the node does not have the plugin`;
    return { entity: undefined, rows: [{ field: null, plugin, action: 'removed', reason }] };
  }
  const reason = 'the node does not have the plugin';
  return {
    entity: undefined,
    rows: [{ field: null, plugin, action: 'refused', reason }],
    refusal: 'plugin_set_incompatible',
  };
}

/** A copy without the fields at these paths; `onRemoved` is told of those that were set to something of their own. */
function without(
  fields: Fields,
  value: unknown,
  missing: ReadonlySet<string>,
  prefix: string,
  onRemoved: (path: string) => void,
): unknown {
  if (Array.isArray(value)) return value.map((item) => without(fields, item, missing, prefix, onRemoved));
  if (!isRecord(value)) return value;
  const kept: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    const field = fields[name];
    const path = `${prefix}${name}`;
    if (field === undefined) kept[name] = without(fields, inner, missing, prefix, onRemoved);
    else if (!missing.has(path)) kept[name] = without(innerFields(field), inner, missing, `${path}.`, onRemoved);
    else if (!isDefault(inner, field.default)) onRemoved(path);
  }
  return kept;
}

/** Null, or what the field is when nobody sets it: without it the node does the same. */
function isDefault(value: unknown, standard: unknown): boolean {
  return value === null || value === undefined || canonicalJson(value) === canonicalJson(standard);
}

function asRecord(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

function isOlder(version: string, than: string): boolean {
  const [ours, theirs] = [numbersOf(than), numbersOf(version)];
  const different = ours.findIndex((number, index) => number !== theirs[index]);
  return different !== -1 && (theirs[different] ?? 0) < (ours[different] ?? 0);
}

/** Major, minor and patch; what is no number counts as -1, so that it equals no release. */
function numbersOf(version: string): readonly [number, number, number] {
  const [major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? [];
  return [major ?? -1, minor ?? -1, patch ?? -1];
}
