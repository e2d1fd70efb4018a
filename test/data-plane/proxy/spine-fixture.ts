import { Registry } from 'prom-client';
import { buildRuntime, type BuildResult, type PluginTable } from '../../../data-plane/runtime/build-runtime.ts';
import { createForward } from '../../../data-plane/forward/service-forward.ts';
import { Upgrades } from '../../../data-plane/forward/upgrades.ts';
import { noServices } from '../runtime/service-fixture.ts';
import { PluginInstances } from '../../../data-plane/runtime/plugin-instances.ts';
import type { BuiltRuntime } from '../../../data-plane/runtime/route-compiler.ts';
import { type ApplyEvent, RuntimeHolder } from '../../../data-plane/runtime/runtime-holder.ts';
import type { PluginCreation, PluginDeps, PluginInstance } from '../../../data-plane/plugin-api/plugin-definition.ts';
import { type AccessLogMode, createAccessLog } from '../../../data-plane/proxy/access-log.ts';
import { NodeState } from '../../../data-plane/plugin-api/node-state.ts';
import { createSpine, type Spine } from '../../../data-plane/proxy/spine.ts';
import { createRequestMetrics, type RequestMetrics } from '../../../data-plane/status/request-metrics.ts';
import { createLogger, type LogLevel } from '../../../shared/log.ts';
import type { PluginSchemas } from '../../../shared/plugin-schemas/plugin-schema.ts';
import { record, string } from '../../../shared/schema/field.ts';
import { createSnapshot, type Snapshot, type SnapshotEntities, type SnapshotEntity } from '../../../shared/snapshot.ts';
import { noCredentials, noLua, noMetrics } from '../../helpers/plugins.ts';

const protocols = ['grpc', 'grpcs', 'http', 'https'] as const;

/** Plugins that tests may configure, by name: priority, and whether they publish. */
const kinds: Readonly<Record<string, { readonly priority: number; readonly publishes?: true }>> = {
  auth: { priority: 1000 },
  first: { priority: 900 },
  middle: { priority: 500 },
  'middle-too': { priority: 500 },
  publish: { priority: 100, publishes: true },
};

export const pluginSchemas: PluginSchemas = Object.fromEntries(
  Object.entries(kinds).map(([name, { priority }]) => [
    name,
    {
      name,
      version: '1.0.0',
      priority,
      protocols,
      scopes: ['service', 'route', 'consumer'] as const,
      config: record({ label: string({ required: true }), topic: string() }, { required: true }),
    },
  ]),
);

export function routeEntity(fields: Readonly<Record<string, unknown>> = {}): SnapshotEntity {
  const id = '11111111-1111-4111-8111-111111111111';
  return {
    id,
    name: 'orders',
    created_at: 1,
    protocols: ['http', 'https'],
    methods: null,
    hosts: null,
    paths: ['/orders'],
    headers: null,
    snis: null,
    https_redirect_status_code: 426,
    regex_priority: 0,
    service: null,
    ...fields,
  };
}

export function serviceEntity(
  id: string,
  name: string,
  fields: Readonly<Record<string, unknown>> = {},
): SnapshotEntity {
  const service = { protocol: 'http', host: '127.0.0.1', port: 80, path: null, retries: 0, enabled: true };
  const times = { connect_timeout: 1_000, write_timeout: 1_000, read_timeout: 1_000 };
  const tls = { client_certificate: null, tls_verify: null, tls_verify_depth: null, ca_certificates: null };
  return { id, name, ...service, ...times, ...tls, ...fields };
}

let pluginCount = 0;

/** A plugin entity whose behaviour is the test's under `label`. */
export function pluginEntity(
  name: string,
  label: string,
  fields: Readonly<Record<string, unknown>> = {},
): SnapshotEntity {
  pluginCount += 1;
  return {
    id: `plugin-${String(pluginCount).padStart(6, '0')}`,
    name,
    instance_name: null,
    route: null,
    service: null,
    consumer: null,
    config: { label },
    protocols,
    enabled: true,
    ...fields,
  };
}

/** A spine over a real runtime, holder and metrics; plugins behave as `behaviours` says, by label. */
export class SpineFixture {
  readonly behaviours = new Map<
    string,
    PluginInstance | ((deps: PluginDeps) => PluginCreation | Promise<PluginCreation>)
  >();
  readonly lines: Record<string, unknown>[] = [];
  readonly registry = new Registry();
  readonly events: ApplyEvent[] = [];
  readonly holder: RuntimeHolder;
  readonly instances = new PluginInstances();
  readonly services = noServices();
  readonly spine: Spine;
  readonly metrics: RequestMetrics;
  readonly deps: Omit<PluginDeps, 'certificates' | 'pluginId'>;

  constructor(level: LogLevel = 'info', accessLog: AccessLogMode = 'off') {
    const logger = createLogger({
      level,
      format: 'json',
      // A border: the logger writes objects.
      write: (line) => this.lines.push(JSON.parse(line) as Record<string, unknown>),
    });
    this.metrics = createRequestMetrics({ registry: this.registry, inFlight: () => this.spine.inFlight() });
    this.deps = {
      producers: {
        acquire() {
          throw new Error('no producers here');
        },
      },
      encoders: {
        acquire() {
          throw new Error('no encoders here');
        },
        destinations: () => [],
        unusable: () => [],
        close: async () => {},
      },
      lua: noLua,
      credentials: noCredentials,
      metrics: noMetrics,
      nodeState: new NodeState({ log: logger, metrics: noMetrics }),
      log: logger,
      env: {},
      requestBodyMaxBytes: 1_000,
    };
    this.holder = new RuntimeHolder({
      build: (snapshot, live) => this.build(snapshot, live),
      logger,
      onApplied: (event) => this.events.push(event),
    });
    this.spine = createSpine({
      holder: this.holder,
      metrics: this.metrics,
      logger,
      accessLog: createAccessLog(accessLog, logger),
      forward: createForward({
        log: logger,
        upgrades: new Upgrades({ metrics: this.registry, onLimit: () => undefined }),
        metrics: { answered: () => undefined, failed: () => undefined },
        latencyHeaders: false,
      }),
    });
  }

  build(snapshot: Snapshot, live?: BuiltRuntime): Promise<BuildResult> {
    return buildRuntime(snapshot, {
      live,
      plugins: this.#table(),
      pluginSchemas,
      pluginDeps: this.deps,
      instances: this.instances,
      services: this.services,
      meterOf: (label) => this.metrics.meterOf(label),
    });
  }

  apply(entities: SnapshotEntities) {
    return this.holder.apply(createSnapshot(entities));
  }

  #table(): PluginTable {
    return Object.fromEntries(
      Object.entries(kinds).map(([name, { priority, publishes = false }]) => [
        name,
        {
          version: '1.0.0',
          priority,
          publishes,
          create: (config: unknown, deps: PluginDeps): PluginCreation | Promise<PluginCreation> => {
            // A border: checked against the schema above.
            const { label } = config as { label: string };
            const behaviour = this.behaviours.get(label) ?? {};
            return typeof behaviour === 'function' ? behaviour(deps) : { kind: 'created', instance: behaviour };
          },
        },
      ]),
    );
  }
}
