import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import type { Hello__Output } from '../../shared/generated/sluice/sync/v1/Hello.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { isRecord } from '../../shared/schema/is-record.ts';
import { giveMovedFieldsBack, type MovedField } from '../../shared/schema/moved-fields.ts';
import { fieldPaths, innerFields, requiredToUnderstandPaths } from '../../shared/schema/field-paths.ts';
import type { Fields } from '../../shared/schema/field.ts';
import { canonicalJson, type SnapshotEntity } from '../../shared/snapshot.ts';

/** The version, entities and plugins that this control plane knows. */
export interface OwnSchemas {
  /** The empty text serves nodes of every version. */
  readonly version: string;
  readonly entities: readonly EntityDescriptor[];
  readonly plugins: PluginSchemas;
}

/** The reason why a node is not served, in Kong's words. */
export type RefusalStatus = 'kong_version_incompatible' | 'plugin_set_incompatible' | 'plugin_version_incompatible';

/** Says what happens to something in the configuration that a node does not know. */
export interface CompatibilityRow {
  /** A dotted path: `services.tls_verify`, or `config.topic` of a plugin. Null when no field is concerned. */
  readonly field: string | null;
  /** Null when no plugin is concerned. */
  readonly plugin: string | null;
  /** `removed`: the node gets the configuration without it. `refused`: the node gets no configuration. */
  readonly action: 'removed' | 'refused';
  /** A sentence for the operator. */
  readonly reason: string;
}

/** The rules that adapt configurations to nodes that know less than this control plane. */
export interface Compatibility {
  /** Nodes with the same key get the same configuration. */
  readonly key: string;
  /** Present when these nodes get no configuration, whatever it holds. */
  readonly refusal: { readonly status: RefusalStatus; readonly row: CompatibilityRow } | undefined;
  /** Absent when entities travel unchanged. */
  readonly adapt: ((plural: string, entity: SnapshotEntity) => Adapted) | undefined;
}

export interface Adapted {
  /** The entity as it travels; undefined when it is left out. */
  readonly entity: SnapshotEntity | undefined;
  readonly rows: readonly CompatibilityRow[];
  /** Present when this entity keeps the nodes from getting the configuration at all. */
  readonly refusal?: RefusalStatus;
}

/** The key of nodes that know everything this control plane knows. */
export const wholeKey = '';

/**
 * Compares the knowledge in a node's hello with that of this control plane. Nodes of another major version are not
 * served. Parts that an older node does not know are removed, unless they are `requiredToUnderstand`: those make the node
 * incompatible while the configuration uses them. So does a plugin that a node of this or a newer version lacks, or has in
 * another major version.
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
    [...unknown.moved].map(([plugin, moved]) => [plugin, moved.map(({ from }) => from)]),
  ]);
  return { key, refusal: undefined, adapt: (plural, entity) => adapt(plural, entity, unknown, own) };
}

interface Unknown {
  readonly version: string;
  readonly isOlder: boolean;
  readonly kinds: ReadonlySet<string>;
  /** The unknown fields of each kind, by plural. */
  readonly fields: ReadonlyMap<string, ReadonlySet<string>>;
  /** The plugins that the node lacks (null) or has in another major version (that version). */
  readonly plugins: ReadonlyMap<string, string | null>;
  /** The unknown fields of each plugin's config, by plugin name. */
  readonly config: ReadonlyMap<string, ReadonlySet<string>>;
  /** Fields that the node knows only in the place that they have left, by plugin name. */
  readonly moved: ReadonlyMap<string, readonly MovedField[]>;
}

function unknownTo(hello: Pick<Hello__Output, 'version' | 'plugins' | 'entityKinds'>, own: OwnSchemas): Unknown {
  const kinds = new Set<string>();
  const fields = new Map<string, ReadonlySet<string>>();
  // A hello may name any number of kinds and plugins: what it says of ours alone is kept.
  const ownPlurals = new Set(own.entities.map(({ plural }) => plural));
  const toldOfOurs = hello.entityKinds.filter(({ plural }) => ownPlurals.has(plural));
  const knownKinds = new Map(toldOfOurs.map((kind) => [kind.plural, new Set(kind.fields)]));
  const tellsKinds = hello.entityKinds.length > 0;
  for (const { plural } of own.entities) if (tellsKinds && !knownKinds.has(plural)) kinds.add(plural);
  for (const descriptor of own.entities) {
    const known = knownKinds.get(descriptor.plural);
    if (known === undefined) continue;
    // A reference to a kind that the node does not know would dangle there.
    const missing = fieldPaths(descriptor.fields).filter(
      (path) => !known.has(path) || kinds.has(descriptor.fields[path]?.reference ?? ''),
    );
    if (missing.length > 0) fields.set(descriptor.plural, new Set(missing));
  }
  const plugins = new Map<string, string | null>();
  const config = new Map<string, ReadonlySet<string>>();
  const moved = new Map<string, readonly MovedField[]>();
  const ownPlugins = Object.values(own.plugins);
  const ownNames = new Set(ownPlugins.map(({ name }) => name));
  const pluginsOfOurs = hello.plugins.filter(({ name }) => ownNames.has(name));
  const knownPlugins = new Map(pluginsOfOurs.map((plugin) => [plugin.name, plugin]));
  for (const schema of ownPlugins) {
    const known = knownPlugins.get(schema.name);
    if (known === undefined) plugins.set(schema.name, null);
    else if (numbersOf(known.version)[0] !== numbersOf(schema.version)[0]) plugins.set(schema.name, known.version);
    else if (known.fields.length > 0) {
      const names = new Set(known.fields);
      const missing = fieldPaths(schema.config.fields ?? {}).filter((path) => !names.has(path));
      if (missing.length > 0) config.set(schema.name, new Set(missing));
      const back = (schema.moved ?? []).filter(({ from, to }) => names.has(from) && !names.has(to));
      if (back.length > 0) moved.set(schema.name, back);
    }
  }
  return {
    version: hello.version,
    isOlder: isOlder(hello.version, own.version),
    kinds,
    fields,
    plugins,
    config,
    moved,
  };
}

function adapt(plural: string, entity: SnapshotEntity, unknown: Unknown, own: OwnSchemas): Adapted {
  if (unknown.kinds.has(plural)) {
    const row = { field: plural, plugin: null, action: 'removed', reason: `the node does not know ${plural}` } as const;
    return { entity: undefined, rows: [row] };
  }
  const plugin = plural === 'plugins' && typeof entity['name'] === 'string' ? entity['name'] : null;
  const otherVersion = plugin === null ? undefined : unknown.plugins.get(plugin);
  if (plugin !== null && otherVersion !== undefined) return withoutPlugin(plugin, otherVersion, unknown, own);
  const removal = new Removal();
  const { fields = {} } = own.entities.find((descriptor) => descriptor.plural === plural) ?? {};
  const kept = without(fields, entity, unknown.fields.get(plural) ?? none, '', removal.listener(fields, plural, null));
  const missing = plugin === null ? undefined : unknown.config.get(plugin);
  if (plugin === null || missing === undefined)
    return { entity: { ...asRecord(kept), id: entity.id }, ...removal.result() };
  const configFields = own.plugins[plugin]?.config.fields ?? {};
  const listener = removal.listener(configFields, 'config', plugin);
  const given = giveMovedFieldsBack(unknown.moved.get(plugin) ?? [], asRecord(entity['config']));
  const config = without(configFields, given, missing, '', listener);
  return { entity: { ...asRecord(kept), config, id: entity.id }, ...removal.result() };
}

/** Each table of fields is read once: entities come by the ten thousand. */
const requiredByFields = new WeakMap<Fields, ReadonlySet<string>>();

function requiredPaths(fields: Fields): ReadonlySet<string> {
  const known = requiredByFields.get(fields);
  if (known !== undefined) return known;
  const paths = new Set(requiredToUnderstandPaths(fields));
  requiredByFields.set(fields, paths);
  return paths;
}

/** Collects the fields that are removed from one entity, and the refusal if a node must know one of them. */
class Removal {
  readonly #rows: CompatibilityRow[] = [];
  #refusal: RefusalStatus | undefined;

  /** Makes the listener for fields under a prefix; of a plugin, or null for those of the entity itself. */
  listener(fields: Fields, prefix: string, plugin: string | null): (path: string) => void {
    const required = requiredPaths(fields);
    return (path) => {
      const field = `${prefix}.${path}`;
      if (!required.has(path)) {
        this.#rows.push({ field, plugin, action: 'removed', reason: 'the node does not know the field' });
        return;
      }
      const reason = 'the node does not know the field, which decides who may send or what is written';
      this.#rows.push({ field, plugin, action: 'refused', reason });
      this.#refusal = plugin === null ? 'kong_version_incompatible' : 'plugin_version_incompatible';
    };
  }

  result(): Pick<Adapted, 'rows' | 'refusal'> {
    return { rows: this.#rows, ...(this.#refusal !== undefined && { refusal: this.#refusal }) };
  }
}

const none: ReadonlySet<string> = new Set();

function withoutPlugin(
  plugin: string,
  otherVersion: string | null,
  { isOlder, version }: Unknown,
  own: OwnSchemas,
): Adapted {
  if (otherVersion !== null) {
    const reason = `the node has version ${otherVersion} of the plugin`;
    const row = { field: null, plugin, action: 'refused', reason } as const;
    return { entity: undefined, rows: [row], refusal: 'plugin_version_incompatible' };
  }
  if (isOlder && own.plugins[plugin]?.requiredToUnderstand !== true) {
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

/** Copies the value without the fields at these paths. Calls `onRemoved` for each that was not at its default. */
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

/** Tells whether the node behaves the same without this value: it is null or the field's default. */
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

/** Reads major, minor and patch. A part that is no number counts as -1, so that it equals no release. */
function numbersOf(version: string): readonly [number, number, number] {
  const [major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? [];
  return [major ?? -1, minor ?? -1, patch ?? -1];
}
