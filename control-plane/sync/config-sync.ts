import type { Registry } from 'prom-client';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import type { ClusterTls } from '../../shared/cluster-tls.ts';
import { type LimitHit, limitHits } from '../../shared/limit-hits.ts';
import type { Logger } from '../../shared/log.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import type { Clustering, SyncGate, TargetHealthView } from '../admin/clustering.ts';
import type { ConfigReader } from '../store/config-reader.ts';
import type { Database } from '../store/database.ts';
import { createNodeStore } from '../store/node-store.ts';
import type { WriteHold } from '../store/write-hold.ts';
import { type ConnectionLimits, defaultConnectionLimits as limits } from './connection-guard.ts';
import { createClustering } from './clustering-views.ts';
import { NodeRegistry } from './node-registry.ts';
import { defaultSessionTimings, type SessionTimings } from './node-session-types.ts';
import { Publisher } from './publisher.ts';
import { createSyncGate } from './sync-gate.ts';
import { ackObserver, pushCounter, registerNodeGauges, registerRevisionGauge } from './sync-metrics.ts';
import { startSyncServer, type SyncServer } from './sync-server.ts';
import { createTargetHealth } from './target-health.ts';

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
  /** How many rows of nodes are kept. */
  readonly nodesMax?: number | undefined;
  /** The identity of the database, which snapshots carry. */
  readonly databaseId?: string;
  readonly connectionLimits?: ConnectionLimits;
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
  readonly targetHealth: TargetHealthView;
  readonly syncGate: SyncGate;
  readonly publisher: Publisher;
  /** Says why the rows of nodes cannot be written; undefined when they can. */
  fault(): string | undefined;
  /** Tells the nodes to come back later, ends their streams and saves their rows. The database stays open. */
  stop(): Promise<void>;
}

/** Publishes the store's configuration to data planes and keeps their state. Rejects when the port is in use. */
export async function startConfigSync(options: ConfigSyncOptions): Promise<RunningConfigSync> {
  const { reader, nodePurgeAfterMs, entities, plugins, version = '', databaseId, logger } = options;
  const publisher = new Publisher({ reader, schemas: { version, entities, plugins }, logger });
  let registry: NodeRegistry | undefined;
  try {
    const onLimit = options.metrics && limitHits({ metrics: options.metrics, logger });
    const nodes = makeRegistry(options, publisher, onLimit);
    registry = nodes;
    if (options.metrics !== undefined) {
      registerNodeGauges(options.metrics, nodes);
      registerRevisionGauge(options.metrics, () => publisher.revision());
    }
    const server = await startServer(options, publisher, nodes, onLimit);
    const syncGate = createSyncGate({ registry: nodes, publisher });
    let stopping: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      syncGate.stop();
      await server?.stop();
      await publisher.stop();
      nodes.stop();
    };
    return {
      address: server?.address,
      clustering: createClustering({ registry: nodes, publisher, nodePurgeAfterMs, databaseId }),
      targetHealth: createTargetHealth(nodes),
      syncGate,
      publisher,
      fault: () => nodes.fault(),
      stop: () => (stopping ??= stop()),
    };
  } catch (error) {
    await publisher.stop();
    registry?.stop();
    throw error;
  }
}

function makeRegistry(options: ConfigSyncOptions, publisher: Publisher, onLimit: LimitHit | undefined): NodeRegistry {
  const { database, hold, nodePurgeAfterMs, nodesMax, tls, databaseId, metrics, logger } = options;
  return new NodeRegistry({
    store: createNodeStore({ database }),
    hold,
    publisher,
    nodePurgeAfterMs,
    nodesMax,
    bindSubjects: tls?.mode === 'pki',
    databaseId,
    logger,
    onPushed: metrics && pushCounter(metrics),
    onAcked: metrics && ackObserver(metrics),
    onLimit: (limit, fields) => onLimit?.(limit, 'cluster', fields),
  });
}

async function startServer(
  {
    listen,
    tls,
    version = '',
    databaseId = '',
    timings = defaultSessionTimings,
    nodesMax = 0,
    // Every node that may have a row may be connected.
    connectionLimits = { ...limits, connectionsMax: Math.max(limits.connectionsMax, nodesMax) },
    logger,
  }: ConfigSyncOptions,
  publisher: Publisher,
  registry: NodeRegistry,
  onLimit: LimitHit | undefined,
): Promise<SyncServer | undefined> {
  if (listen === 'off') return undefined;
  return startSyncServer({
    listen,
    tls,
    publisher,
    registry,
    version,
    databaseId,
    timings,
    connectionLimits,
    onLimit,
    logger,
  });
}
