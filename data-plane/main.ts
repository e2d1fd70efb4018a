import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { entities } from '../shared/entities/entities.ts';
import { loadClusterTls, logExpiry, type ClusterFiles } from '../shared/cluster-tls.ts';
import type { Logger } from '../shared/log.ts';
import { pluginSchemas } from '../shared/plugin-schemas/plugin-schemas.ts';
import { boundAddress, startStatusServer, type StatusServer } from '../shared/status-server.ts';
import { buildRuntime } from './runtime/build-runtime.ts';
import { knownSchemas } from './source/known-schemas.ts';
import { PluginInstances } from './runtime/plugin-instances.ts';
import { RuntimeHolder } from './runtime/runtime-holder.ts';
import { readSeed } from './source/file-source.ts';
import type { NodeSource } from './source/node-source.ts';
import { createSyncSource } from './source/sync-source.ts';
import type { NodeCounters } from './source/sync-stream.ts';
import type { Producers } from './kafka/producer.ts';
import { createProducers, type KafkaClientName, loadKafkaClient, unsupportedSettings } from './kafka/producers.ts';
import { createLuaChains } from './lua/lua-chains.ts';
import type { PluginDeps } from './plugin-api/plugin-definition.ts';
import { plugins } from './plugins/plugins.ts';
import { createSpine, type Spine } from './proxy/spine.ts';
import { type HttpListener, startHttpListener } from './proxy/http-listener.ts';
import { createEncoders } from './schemas/encoders.ts';
import {
  createConfigMetrics,
  createPluginMetrics,
  createRequestMetrics,
  type RequestMetrics,
} from './status/metrics.ts';
import { loadTracing, type MakeTracing, type Tracing } from './tracing/tracing.ts';
import { createReadiness, type ReadyState } from './status/readiness.ts';
import { withinTime } from '../shared/within-time.ts';

export type Listener = { readonly host: string; readonly port: number } | 'off';

/** Settings of a node of any role that serves, checked and in their units. */
export interface NodeOptions {
  readonly role: 'data_plane' | 'traditional' | 'dbless';
  readonly proxyListen: Listener;
  readonly statusListen: Listener;
  readonly kafkaClient: KafkaClientName;
  readonly requestBodyMaxBytes: number;
  readonly producerMemoryMaxBytes: number;
  readonly trustedIps: readonly string[];
  readonly drainDelayMs: number;
  readonly drainTimeoutMs: number;
  readonly sluiceVersion: string;
  readonly logger: Logger;
  /** For `{vault://env/NAME}` references; the process's by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Shown with the node's own, when something else of the process listens as well. */
  readonly otherAddresses?: () => Readonly<Record<string, string>>;
  /** Shared with the rest of the process, its default metrics in it already. */
  readonly metrics?: Registry;
}

/** Settings of a data plane. */
export interface DataPlaneOptions extends Omit<NodeOptions, 'role'> {
  /** `host:port` each, tried in turn. */
  readonly controlPlanes: readonly string[];
  /** mTLS to them; without it plaintext. */
  readonly clusterFiles?: ClusterFiles;
  /** Node id and last good snapshot. */
  readonly dataDir: string;
  readonly nodeLabels: Readonly<Record<string, string>>;
  /** A declarative file to start from while there is no cached configuration. */
  readonly declarativeConfig?: string;
}

/** What a source may ask of its node. */
export interface SourceDeps {
  readonly counters: () => NodeCounters;
}

export interface DataPlane {
  /** `host:port` as bound of what listens: `proxy`, `status`. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Resolves when the node is ready for the first time. */
  readonly ready: Promise<void>;
  /** Drains and closes everything, within drain_timeout. May be called more than once. */
  stop(): Promise<void>;
}

/** The parts of a running node. */
interface Parts {
  readonly options: NodeOptions;
  readonly metrics: Registry;
  readonly producers: Producers;
  readonly holder: RuntimeHolder;
  readonly requestMetrics: RequestMetrics;
  readonly spine: Spine;
  readonly source: NodeSource;
  readonly readiness: () => ReadyState;
  readonly closeEncoders: () => Promise<void>;
  readonly closeLua: () => Promise<void>;
  readonly tracing: Tracing | undefined;
  readonly state: { draining: boolean; stopped: boolean };
  listener: HttpListener | undefined;
  status: StatusServer | undefined;
}

/** For the last traces, when the rest has used up drain_timeout. */
const traceFlushMs = 1_000;
/** How often a node that starts looks whether it is ready. */
const readyPollMs = 50;
/** What of drain_timeout is kept for answering what waits: one half for last verdicts, the other for the answers. */
const endReserveMs = 1_000;
/** No more than this part of it, so that requests have time to finish under a short one too. */
const endReserveShareMax = 0.25;

/** Starts a data plane: a node whose configuration comes from control planes. */
export async function startDataPlane(options: DataPlaneOptions): Promise<DataPlane> {
  const { controlPlanes, clusterFiles, dataDir, nodeLabels, declarativeConfig, sluiceVersion, logger } = options;
  const tls = clusterFiles && loadClusterTls(clusterFiles);
  if (tls !== undefined) logExpiry(tls, logger);
  return startNode({ ...options, role: 'data_plane' }, ({ counters }) =>
    createSyncSource({
      controlPlanes,
      ...(tls && { tls }),
      dataDir,
      nodeLabels,
      version: sluiceVersion,
      knows: knownSchemas(entities, pluginSchemas),
      counters,
      logger,
      ...(declarativeConfig === undefined ? {} : { seed: () => readSeed({ path: declarativeConfig, logger }) }),
    }),
  );
}

/** Starts a node: its first configuration, then listeners, so that a node that has one serves at once. */
export async function startNode(
  options: NodeOptions,
  makeSource: (deps: SourceDeps) => NodeSource,
): Promise<DataPlane> {
  await loadKafkaClient(options.kafkaClient);
  const parts = assemble(options, await loadTracing(options.env ?? process.env), makeSource);
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

function assemble(
  options: NodeOptions,
  makeTracing: MakeTracing | undefined,
  makeSource: (deps: SourceDeps) => NodeSource,
): Parts {
  const { logger, kafkaClient } = options;
  const metrics = options.metrics ?? defaultMetrics();
  const { producerMemoryMaxBytes } = options;
  const producers = createProducers({ kafkaClient, producerMemoryMaxBytes, logger, metrics });
  const encoders = createEncoders({ logger, metrics });
  const lua = createLuaChains({ logger, metrics });
  const requestMetrics = createRequestMetrics({ registry: metrics, inFlight: () => spine.inFlight() });
  const pluginDeps: Omit<PluginDeps, 'certificates'> = {
    producers,
    encoders,
    lua,
    log: logger,
    metrics: createPluginMetrics(metrics),
    env: options.env ?? process.env,
    requestBodyMaxBytes: options.requestBodyMaxBytes,
    unsupportedSettings,
  };
  const holder = createHolder(logger, metrics, requestMetrics, pluginDeps);
  const source = makeSource({
    counters: () => ({ requestsTotal: requestMetrics.total(), clusters: producers.clusters() }),
  });
  const { sluiceVersion } = options;
  const tracing = makeTracing?.({ env: pluginDeps.env, sluiceVersion, nodeId: source.nodeId, logger });
  const spine = createSpine({ holder, metrics: requestMetrics, logger, tracing });
  const state = { draining: false, stopped: false };
  const isListening = () => options.proxyListen === 'off' || parts.listener !== undefined;
  const parts: Parts = {
    options,
    metrics,
    producers,
    holder,
    requestMetrics,
    spine,
    source,
    readiness: createReadiness({
      isConfigured: () => holder.current !== undefined,
      clusters: () => producers.clusters(),
      isDraining: () => state.draining,
      isListening,
      nowMs: () => performance.now(),
    }),
    closeEncoders: () => encoders.close(),
    closeLua: () => lua.close(),
    tracing,
    state,
    listener: undefined,
    status: undefined,
  };
  return parts;
}

function defaultMetrics(): Registry {
  const metrics = new Registry();
  collectDefaultMetrics({ register: metrics });
  return metrics;
}

function createHolder(
  logger: Logger,
  metrics: Registry,
  requestMetrics: RequestMetrics,
  pluginDeps: Omit<PluginDeps, 'certificates'>,
): RuntimeHolder {
  const configMetrics = createConfigMetrics(metrics);
  const instances = new PluginInstances();
  const holder = new RuntimeHolder({
    build: (snapshot, live) =>
      buildRuntime(snapshot, {
        live,
        plugins,
        pluginSchemas,
        pluginDeps,
        instances,
        meterOf: (routeLabel) => requestMetrics.meterOf(routeLabel),
      }),
    logger,
    onApplied(event) {
      if (event.kind === 'rejected') configMetrics.rejected(event.faults);
      if (event.kind === 'applied') configMetrics.applied(event.runtime.hash, event.applyMs);
      // What was built and dropped has made series as well.
      requestMetrics.keepOnly(holder.current?.routeLabels ?? new Set());
    },
  });
  return holder;
}

async function listen(parts: Parts): Promise<Readonly<Record<string, string>>> {
  const { options, spine, metrics, requestMetrics, readiness } = parts;
  const { logger, proxyListen, statusListen, requestBodyMaxBytes, trustedIps } = options;
  const addresses: Record<string, string> = {};
  if (statusListen !== 'off') {
    const status = () => statusBody(parts, addresses);
    parts.status = await startStatusServer({ listen: statusListen, ready: readiness, status, metrics, logger });
    addresses['status'] = parts.status.address;
  }
  if (proxyListen !== 'off') {
    const { handle } = spine;
    parts.listener = await startHttpListener({
      listen: proxyListen,
      handle,
      bodyBytesMax: requestBodyMaxBytes,
      trustedIps,
      onRefused: (status) => requestMetrics.unmatched.count(status),
      onError: (error) =>
        logger.error('listener_error', 'A connection could not be accepted', { error: error.message }),
    });
    const { host, port } = parts.listener;
    addresses['proxy'] = boundAddress({ address: host, port }, proxyListen.host);
  }
  return addresses;
}

function statusBody({ options, holder, producers, source, listener }: Parts, addresses: object): object {
  return {
    role: options.role,
    node_id: source.nodeId,
    version: options.sluiceVersion,
    uptime_seconds: Math.floor(process.uptime()),
    addresses: { ...options.otherAddresses?.(), ...addresses },
    configuration_hash: holder.current?.hash ?? null,
    ...source.describe(),
    clusters: producers.clusters(),
    connections: listener?.connections ?? { accepted: 0, active: 0 },
  };
}

/** Never rejects; stays pending when the node stops before it was ready. */
function untilReady({ readiness, state }: Parts): Promise<void> {
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

/**
 * In this order (data-plane.md section 7): not ready; after drain_delay no connection is accepted any more; requests in
 * flight finish; queues flush; producers close. What still waits near drain_timeout is answered: its record was never
 * sent, or nothing is known of it. Only connections that do not end then are cut, counted and logged.
 */
async function drain(parts: Parts): Promise<void> {
  const { options, state, source, holder, producers, listener } = parts;
  const deadlineMs = performance.now() + options.drainTimeoutMs;
  state.draining = true;
  if (listener !== undefined && options.drainDelayMs > 0) {
    await delay(Math.min(options.drainDelayMs, options.drainTimeoutMs));
  }
  await Promise.all([source.stop(), listener === undefined ? undefined : drainListener(parts, listener, deadlineMs)]);
  await holder.close();
  await parts.closeLua();
  await producers.close(deadlineMs);
  await parts.closeEncoders();
  // What only tells of it may not keep a node from stopping: a second beyond the deadline at most.
  if (parts.tracing) await settlesBy(parts.tracing.close(), Math.max(deadlineMs, performance.now() + traceFlushMs));
  state.stopped = true;
  await parts.status?.stop();
}

async function drainListener(parts: Parts, listener: HttpListener, deadlineMs: number): Promise<void> {
  const { spine, producers, options } = parts;
  const drained = listener.drain();
  // Requests that come over connections kept open are refused from here on; those in flight finish.
  spine.refuse();
  const reserveMs = Math.min(endReserveMs, options.drainTimeoutMs * endReserveShareMax);
  if (await settlesBy(drained, deadlineMs - reserveMs)) return;
  const requests = spine.inFlight();
  // Answers whatever waits for Kafka, and refuses every record that is still to come.
  await producers.close(deadlineMs - reserveMs / 2);
  // Those answers are on their way; what is left after this turn has not published, and cannot any more.
  await nextTurn();
  spine.refuseLeft();
  const connections = (await settlesBy(drained, deadlineMs)) ? 0 : listener.destroy();
  options.logger.warn('drain_overdue', 'drain_timeout passed; requests were answered early, connections were cut', {
    connections,
    requests,
  });
  await drained;
}

/** Returns whether the promise, which never rejects, resolves by the deadline (monotonic ms). */
function settlesBy(promise: Promise<void>, deadlineMs: number): Promise<boolean> {
  return withinTime(
    promise.then(() => true),
    deadlineMs - performance.now(),
    () => false,
  );
}
