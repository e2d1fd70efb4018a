import { connectionsWithin } from '../shared/descriptors.ts';
import { limitHits } from '../shared/limit-hits.ts';
import { boundAddress, startStatusServer } from '../shared/status-server.ts';
import type { NodeParts } from './node-parts.ts';
import { listenerBounds } from './proxy/listener-limits.ts';
import { type Listener, startListener } from './proxy/listener.ts';

/** Schemas that `/status` lists. */
const unusableSchemasMax = 100;

/** Binds the ports of a node. Rejects when one cannot be bound; what is bound by then is in `parts`. */
export async function listen(parts: NodeParts): Promise<Readonly<Record<string, string>>> {
  const { statusListen, proxyListen } = parts.options;
  const addresses: Record<string, string> = {};
  if (statusListen !== 'off') {
    const { metrics, readiness: ready, options } = parts;
    const status = () => statusBody(parts, addresses);
    parts.status = await startStatusServer({ listen: statusListen, ready, status, metrics, logger: options.logger });
    addresses['status'] = parts.status.address;
  }
  if (proxyListen !== 'off') {
    const { host, port } = (parts.listener = await startProxy(parts, proxyListen));
    addresses['proxy'] = boundAddress({ address: host, port }, proxyListen.host);
  }
  return addresses;
}

function startProxy(parts: NodeParts, address: { host: string; port: number }): Promise<Listener> {
  const { options, spine, requestMetrics, metrics } = parts;
  const { logger, requestBodyMaxBytes, trustedIps, bounds = {} } = options;
  const onLimit = limitHits({ metrics, logger });
  const { connectionsMax = listenerBounds.connectionsMax } = bounds;
  return startListener({
    listen: address,
    handle: spine.handle,
    bodyBytesMax: requestBodyMaxBytes,
    trustedIps,
    limits: { ...bounds, connectionsMax: connectionsWithin(connectionsMax) },
    isServing: () => parts.readiness().ready,
    onLimit: (limit) => onLimit(limit, 'proxy'),
    onRefused: (status) => requestMetrics.unmatched.count(status),
    onError: (error) => logger.error('listener_error', 'A connection could not be accepted', { error: error.message }),
  });
}

function statusBody(parts: NodeParts, addresses: object): object {
  const { options, holder, producers, clusterNaming, pluginDeps, source, listener } = parts;
  return {
    role: options.role,
    node_id: source.nodeId,
    version: options.sluiceVersion,
    uptime_seconds: Math.floor(process.uptime()),
    addresses: { ...options.otherAddresses?.(), ...addresses },
    configuration_hash: holder.current?.hash ?? null,
    ...source.describe(),
    clusters: producers.clusters(),
    registries: pluginDeps.encoders.destinations().map(({ name, state, error }) => ({ name, state, error })),
    unusable_schemas: pluginDeps.encoders.unusable().slice(0, unusableSchemasMax),
    destinations: [...producers.destinations(), ...pluginDeps.encoders.destinations()],
    warnings: clusterNaming.warnings(),
    connections: listener?.connections ?? { accepted: 0, active: 0 },
  };
}
