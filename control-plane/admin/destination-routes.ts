import { clusterNames, keptClusterUser, type ClusterUser } from '../../shared/cluster-names.ts';
import { createPacer } from '../../shared/pacer.ts';
import { isRecord } from '../../shared/schema/is-record.ts';
import { referencedId, type SnapshotEntity } from '../../shared/snapshot.ts';
import type { EntityStore } from '../store/entity-store.ts';
import type { Clustering } from './clustering.ts';
import type { PathAbout } from './openapi.ts';
import type { Handlers } from './resource.ts';

/** Plugins that are listed of one destination. */
const usersMax = 50;

/** A plugin that needs a destination. */
interface DestinationUser {
  readonly plugin: string;
  readonly plugin_name: string;
  readonly route: string | null;
  readonly service: string | null;
}

interface Users {
  readonly used_by: DestinationUser[];
  used_by_total: number;
}

const about = {
  summary: 'Clusters, topics and registries that the configuration needs, with the nodes that reach them.',
};

/** Adds `GET /clustering/destinations`. */
export function addDestinations(
  clustering: Clustering,
  store: EntityStore,
  add: (path: string, handlers: Handlers, about?: PathAbout) => void,
): void {
  let known: { readonly version: string; readonly users: Promise<ReadonlyMap<string, Users>> } | undefined;
  const users = (): Promise<ReadonlyMap<string, Users>> => {
    const version = store.version();
    if (known?.version !== version) known = { version, users: usersOf(store) };
    return known.users;
  };
  add(
    '/clustering/destinations',
    {
      async GET() {
        const told = clustering.destinations();
        const byName = await users();
        const data = told.map((destination) => ({
          ...destination,
          ...(byName.get(`${destination.kind} ${destination.name}`) ?? { used_by: [], used_by_total: 0 }),
        }));
        return { status: 200, body: { data, next: null } };
      },
    },
    about,
  );
}

/** Returns the plugins that need a destination, by kind and name. Reads the plugins in slices. */
async function usersOf(store: EntityStore): Promise<ReadonlyMap<string, Users>> {
  const plugins: { readonly plugin: SnapshotEntity; readonly kept: ClusterUser }[] = [];
  const pacer = createPacer();
  for (const { plural, list } of store.readPieces()) {
    for (const plugin of plural === 'plugins' ? list : []) {
      const kept = plugin['enabled'] === false ? undefined : keptClusterUser(plugin);
      if (kept !== undefined) plugins.push({ plugin, kept });
    }
    if (pacer.isDue()) await pacer.pause();
  }
  const names = clusterNames(plugins.map(({ kept }) => kept));
  const users = new Map<string, Users>();
  for (const { plugin, kept } of plugins) {
    for (const place of placesOf(plugin, names.nameOf(kept.config))) note(users, place, plugin);
    if (pacer.isDue()) await pacer.pause();
  }
  return users;
}

/** Returns the destinations of a plugin as nodes name them. */
function placesOf({ config }: SnapshotEntity, cluster: string | undefined): string[] {
  if (!isRecord(config) || cluster === undefined) return [];
  const { topic, schema_registry: registries } = config;
  const places = [`cluster ${cluster}`];
  if (typeof topic === 'string') places.push(`topic ${cluster}/${topic}`);
  const registry = isRecord(registries) ? registries['confluent'] : undefined;
  const url = isRecord(registry) ? registry['url'] : undefined;
  if (typeof url === 'string' && URL.canParse(url)) places.push(`registry ${new URL(url).host}`);
  return places;
}

function note(users: Map<string, Users>, place: string, plugin: SnapshotEntity): void {
  const known = users.get(place) ?? { used_by: [], used_by_total: 0 };
  users.set(place, known);
  known.used_by_total += 1;
  if (known.used_by.length >= usersMax) return;
  known.used_by.push({
    plugin: plugin.id,
    plugin_name: String(plugin['instance_name'] ?? plugin['name']),
    route: referencedId(plugin['route']) ?? null,
    service: referencedId(plugin['service']) ?? null,
  });
}
