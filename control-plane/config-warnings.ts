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
import type { SnapshotEntity } from '../shared/snapshot.ts';
import type { ConfigReader } from './store/config-reader.ts';

/** Warns of names of Kafka clusters that an operator should mend. It follows each write of the store. */
export class ClusterWarnings {
  readonly #reader: ConfigReader;
  readonly #endChanges: () => void;
  readonly #logger: Logger;
  readonly #reading = new Rerun(() => this.#tryToReadAll());
  #users = new Map<string, ClusterUser>();
  #names: ClusterNames | undefined;
  #logged: ReadonlySet<string> = new Set();

  constructor({ reader, logger }: { readonly reader: ConfigReader; readonly logger: Logger }) {
    this.#reader = reader;
    this.#logger = logger;
    this.#endChanges = reader.onChange((_revision, changes) => {
      // A load of everything tells no changes.
      if (changes === undefined) this.#reading.start();
      for (const { plural, id, entity } of changes ?? []) if (plural === 'plugins') this.#take(id, entity);
    });
    this.#reading.start();
  }

  /** Returns sentences about the cluster that this plugin uses. */
  about(plugin: SnapshotEntity): readonly string[] {
    this.#take(plugin.id, plugin);
    return this.#current().warningsAbout(plugin['config']).map(clusterWarningText);
  }

  /** Returns sentences about all clusters. */
  all(): readonly string[] {
    return this.#current().warnings.map(clusterWarningText);
  }

  async stop(): Promise<void> {
    this.#endChanges();
    await this.#reading.idle();
  }

  #current(): ClusterNames {
    if (this.#names !== undefined) return this.#names;
    this.#names = clusterNames(this.#users.values());
    const warnings = this.#names.warnings.map(clusterWarningText);
    for (const warning of warnings) if (!this.#logged.has(warning)) this.#logger.warn('cluster_names', warning);
    this.#logged = new Set(warnings);
    return this.#names;
  }

  #take(id: string, plugin: SnapshotEntity | undefined): void {
    this.#names = undefined;
    const user = plugin === undefined || plugin['enabled'] === false ? undefined : keptClusterUser(plugin);
    if (user === undefined) this.#users.delete(id);
    else this.#users.set(id, user);
  }

  /** Without the store there is nothing to warn of; whoever needs it more tells why it cannot be read. */
  async #tryToReadAll(): Promise<void> {
    try {
      await this.#readAll();
    } catch (error) {
      this.#logger.error('cluster_names_unread', 'The plugins could not be read to check the names of clusters', {
        error: stackOf(error),
      });
    }
  }

  /** Reads all plugins in slices. Writes that come meanwhile are taken again at the end. */
  async #readAll(): Promise<void> {
    const pacer = createPacer();
    const meanwhile: (readonly [id: string, plugin: SnapshotEntity | undefined])[] = [];
    const end = this.#reader.onChange((_revision, changes) => {
      for (const { plural, id, entity } of changes ?? []) if (plural === 'plugins') meanwhile.push([id, entity]);
    });
    try {
      const users = new Map<string, ClusterUser>();
      for (const { plural, list } of this.#reader.readPieces()) {
        for (const plugin of plural === 'plugins' ? list : []) {
          const user = plugin['enabled'] === false ? undefined : keptClusterUser(plugin);
          if (user !== undefined) users.set(plugin.id, user);
        }
        if (pacer.isDue()) await pacer.pause();
      }
      this.#users = users;
      this.#names = undefined;
      for (const [id, plugin] of meanwhile) this.#take(id, plugin);
      this.#current();
    } finally {
      end();
    }
  }
}
