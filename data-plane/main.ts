import { loadClusterTls, logExpiry } from '../shared/cluster-tls.ts';
import { entities } from '../shared/entities/entities.ts';
import { pluginSchemas } from '../shared/plugin-schemas/plugin-schemas.ts';
import { drain } from './drain.ts';
import { loadKafkaClient } from './kafka/producers.ts';
import { listen } from './listen.ts';
import type { DataPlaneOptions, NodeOptions } from './node-options.ts';
import { assembleNode, type MakeSource, type NodeParts } from './node-parts.ts';
import { readSeed } from './source/file-source.ts';
import { knownSchemas } from './source/known-schemas.ts';
import { createSyncSource } from './source/sync-source.ts';
import { loadTracing } from './tracing/load-tracing.ts';

/** A running node that serves. */
export interface DataPlane {
  /** `host:port` as bound, by listener: `proxy`, `status`. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Resolves when the node is ready for the first time. */
  readonly ready: Promise<void>;
  /** Drains and closes everything, within drain_timeout. May be called more than once. */
  stop(): Promise<void>;
}

/** How often a node that starts looks whether it is ready. */
const readyPollMs = 50;

/** Starts a data plane: a node whose configuration comes from control planes. */
export async function startDataPlane(options: DataPlaneOptions): Promise<DataPlane> {
  const { controlPlanes, clusterFiles, dataDir, nodeLabels, declarativeConfig, sluiceVersion, logger } = options;
  const tls = clusterFiles && loadClusterTls(clusterFiles);
  if (tls !== undefined) logExpiry(tls, logger);
  return startNode({ ...options, role: 'data_plane' }, ({ counters, destinations }) =>
    createSyncSource({
      controlPlanes,
      ...(tls && { tls }),
      dataDir,
      nodeLabels,
      version: sluiceVersion,
      knows: knownSchemas(entities, pluginSchemas),
      counters,
      destinations,
      adoptDatabase: options.adoptDatabase ?? false,
      logger,
      ...(declarativeConfig === undefined ? {} : { seed: () => readSeed({ path: declarativeConfig, logger }) }),
    }),
  );
}

/** Starts a node: first its configuration, then its listeners, so that a node that has a configuration serves at once. */
export async function startNode(options: NodeOptions, makeSource: MakeSource): Promise<DataPlane> {
  await loadKafkaClient(options.kafkaClient);
  const parts = assembleNode(options, await loadTracing(options.env ?? process.env), makeSource);
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= drain(parts));
  try {
    await parts.source.start(parts.holder.apply);
    const addresses = await listen(parts);
    return { addresses, ready: untilReady(parts), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Never rejects; stays pending when the node stops before it was ready. */
function untilReady({ readiness, state }: NodeParts): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!state.stopped && !readiness().ready) return;
      clearInterval(timer);
      if (!state.stopped) resolve();
    };
    const timer = setInterval(look, readyPollMs);
    look();
  });
}
