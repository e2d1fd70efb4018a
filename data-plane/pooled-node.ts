import { setTimeout as delay } from 'node:timers/promises';
import { performance } from 'node:perf_hooks';
import { Counter, Gauge, type Registry } from 'prom-client';
import { createProcessMetrics } from '../shared/process-metrics.ts';
import { boundAddress, startStatusServer, type StatusServer } from '../shared/status-server.ts';
import type { ListenAddress } from '../shared/settings/setting-values.ts';
import type { MakeSource } from './make-source.ts';
import { statusBody } from './node-facts.ts';
import type { DataPlane, NodeOptions } from './node-options.ts';
import { listenerBounds } from './proxy/listener-limits.ts';
import { exposeSource } from './source-metrics.ts';
import type { NodeSource } from './source/node-source.ts';
import { bindTls } from './bind-tls.ts';
import { createReadiness, type ReadyState } from './status/readiness.ts';
import { untilReady } from './until-ready.ts';
import type { PortName } from './workers/messages.ts';
import { pooledTargets } from './workers/pooled-targets.ts';
import { openPort, type Port } from './workers/port.ts';
import { summedRegistry } from './workers/pool-metrics.ts';
import { WorkerPool } from './workers/worker-pool.ts';

/** A node of several processes, as its parent holds it. */
interface Parent {
  readonly options: NodeOptions;
  readonly metrics: Registry;
  readonly pool: WorkerPool;
  readonly source: NodeSource;
  readonly readiness: () => ReadyState;
  readonly state: { draining: boolean; stopped: boolean };
  readonly ports: Port[];
  status: StatusServer | undefined;
}

/**
 * Starts a node of several worker processes. This one holds the source of the configuration and the status port; the
 * workers take the requests, and share the ports.
 */
export async function startPooledNode(
  options: NodeOptions,
  makeSource: MakeSource,
  workers: number,
): Promise<DataPlane> {
  const parent = createParent(options, makeSource, workers);
  const { pool, source, state } = parent;
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= end(parent));
  try {
    await pool.start();
    await source.start(pool.apply);
    const addresses: Record<string, string> = {};
    if (options.statusListen !== 'off') {
      parent.status = await startStatus(parent, options.statusListen, addresses);
      addresses['status'] = parent.status.address;
    }
    await bindPorts(parent, addresses);
    return { addresses, ready: untilReady(parent.readiness, state), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function createParent(options: NodeOptions, makeSource: MakeSource, workers: number): Parent {
  const metrics = options.metrics ?? createProcessMetrics(options);
  const lost = new Counter({
    name: 'sluice_workers_lost_total',
    help: 'Worker processes that ended and were replaced',
    registers: [metrics],
  });
  const source = makeSource({
    counters: () => ({ requestsTotal: pool.facts.requestsTotal, clusters: pool.facts.clusters }),
    destinations: () => pool.facts.destinations,
    targets: pooledTargets({
      states: () => pool.facts.targets,
      set: (change) => pool.setTargetHealth(change),
    }),
  });
  const pool = new WorkerPool({
    count: workers,
    entry: new URL('worker-main.js', import.meta.url),
    workerOptions: workerOptions(options, source.nodeId, workers),
    producerMemoryMaxBytes: options.producerMemoryMaxBytes,
    drainTimeoutMs: options.drainTimeoutMs,
    logger: options.logger,
    onLost: () => lost.inc(),
  });
  exposeWorkers(metrics, pool);
  exposeSource(metrics, source);
  const state = { draining: false, stopped: false };
  const readiness = createReadiness({
    isConfigured: () => pool.current !== undefined,
    clusters: () => pool.facts.clusters,
    problems: () => source.problems?.() ?? [],
    isDraining: () => state.draining,
    isListening: () => pool.serving.length > 0,
    nowMs: () => performance.now(),
  });
  return { options, metrics, pool, source, readiness, state, ports: [], status: undefined };
}

function exposeWorkers(metrics: Registry, pool: WorkerPool): void {
  const serving = new Gauge({
    name: 'sluice_workers',
    help: 'Worker processes that serve',
    registers: [metrics],
    collect() {
      serving.set(pool.serving.length);
    },
  });
}

/** The options of a worker: without functions, and with its part of the bounds that are the node's. */
function workerOptions(options: NodeOptions, nodeId: string, workers: number): object {
  const { logger: _logger, metrics: _metrics, otherAddresses: _others, producerMemory: _memory, ...rest } = options;
  const {
    connectionsMax = listenerBounds.connectionsMax,
    requestBodiesMaxBytes = listenerBounds.requestBodiesMaxBytes,
  } = options.bounds ?? {};
  return {
    ...rest,
    nodeId,
    statusListen: 'off',
    bounds: {
      ...options.bounds,
      connectionsMax: Math.ceil(connectionsMax / workers),
      requestBodiesMaxBytes: Math.ceil(requestBodiesMaxBytes / workers),
    },
  };
}

function startStatus(parent: Parent, listen: Exclude<ListenAddress, 'off'>, addresses: object): Promise<StatusServer> {
  const { options, metrics, pool, readiness } = parent;
  return startStatusServer({
    listen,
    ready: readiness,
    status: () => shownStatus(parent, addresses),
    metrics,
    metricsText: async () => summedRegistry([await metrics.getMetricsAsJSON(), ...(await pool.metrics())]).metrics(),
    logger: options.logger,
  });
}

function shownStatus({ options, pool, source }: Parent, addresses: object): object {
  const workers = pool.serving.map(({ number, pid }) => ({ number, pid }));
  const shown = { options, source, addresses, configurationHash: pool.current?.hash, facts: pool.facts };
  return { ...statusBody(shown), workers };
}

async function bindPorts(parent: Parent, addresses: Record<string, string>): Promise<void> {
  const { options, pool, ports } = parent;
  const wanted = { proxy: options.proxyListen, proxy_tls: options.proxyListenTls ?? 'off' } as const;
  const bound: { [Name in PortName]?: Port } = {};
  const { logger } = options;
  for (const name of ['proxy', 'proxy_tls'] as const) {
    const listen = wanted[name];
    if (listen === 'off') continue;
    const bind = (): Promise<Port> =>
      openPort({
        listen,
        give: (socket) => pool.give(name, socket),
        onError: (error) =>
          logger.error('listener_error', 'A connection could not be accepted', { error: error.message }),
      });
    const port = name === 'proxy' ? await bind() : await bindTls(listen, logger, bind);
    if (port === undefined) continue;
    ports.push(port);
    bound[name] = port;
    addresses[name] = boundAddress({ address: port.host, port: port.port }, listen.host);
  }
  // Without the functions, which cannot be sent.
  const places = Object.entries(bound).map(([name, { host, port }]) => [name, { host, port }]);
  await pool.listen(Object.fromEntries(places));
}

/** The workers drain; the source ends meanwhile, and the status port tells it to the last. */
async function end({ options, pool, source, state, ports, status }: Parent): Promise<void> {
  state.draining = true;
  const drained = Promise.all([source.stop(), pool.drain()]);
  if (ports.length > 0 && options.drainDelayMs > 0) {
    await delay(Math.min(options.drainDelayMs, options.drainTimeoutMs));
  }
  for (const port of ports) port.close();
  await drained;
  state.stopped = true;
  await status?.stop();
}
