import type { Registry } from 'prom-client';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import type { ClusterTls } from '../../shared/cluster-tls.ts';
import type { Logger } from '../../shared/log.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import type { Clustering, SyncGate } from '../admin/clustering.ts';
import type { ConfigReader } from '../store/config-reader.ts';
import type { Database } from '../store/database.ts';
import { createNodeStore } from '../store/node-store.ts';
import type { WriteHold } from '../store/write-hold.ts';
import { createClustering } from './clustering-views.ts';
import { NodeRegistry } from './node-registry.ts';
import { defaultSessionTimings, type SessionTimings } from './node-session.ts';
import { Publisher } from './publisher.ts';
import { createSyncGate } from './sync-gate.ts';
import { registerSyncMetrics } from './sync-metrics.ts';
import { startSyncServer } from './sync-server.ts';

export interface ConfigSyncOptions {
  readonly reader: ConfigReader;
  /** With the table `nodes`. */
  readonly database: Database;
  /** Port 0 takes a free port; `off` serves no data planes. */
  readonly listen: { readonly host: string; readonly port: number } | 'off';
  /** Certificates for mTLS; plaintext when absent. */
  readonly tls?: ClusterTls;
  /** Says when the database must not be written to. */
  readonly hold?: WriteHold;
  readonly nodePurgeAfterMs: number;
  readonly entities: readonly EntityDescriptor[];
  readonly plugins: PluginSchemas;
  /** The version of this control plane. Nodes of another major version are not served; without a version all are. */
  readonly version?: string;
  readonly logger: Logger;
  readonly metrics?: Registry;
  readonly timings?: SessionTimings;
}

export interface RunningConfigSync {
  /** `host:port` as bound; undefined when `listen` is `off`. */
  readonly address: string | undefined;
  readonly clustering: Clustering;
  readonly syncGate: SyncGate;
  readonly publisher: Publisher;
  /** Tells the nodes to come back later, ends their streams and saves their rows. The database stays open. */
  stop(): Promise<void>;
}

/** Publishes the store's configuration to data planes and keeps their state. Rejects when the port is in use. */
export async function startConfigSync(options: ConfigSyncOptions): Promise<RunningConfigSync> {
  const { reader, database, listen, tls, nodePurgeAfterMs, entities, plugins, version = '', logger, metrics } = options;
  const publisher = new Publisher({ reader, schemas: { version, entities, plugins }, logger });
  let registry: NodeRegistry | undefined;
  try {
    const countPush = metrics && registerSyncMetrics(metrics, () => registry);
    registry = new NodeRegistry({
      store: createNodeStore({ database }),
      ...(options.hold && { hold: options.hold }),
      publisher,
      nodePurgeAfterMs,
      logger,
      ...(countPush && { onPushed: countPush }),
    });
    const timings = options.timings ?? defaultSessionTimings;
    const server =
      listen === 'off'
        ? undefined
        : await startSyncServer({ listen, ...(tls && { tls }), publisher, registry, version, timings, logger });
    const syncGate = createSyncGate({ registry, publisher });
    const nodes = registry;
    let stopping: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      syncGate.stop();
      await server?.stop();
      await publisher.stop();
      nodes.stop();
    };
    return {
      address: server?.address,
      clustering: createClustering({ registry, publisher, nodePurgeAfterMs }),
      syncGate,
      publisher,
      stop: () => (stopping ??= stop()),
    };
  } catch (error) {
    await publisher.stop();
    registry?.stop();
    throw error;
  }
}
