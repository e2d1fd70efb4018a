import {
  clusterNames,
  clusterWarningText,
  keptClusterUser,
  type ClusterNames,
  type ClusterUser,
} from '../shared/cluster-names.ts';
import { type Logger, stackOf } from '../shared/log.ts';
import { createPacer } from '../shared/pacer.ts';
import { Rerun } from '../shared/rerun.ts';
import { type BoundPlugin, keptBoundPlugin, neverRunning, type NeverRunning } from '../shared/never-running.ts';
import { referencedId, type SnapshotEntity } from '../shared/snapshot.ts';
import type { ConfigReader, EntityChange } from './store/config-reader.ts';

interface Kept {
  readonly users: Map<string, ClusterUser>;
  readonly bound: Map<string, BoundPlugin>;
  /** The service of each route that has one. */
  readonly services: Map<string, string>;
}

/** Warns of what an operator should mend: names of Kafka clusters, plugins that never run. It follows each write of the store. */
export class ConfigWarnings {
  readonly #reader: ConfigReader;
  readonly #endChanges: () => void;
  readonly #logger: Logger;
  readonly #reading = new Rerun(() => this.#tryToReadAll());
  #kept: Kept = { users: new Map(), bound: new Map(), services: new Map() };
  #names: ClusterNames | undefined;
  #neverRunning: readonly NeverRunning[] | undefined;
  readonly #logged: Record<'cluster_names' | 'plugin_never_runs', ReadonlySet<string>> = {
    cluster_names: new Set(),
    plugin_never_runs: new Set(),
  };

  constructor({ reader, logger }: { readonly reader: ConfigReader; readonly logger: Logger }) {
    this.#reader = reader;
    this.#logger = logger;
    this.#endChanges = reader.onChange((_revision, changes) => {
      // A load of everything tells no changes.
      if (changes === undefined) this.#reading.start();
      for (const { plural, id, entity } of changes ?? []) this.#take(plural, id, entity);
    });
    this.#reading.start();
  }

  /** Returns sentences about this plugin and the cluster that it uses. */
  about(plugin: SnapshotEntity): readonly string[] {
    this.#take('plugins', plugin.id, plugin);
    const own = this.#idle().filter(({ id }) => id === plugin.id);
    return [...this.#current().warningsAbout(plugin['config']).map(clusterWarningText), ...own.map(({ text }) => text)];
  }

  /** Returns sentences about all clusters and plugins. */
  all(): readonly string[] {
    return [...this.#current().warnings.map(clusterWarningText), ...this.#idle().map(({ text }) => text)];
  }

  async stop(): Promise<void> {
    this.#endChanges();
    await this.#reading.idle();
  }

  #current(): ClusterNames {
    if (this.#names !== undefined) return this.#names;
    this.#names = clusterNames(this.#kept.users.values());
    this.#log('cluster_names', this.#names.warnings.map(clusterWarningText));
    return this.#names;
  }

  #idle(): readonly NeverRunning[] {
    if (this.#neverRunning !== undefined) return this.#neverRunning;
    const { bound, services } = this.#kept;
    this.#neverRunning = neverRunning(bound.values(), (routeId) => services.get(routeId));
    this.#log(
      'plugin_never_runs',
      this.#neverRunning.map(({ text }) => text),
    );
    return this.#neverRunning;
  }

  /** Logs each sentence once for as long as it holds. */
  #log(event: 'cluster_names' | 'plugin_never_runs', warnings: readonly string[]): void {
    for (const warning of warnings) if (!this.#logged[event].has(warning)) this.#logger.warn(event, warning);
    this.#logged[event] = new Set(warnings);
  }

  #take(plural: string, id: string, entity: SnapshotEntity | undefined): void {
    if (plural !== 'plugins' && plural !== 'routes') return;
    if (plural === 'plugins') this.#names = undefined;
    this.#neverRunning = undefined;
    take(this.#kept, plural, id, entity);
  }

  /** Without the store there is nothing to warn of; whoever needs it more tells why it cannot be read. */
  async #tryToReadAll(): Promise<void> {
    try {
      await this.#readAll();
    } catch (error) {
      this.#logger.error('cluster_names_unread', 'The plugins could not be read to look for warnings', {
        error: stackOf(error),
      });
    }
  }

  /** Reads all plugins and routes in slices. Writes that come meanwhile are taken again at the end. */
  async #readAll(): Promise<void> {
    const pacer = createPacer();
    const meanwhile: EntityChange[] = [];
    const end = this.#reader.onChange((_revision, changes) => void meanwhile.push(...(changes ?? [])));
    try {
      const kept: Kept = { users: new Map(), bound: new Map(), services: new Map() };
      for (const { plural, list } of this.#reader.readPieces()) {
        for (const entity of list) take(kept, plural, entity.id, entity);
        if (pacer.isDue()) await pacer.pause();
      }
      this.#kept = kept;
      this.#names = undefined;
      this.#neverRunning = undefined;
      for (const { plural, id, entity } of meanwhile) this.#take(plural, id, entity);
      this.#current();
      this.#idle();
    } finally {
      end();
    }
  }
}

/** Keeps what warnings need of an entity; of one that is gone nothing. */
function take({ users, bound, services }: Kept, plural: string, id: string, entity: SnapshotEntity | undefined): void {
  if (plural === 'routes') put(services, id, referencedId(entity?.['service']));
  if (plural !== 'plugins') return;
  const isOn = entity !== undefined && entity['enabled'] !== false;
  put(users, id, isOn ? keptClusterUser(entity) : undefined);
  put(bound, id, isOn ? keptBoundPlugin(entity) : undefined);
}

function put<T>(map: Map<string, T>, id: string, value: T | undefined): void {
  if (value === undefined) map.delete(id);
  else map.set(id, value);
}
