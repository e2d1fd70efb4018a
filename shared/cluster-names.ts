import { hash as digestOf } from 'node:crypto';
import { kafkaFields } from './plugin-schemas/kafka-fields.ts';
import { effectiveValue } from './schema/effective.ts';
import { isRecord } from './schema/is-record.ts';
import { canonicalJson } from './snapshot.ts';
import { isUuid } from './uuid.ts';
import { isReference } from './vault-reference.ts';

/** A plugin entity as it is stored or travels, with its references unresolved. */
export interface ClusterUser {
  readonly id: string;
  readonly name?: unknown;
  readonly instance_name?: unknown;
  readonly config?: unknown;
}

/** A mistake with names that an operator should mend. The configuration works with it. */
export type ClusterWarning =
  /** Plugins call one cluster by several names; the first of them is used. */
  | { readonly kind: 'several_names'; readonly names: readonly string[]; readonly plugins: readonly string[] }
  /** Clusters with different settings have one name: their metrics and log lines cannot be told apart. */
  | { readonly kind: 'shared_name'; readonly name: string; readonly plugins: readonly string[] };

export interface ClusterNames {
  /** Returns the name of the cluster that the config of one of the plugins uses; undefined: it uses none. */
  nameOf(config: unknown): string | undefined;
  /** All names with their settings' key, in order. */
  readonly names: readonly string[];
  readonly warnings: readonly ClusterWarning[];
  /** Returns the warnings about the cluster that a config uses. */
  warningsAbout(config: unknown): readonly ClusterWarning[];
}

interface Cluster {
  readonly fallback: string;
  readonly given: Set<string>;
  readonly users: ClusterUser[];
}

/** At most this many plugins are named in a warning. */
const warnedPluginsMax = 20;

/**
 * Names the Kafka clusters of a configuration, alike on every node and in the control plane: plugins with equal settings
 * (brokers, login, TLS, all as they are configured) use one cluster. Its name is the first, in sorting order, of the
 * `cluster_name`s of these plugins; a generated one does not count. Without any, it is the brokers' addresses in
 * sorting order, with `user@` before them where the user is no reference.
 */
export function clusterNames(plugins: Iterable<ClusterUser>): ClusterNames {
  const clusters = new Map<string, Cluster>();
  for (const plugin of plugins) {
    const settings = settingsOf(plugin.config);
    if (settings === undefined) continue;
    const cluster = clusters.get(settings.key) ?? { fallback: settings.fallback, given: new Set(), users: [] };
    clusters.set(settings.key, cluster);
    cluster.users.push(plugin);
    if (settings.given !== undefined) cluster.given.add(settings.given);
  }
  const names = new Map([...clusters].map(([key, cluster]) => [key, nameOfCluster(cluster)] as const));
  const told = warningsOf(clusters, names);
  return {
    nameOf(config) {
      const settings = settingsOf(config);
      return settings === undefined ? undefined : (names.get(settings.key) ?? settings.given ?? settings.fallback);
    },
    names: [...names.values()].sort(),
    warnings: told.map(({ warning }) => warning),
    warningsAbout(config) {
      const key = settingsOf(config)?.key;
      return told.filter(({ keys }) => key !== undefined && keys.has(key)).map(({ warning }) => warning);
    },
  };
}

/** Returns the plugin with as little of its config as `clusterNames` needs, for those who keep many. */
export function keptClusterUser({ id, name, instance_name, config }: ClusterUser): ClusterUser | undefined {
  const settings = settingsOf(config);
  if (settings === undefined) return undefined;
  const stand = {};
  known.set(stand, settings);
  return { id, name, instance_name, config: stand };
}

/** Says a warning in one sentence, for answers, logs and the status page. */
export function clusterWarningText(warning: ClusterWarning): string {
  const plugins = warning.plugins.join(', ');
  if (warning.kind === 'shared_name') {
    return `Kafka clusters with different settings are called '${warning.name}': ${plugins}`;
  }
  const names = warning.names.map((name) => `'${name}'`).join(', ');
  return `one Kafka cluster has several names (${names}); '${warning.names[0] ?? ''}' is used: ${plugins}`;
}

function nameOfCluster({ given, fallback }: Cluster): string {
  return [...given].sort()[0] ?? fallback;
}

interface Told {
  readonly warning: ClusterWarning;
  /** The settings of the clusters that it is about. */
  readonly keys: ReadonlySet<string>;
}

function warningsOf(clusters: ReadonlyMap<string, Cluster>, names: ReadonlyMap<string, string>): Told[] {
  const told: Told[] = [];
  const byName = new Map<string, [key: string, cluster: Cluster][]>();
  for (const [key, cluster] of clusters) {
    const name = names.get(key) ?? '';
    const sharing = byName.get(name);
    if (sharing === undefined) byName.set(name, [[key, cluster]]);
    else sharing.push([key, cluster]);
    if (cluster.given.size < 2) continue;
    const given = [...cluster.given].sort();
    const warning = { kind: 'several_names', names: given, plugins: labelsOf(cluster.users) } as const;
    told.push({ warning, keys: new Set([key]) });
  }
  for (const [name, sharing] of byName) {
    if (sharing.length < 2) continue;
    const plugins = labelsOf(sharing.flatMap(([, { users }]) => users));
    const warning = { kind: 'shared_name', name, plugins } as const;
    told.push({ warning, keys: new Set(sharing.map(([key]) => key)) });
  }
  return told;
}

function labelsOf(users: readonly ClusterUser[]): string[] {
  const labels = users.slice(0, warnedPluginsMax).map(({ id, name, instance_name: instance }) => {
    const label = typeof instance === 'string' ? instance : typeof name === 'string' ? name : 'plugin';
    return `${label} (${id})`;
  });
  return users.length > labels.length ? [...labels, `and ${users.length - labels.length} more`] : labels;
}

interface Settings {
  /** A digest: settings hold secrets, and many plugins have the same. */
  readonly key: string;
  readonly fallback: string;
  readonly given: string | undefined;
}

/** Settings by config: entities are immutable, and the same ones are asked about again with each change. */
const known = new WeakMap<object, Settings>();

function settingsOf(config: unknown): Settings | undefined {
  if (!isRecord(config)) return undefined;
  const found = known.get(config);
  if (found !== undefined) return found;
  const servers = addressesOf(config['bootstrap_servers']);
  if (servers === undefined) return undefined;
  const { authentication, security, cluster_name: name } = config;
  const user = isRecord(authentication) ? authentication['user'] : undefined;
  const isKnownUser = typeof user === 'string' && user !== '' && !isReference(user);
  const settings = {
    key: digestOf(
      'sha256',
      canonicalJson([
        servers,
        said(effectiveValue<unknown>(kafkaFields.authentication, authentication)),
        said(effectiveValue<unknown>(kafkaFields.security, security)),
      ]),
      'hex',
    ),
    fallback: `${isKnownUser ? `${user}@` : ''}${servers.join(',')}`,
    given: typeof name === 'string' && name !== '' && !isGenerated(name) ? name : undefined,
  };
  known.set(config, settings);
  return settings;
}

function addressesOf(servers: unknown): string[] | undefined {
  if (!Array.isArray(servers)) return undefined;
  const addresses = servers.map((server: unknown) =>
    isRecord(server) ? `${String(server['host'])}:${String(server['port'])}` : '',
  );
  return [...new Set(addresses)].sort();
}

/** Returns the value without what is null or empty, which a sender may as well have left out. */
function said(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(said);
  if (!isRecord(value)) return value ?? undefined;
  const entries = Object.entries(value).flatMap(([name, inner]) => {
    const kept = said(inner);
    return kept === undefined ? [] : [[name, kept] as const];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** Whether nobody chose a name: a UUID, or the 32 letters and digits that fill an absent `cluster_name`, here and in Kong. */
function isGenerated(name: string): boolean {
  return isUuid(name) || /^[0-9A-Za-z]{32}$/.test(name);
}
