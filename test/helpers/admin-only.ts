import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from '../../control-plane/main.ts';
import { silentLogger } from '../../shared/log.ts';

/** A control plane in this process with its database in a folder and nothing but its Admin API, on a free port. */
export function startAdminOnly(folder: string, options: Partial<ControlPlaneOptions> = {}): Promise<ControlPlane> {
  return startControlPlane({
    database: `${folder}/control-plane.db`,
    adminListen: { host: '127.0.0.1', port: 0 },
    adminHosts: [],
    adminCorsOrigins: [],
    clusterListen: 'off',
    statusListen: 'off',
    nodePurgeAfterMs: 1_000_000,
    sluiceVersion: '0.0.0',
    logger: silentLogger(),
    ...options,
  });
}
