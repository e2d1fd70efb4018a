import { loadClusterTls, logExpiry } from '../shared/cluster-tls.ts';
import { entities } from '../shared/entities/entities.ts';
import { pluginSchemas } from '../shared/plugin-schemas/plugin-schemas.ts';
import type { MakeSource } from './make-source.ts';
import type { DataPlane, DataPlaneOptions, NodeOptions } from './node-options.ts';
import { readSeed } from './source/file-source.ts';
import { knownSchemas } from './source/known-schemas.ts';
import { createSyncSource } from './source/sync-source.ts';

/** Starts a data plane: a node whose configuration comes from control planes. */
export async function startDataPlane(options: DataPlaneOptions): Promise<DataPlane> {
  const { controlPlanes, clusterFiles, dataDir, nodeLabels, declarativeConfig, sluiceVersion, logger } = options;
  const tls = clusterFiles && loadClusterTls(clusterFiles);
  if (tls !== undefined) logExpiry(tls, logger);
  return startNode({ ...options, role: 'data_plane' }, ({ counters, destinations, traffic, runTrial, targets }) =>
    createSyncSource({
      controlPlanes,
      ...(tls && { tls }),
      dataDir,
      nodeLabels,
      version: sluiceVersion,
      knows: knownSchemas(entities, pluginSchemas),
      counters,
      destinations,
      ...(traffic && { traffic }),
      ...(runTrial && { runTrial }),
      targets,
      adoptDatabase: options.adoptDatabase ?? false,
      logger,
      ...(declarativeConfig === undefined ? {} : { seed: () => readSeed({ path: declarativeConfig, logger }) }),
    }),
  );
}

/** Starts a node of one process, or of several where `workers` says so. The code of either is loaded only then. */
export async function startNode(options: NodeOptions, makeSource: MakeSource): Promise<DataPlane> {
  const { workers = 1 } = options;
  if (workers > 1) {
    const { startPooledNode } = await import('./pooled-node.ts');
    return startPooledNode(options, makeSource, workers);
  }
  const { startSingleNode } = await import('./single-node.ts');
  return startSingleNode(options, makeSource);
}
