import { startNode } from '../../../data-plane/main.ts';
import type { DataPlane, NodeOptions } from '../../../data-plane/node-options.ts';
import type { RunningNode } from '../../../shared/lifecycle.ts';
import { createProcessMetrics } from '../../../shared/process-metrics.ts';
import { type ProxyAddress, proxyAddressesOf } from '../../admin/info-routes.ts';
import { startControlPlane, type ControlPlaneOptions } from '../../main.ts';

export interface TraditionalOptions {
  readonly controlPlane: Omit<
    ControlPlaneOptions,
    'role' | 'metrics' | 'clusterListen' | 'statusListen' | 'nodePurgeAfterMs'
  >;
  readonly node: Omit<NodeOptions, 'role' | 'metrics' | 'otherAddresses'>;
}

/**
 * Store, Admin API and proxy in one process. The configuration goes from the one plane to the other through the same
 * interface as over a stream; status and metrics are those of both.
 */
export async function startTraditional({
  controlPlane: given,
  node: nodeOptions,
}: TraditionalOptions): Promise<RunningNode> {
  const metrics = createProcessMetrics({ role: 'traditional', sluiceVersion: nodeOptions.sluiceVersion });
  let proxies: readonly ProxyAddress[] = [];
  let runTrial: DataPlane['runTrial'] | undefined;
  const controlPlane = await startControlPlane({
    ...given,
    proxyAddresses: () => proxies,
    tryHere: async (input) =>
      (await runTrial?.(input)) ?? {
        status: 501,
        body: { message: 'This node runs no sample requests, or has not started yet' },
      },
    role: 'traditional',
    clusterListen: 'off',
    statusListen: 'off',
    // No node but its own is known to it.
    nodePurgeAfterMs: Number.MAX_SAFE_INTEGER,
    metrics,
  });
  const { nodeId, localSource, addresses } = controlPlane;
  try {
    if (localSource === undefined) throw new Error('A traditional control plane has a source for its data plane');
    const source = { ...localSource, nodeId, describe: () => ({ rejected: localSource.rejected() ?? null }) };
    const otherAddresses = () => addresses;
    const node = await startNode(
      { ...nodeOptions, role: 'traditional', metrics, otherAddresses },
      ({ destinations, targets }) => {
        localSource.watchDestinations(destinations);
        localSource.watchTargets(targets);
        return source;
      },
    );
    proxies = proxyAddressesOf(node.addresses);
    runTrial = node.runTrial;
    return {
      addresses: { ...addresses, ...node.addresses },
      ready: node.ready,
      async stop() {
        try {
          await node.stop();
        } finally {
          await controlPlane.stop();
        }
      },
    };
  } catch (error) {
    await controlPlane.stop();
    throw error;
  }
}
