import { AnsweredKeys } from './plugin-api/answered-keys.ts';
import { performance } from 'node:perf_hooks';
import type { Registry } from 'prom-client';
import type { Logger } from '../shared/log.ts';
import { pluginSchemas } from '../shared/plugin-schemas/plugin-schemas.ts';
import { limitHits } from '../shared/limit-hits.ts';
import { createProcessMetrics } from '../shared/process-metrics.ts';
import { pacedLog } from '../shared/paced-log.ts';
import type { StatusServer } from '../shared/status-server.ts';
import { vaultEnvironment } from '../shared/vault.ts';
import { Producers, unsupportedSettings } from './kafka/producers.ts';
import { LuaChains } from './lua/lua-chains.ts';
import type { MakeSource } from './make-source.ts';
import type { NodeOptions } from './node-options.ts';
import { Issuers } from './plugin-api/issuers.ts';
import { createIssuerEvents } from './status/issuer-events.ts';
import { PasswordChecks } from './plugin-api/password-checks.ts';
import { exposeSource } from './source-metrics.ts';
import { NodeState } from './plugin-api/node-state.ts';
import type { PluginDeps } from './plugin-api/plugin-definition.ts';
import { plugins } from './plugins/plugins.ts';
import type { Listener } from './proxy/listener.ts';
import { createAccessLog } from './proxy/access-log.ts';
import { createForward, type Forward } from './forward/service-forward.ts';
import { createHealthAnswers } from './proxy/grpc/health.ts';
import { Upgrades } from './forward/upgrades.ts';
import { createSpine, type Spine } from './proxy/spine.ts';
import { buildRuntime } from './runtime/build-runtime.ts';
import { createLiveCredentials, type LiveCredentials } from './runtime/live-credentials.ts';
import { ClusterNaming } from './runtime/cluster-naming.ts';
import { PluginInstances } from './runtime/plugin-instances.ts';
import { ServicePlans } from './runtime/service-plans.ts';
import { UpstreamPool } from './runtime/upstream-pool.ts';
import { RuntimeHolder } from './runtime/runtime-holder.ts';
import type { KnownEncoders } from './schemas/encoder.ts';
import { createEncoders } from './schemas/encoders.ts';
import type { NodeSource } from './source/node-source.ts';
import type { TrafficCounts } from './source/traffic-reports.ts';
import { createConfigMetrics } from './status/config-metrics.ts';
import { createPluginMetrics, type NodePluginMetrics } from './status/plugin-metrics.ts';
import { createUpstreamMetrics, type ShownTarget, type UpstreamMetrics } from './status/upstream-metrics.ts';
import { createRequestMetrics, type RequestMetrics } from './status/request-metrics.ts';
import { createReadiness, type ReadyState } from './status/readiness.ts';
import { createTrials, type RunTrial } from './trial/run-trial.ts';
import { createTargetResolver } from './upstreams/resolve-target.ts';
import type { MakeTracing, Tracing } from './tracing/tracing.ts';

/** The services for requests: everything that plugins use, and the metrics and the log that all share. */
interface Services {
  readonly metrics: Registry;
  readonly requestMetrics: RequestMetrics;
  readonly pluginMetrics: NodePluginMetrics;
  readonly producers: Producers;
  readonly clusterNaming: ClusterNaming;
  readonly credentials: LiveCredentials;
  readonly pluginDeps: Omit<PluginDeps, 'certificates' | 'clusterName' | 'pluginId'>;
  readonly knownEncoders: KnownEncoders;
  readonly closeEncoders: () => Promise<void>;
  readonly closeLua: () => Promise<void>;
}

/** The parts of a running node. */
export interface NodeParts extends Services {
  readonly options: NodeOptions;
  readonly holder: RuntimeHolder;
  readonly spine: Spine;
  readonly upstreams: UpstreamPool;
  readonly source: NodeSource;
  readonly runTrial: RunTrial;
  readonly readiness: () => ReadyState;
  readonly tracing: Tracing | undefined;
  readonly state: {
    draining: boolean;
    stopped: boolean;
    /** The port for TLS was left out, since its default is in use. */
    tlsIsOff: boolean;
  };
  /** The ports for requests that are bound. */
  readonly listeners: Listener[];
  /** Set once its port is bound. */
  status: StatusServer | undefined;
}

/** Makes the parts of a node and connects them. Nothing listens and nothing is configured yet. */
export function assembleNode(
  options: NodeOptions,
  makeTracing: MakeTracing | undefined,
  makeSource: MakeSource,
): NodeParts {
  const { logger, sluiceVersion, latencyHeaders = false } = options;
  const services = createServices(
    options,
    () => parts.spine.inFlight(),
    () => parts.source.nodeId,
  );
  const { requestMetrics, producers } = services;
  const upstreams = createUpstreamPool(logger);
  const upstreamMetrics = createUpstreamMetrics(services.metrics, () => shownTargets(upstreams));
  const holder = createHolder(services, { upstreams, upstreamMetrics }, logger);
  const runTrial = createTrials({
    holder,
    plugins,
    pluginSchemas,
    pluginDeps: services.pluginDeps,
    producers,
    encoders: services.knownEncoders,
    requestBodyMaxBytes: options.requestBodyMaxBytes,
    logger,
  });
  const source = makeSource({
    counters: () => ({ requestsTotal: requestMetrics.total(), clusters: producers.clusters() }),
    destinations: () => [...producers.destinations(), ...services.pluginDeps.encoders.destinations()],
    traffic: trafficCounts(services, holder),
    runTrial,
    targets: upstreams,
  });
  exposeSource(services.metrics, source);
  const tracing = makeTracing?.({ env: options.env ?? process.env, sluiceVersion, nodeId: source.nodeId, logger });
  const state = { draining: false, stopped: false, tlsIsOff: false };
  const parts: NodeParts = {
    ...services,
    options,
    holder,
    upstreams,
    spine: createSpine({
      holder,
      metrics: requestMetrics,
      logger,
      tracing,
      accessLog: createAccessLog(options.accessLog ?? 'off', logger),
      ownAnswer: createHealthAnswers({
        isServing: () => parts.readiness().ready,
        isDraining: () => state.draining,
      }),
      latencyHeaders,
      forward: forwardOf(services, upstreamMetrics, options),
    }),
    source,
    runTrial,
    readiness: createReadiness({
      isConfigured: () => holder.current !== undefined,
      clusters: () => producers.clusters(),
      problems: () => source.problems?.() ?? [],
      isDraining: () => state.draining,
      isListening: () => parts.listeners.length === wantedListeners(options) - Number(state.tlsIsOff),
      nowMs: () => performance.now(),
    }),
    tracing,
    state,
    listeners: [],
    status: undefined,
  };
  return parts;
}

function trafficCounts({ requestMetrics, producers }: Services, holder: RuntimeHolder): TrafficCounts {
  return {
    *routes() {
      yield ['', requestMetrics.unmatched];
      for (const { value } of holder.current?.routes.values() ?? []) yield [value.route.id, value.meter];
    },
    produce: () => producers.produceLatency(),
    queue: () => producers.queue(),
  };
}

function wantedListeners({ proxyListen, proxyListenTls = 'off' }: NodeOptions): number {
  return [proxyListen, proxyListenTls].filter((address) => address !== 'off').length;
}

function createServices(options: NodeOptions, inFlight: () => number, nodeId: () => string): Services {
  const { logger, sluiceVersion, kafkaClient, producerMemoryMaxBytes, requestBodyMaxBytes } = options;
  const metrics = options.metrics ?? createProcessMetrics(options);
  const producers = new Producers({
    kafkaClient,
    producerMemoryMaxBytes,
    logger,
    metrics,
    ...(options.producerMemory && { memory: options.producerMemory }),
  });
  const clusterNaming = new ClusterNaming(logger);
  const encoders = createEncoders({ logger, metrics });
  const lua = new LuaChains({ logger, metrics });
  const credentials = createLiveCredentials();
  const hit = limitHits({ metrics, logger });
  const pluginMetrics = createPluginMetrics(metrics);
  return {
    metrics,
    pluginMetrics,
    requestMetrics: createRequestMetrics({ registry: metrics, inFlight }),
    producers,
    clusterNaming,
    credentials,
    pluginDeps: {
      producers,
      encoders,
      lua,
      credentials,
      log: logger,
      metrics: pluginMetrics,
      nodeState: new NodeState({ log: logger, metrics: pluginMetrics }),
      answeredKeys: options.answeredKeys ?? new AnsweredKeys(),
      issuers: new Issuers({ events: createIssuerEvents(metrics, logger) }),
      passwordChecks: new PasswordChecks({ onBusy: () => hit('password_checks_waiting', 'proxy') }),
      openTracing: async (endpoint) => {
        const { endpointTracing } = await import('./tracing/endpoint-tracing.ts');
        return endpointTracing({ ...endpoint, sluiceVersion, nodeId: nodeId(), logger });
      },
      env: vaultEnvironment(options.env ?? process.env, options.vaultEnvPrefix),
      requestBodyMaxBytes,
      unsupportedSettings,
    },
    knownEncoders: encoders,
    closeEncoders: () => encoders.close(),
    closeLua: () => lua.close(),
  };
}

function createUpstreamPool(logger: Logger): UpstreamPool {
  const warnUnresolved = pacedLog((event, message, fields) => logger.warn(event, message, fields));
  return new UpstreamPool({
    resolve: createTargetResolver(),
    onUnresolved: (target, error) =>
      warnUnresolved('target_unresolved', 'The name of a target is not known', { target, error }),
    onHealth({ upstream, target, address, isHealthy, error }) {
      const fields = { upstream, target, address, error };
      if (isHealthy) logger.info('target_healthy', 'A target is healthy again', fields);
      else logger.warn('target_unhealthy', 'A target is unhealthy and gets no requests', fields);
    },
  });
}

function forwardOf(
  { metrics: registry }: Services,
  metrics: UpstreamMetrics,
  { logger, latencyHeaders = false }: NodeOptions,
): Forward {
  const upgrades = new Upgrades({ metrics: registry, onLimit: limitHits({ metrics: registry, logger }) });
  return createForward({ log: logger, upgrades, metrics, latencyHeaders });
}

/** Hosts that services name directly are checked by nobody: they are no targets. */
function* shownTargets(upstreams: UpstreamPool): Generator<ShownTarget> {
  for (const upstream of upstreams.values()) {
    if (!upstream.isEntity) continue;
    for (const { target, health } of upstream.health()) {
      const isHealthy = health === 'HEALTHY' || health === 'HEALTHCHECKS_OFF';
      yield { upstream: upstream.config.entity.name, target, isHealthy };
    }
  }
}

function createHolder(
  { metrics, requestMetrics, pluginMetrics, pluginDeps, clusterNaming, credentials }: Services,
  { upstreams, upstreamMetrics }: { readonly upstreams: UpstreamPool; readonly upstreamMetrics: UpstreamMetrics },
  logger: Logger,
): RuntimeHolder {
  const configMetrics = createConfigMetrics(metrics);
  const instances = new PluginInstances();
  const services = new ServicePlans(upstreams);
  const holder = new RuntimeHolder({
    build: (snapshot, live) =>
      buildRuntime(snapshot, {
        live,
        plugins,
        pluginSchemas,
        pluginDeps,
        clusterName: (config) => clusterNaming.nameOf(config),
        instances,
        services,
        meterOf: (routeLabel) => requestMetrics.meterOf(routeLabel),
      }),
    logger,
    onApplied(event) {
      if (event.kind === 'rejected') configMetrics.rejected(event.faults);
      if (event.kind === 'applied') {
        configMetrics.applied(event.runtime.hash, event.applyMs);
        if (holder.current !== undefined) credentials.use(holder.current.credentials);
        clusterNaming.use((holder.current?.held ?? []).map(({ plugin }) => plugin));
      }
      // A build that was dropped has made meters as well.
      const routeLabels = holder.current?.routeLabels ?? new Set();
      requestMetrics.keepOnly(routeLabels);
      pluginMetrics.proxySeries.keepOnly(routeLabels);
      const plans = [...(holder.current?.services.values() ?? [])];
      upstreamMetrics.keepOnly(new Set(plans.map(({ plan }) => plan.label)));
    },
  });
  return holder;
}
