import { connectionsWithin } from '../shared/descriptors.ts';
import { limitHits } from '../shared/limit-hits.ts';
import { createSelfSigned } from '../shared/self-signed.ts';
import { boundAddress, startStatusServer } from '../shared/status-server.ts';
import { bindTls } from './bind-tls.ts';
import { nodeFacts, statusBody } from './node-facts.ts';
import type { NodeParts } from './node-parts.ts';
import { listenerBounds } from './proxy/listener-limits.ts';
import { startListener } from './proxy/listener.ts';
import { RequestBodies } from './proxy/request-bodies.ts';
import type { TlsOptions } from './proxy/tls-acceptor.ts';

/** Ports that another process has bound, and whose connections it hands on. */
export type SharedPorts = Readonly<
  Partial<Record<'proxy' | 'proxy_tls', { readonly host: string; readonly port: number }>>
>;

/**
 * Binds the ports of a node, but for the shared ones. Rejects when one cannot be bound; what is bound by then is in
 * `parts`.
 */
export async function listen(parts: NodeParts, shared?: SharedPorts): Promise<Readonly<Record<string, string>>> {
  const { options } = parts;
  const { statusListen, proxyListen, proxyListenTls = 'off' } = options;
  const addresses: Record<string, string> = {};
  const isShared = shared !== undefined;
  if (statusListen !== 'off') {
    const { metrics, readiness: ready } = parts;
    const status = () => shownStatus(parts, addresses);
    parts.status = await startStatusServer({ listen: statusListen, ready, status, metrics, logger: options.logger });
    addresses['status'] = parts.status.address;
  }
  // Both ports share one account.
  const bodies = new RequestBodies(options.bounds?.requestBodiesMaxBytes ?? listenerBounds.requestBodiesMaxBytes);
  if (proxyListen !== 'off')
    addresses['proxy'] = await startProxy(parts, {
      name: 'proxy',
      listen: shared?.proxy ?? proxyListen,
      bodies,
      isShared,
    });
  if (proxyListenTls !== 'off') {
    const address = isShared
      ? shared.proxy_tls && (await startTls(parts, { listen: shared.proxy_tls, bodies, isShared }))
      : await bindTls(proxyListenTls, options.logger, () =>
          startTls(parts, { listen: proxyListenTls, bodies, isShared }),
        );
    if (address === undefined) parts.state.tlsIsOff = true;
    else addresses['proxy_tls'] = address;
  }
  return addresses;
}

async function startTls(parts: NodeParts, port: Omit<ProxyPort, 'name' | 'tls'>): Promise<string> {
  return startProxy(parts, { ...port, name: 'proxy_tls', tls: await tlsOf(parts) });
}

interface ProxyPort {
  /** The port's name in metrics and logs. */
  readonly name: 'proxy' | 'proxy_tls';
  readonly listen: { readonly host: string; readonly port: number };
  readonly bodies: RequestBodies;
  readonly tls?: TlsOptions;
  readonly isShared: boolean;
}

/** Binds a port for requests and returns its address. */
async function startProxy(parts: NodeParts, { name, listen, bodies, tls, isShared }: ProxyPort): Promise<string> {
  const { options, spine, requestMetrics, metrics, listeners } = parts;
  const { logger, requestBodyMaxBytes, trustedIps, bounds = {} } = options;
  const onLimit = limitHits({ metrics, logger });
  const { connectionsMax = listenerBounds.connectionsMax } = bounds;
  const listener = await startListener({
    listen,
    isBoundElsewhere: isShared,
    tls,
    bodies,
    handle: spine.handle,
    takesUpgrade: spine.takesUpgrade,
    bodyBytesMax: requestBodyMaxBytes,
    trustedIps,
    limits: { ...bounds, connectionsMax: connectionsWithin(connectionsMax) },
    onLimit: (limit) => onLimit(limit, name),
    onRefused: (status) => requestMetrics.unmatched.count(status),
    onError: (error) => logger.error('listener_error', 'A connection could not be accepted', { error: error.message }),
  });
  listeners.push(listener);
  return boundAddress({ address: listener.host, port: listener.port }, listen.host);
}

/** Days for which the certificate is good that is shown when the configuration has none for a name. */
const fallbackDays = 365;

async function tlsOf({ holder }: NodeParts): Promise<TlsOptions> {
  const { certPem, keyPem } = await createSelfSigned('sluice', fallbackDays);
  return {
    contextFor: (serverName) => holder.current?.serverCertificates.contextFor(serverName),
    fallback: { cert: certPem, key: keyPem },
  };
}

function shownStatus(parts: NodeParts, addresses: object): object {
  const { options, source, holder } = parts;
  return statusBody({ options, source, addresses, configurationHash: holder.current?.hash, facts: nodeFacts(parts) });
}
