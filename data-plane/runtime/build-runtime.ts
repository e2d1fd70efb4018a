import type { EntityFault } from '../../shared/config-source.ts';
import { Holders } from '../../shared/counted-leases.ts';
import type { PluginSchema, PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { checkField } from '../../shared/schema/check.ts';
import { isRecord } from '../../shared/schema/is-record.ts';
import { takeMovedFields } from '../../shared/schema/moved-fields.ts';
import { effectiveValue } from '../../shared/schema/effective.ts';
import { dottedPath } from '../../shared/schema/faults.ts';
import type { FieldFault } from '../../shared/schema/field.ts';
import type { Snapshot } from '../../shared/snapshot.ts';
import type { PluginCreation, PluginDefinition, PluginDeps, PluginInstance } from '../plugin-api/plugin-definition.ts';
import { RouteCompileError } from '../router/route.ts';
import type { CompiledRoute } from '../router/compile-route.ts';
import { Router } from '../router/router.ts';
import type { RouteMeter } from '../status/route-meter.ts';
import {
  entitiesOf,
  type PluginEntity,
  type RouteEntity,
  type ServiceEntity,
  type TargetEntity,
  type UpstreamEntity,
} from './entities.ts';
import { createPacer, type Pacer } from '../../shared/pacer.ts';
import { indexCredentials } from './credential-index.ts';
import type { PluginInstances, SharedStep } from './plugin-instances.ts';
import { PluginScopes } from './plugin-scopes.ts';
import { areSame, type BuiltRuntime, labelOf, RouteCompiler } from './route-compiler.ts';
import type { ServicePlans, SharedService } from './service-plans.ts';
import { ServerCertificates } from './server-certificates.ts';
import { snapshotCertificates, type SnapshotCertificates } from './snapshot-certificates.ts';
import type { ChainStep, RoutePlan } from './runtime.ts';

/** Handlers by plugin name; each checks its own config's type when it is created. */
export type PluginTable = Readonly<Record<string, PluginDefinition<unknown>>>;

export interface BuildRuntimeDeps {
  readonly plugins: PluginTable;
  readonly pluginSchemas: PluginSchemas;
  readonly pluginDeps: Omit<PluginDeps, 'certificates' | 'clusterName' | 'pluginId'>;
  /** Returns the present name of the Kafka cluster that a stored config uses. */
  readonly clusterName?: (config: unknown) => string | undefined;
  /** Shared by all builds of a node. */
  readonly instances: PluginInstances;
  readonly services: ServicePlans;
  readonly meterOf: (routeLabel: string) => RouteMeter;
  /** The runtime that serves meanwhile; whatever did not change is taken over from it. */
  readonly live?: BuiltRuntime | undefined;
}

export type BuildResult =
  | { readonly kind: 'built'; readonly runtime: BuiltRuntime }
  /** Every fault of the snapshot. */
  | { readonly kind: 'faults'; readonly faults: readonly EntityFault[] };

/**
 * Compiles a snapshot: plugin entities into instances, routes with their chains into the router. Every fault is
 * collected; with any, what was made is closed again. Works in slices, so that requests are served meanwhile.
 */
export async function buildRuntime(snapshot: Snapshot, deps: BuildRuntimeDeps): Promise<BuildResult> {
  const pacer = createPacer();
  const build = new Build(deps, snapshotCertificates(snapshot, deps.pluginDeps.env));
  try {
    return await compile(snapshot, build, deps, pacer);
  } catch (error) {
    // This is a fault of the node, not of the configuration. The instances made so far must give their producers back.
    await build.close();
    throw error;
  }
}

async function compile(
  snapshot: Snapshot,
  build: Build,
  { live, meterOf }: BuildRuntimeDeps,
  pacer: Pacer,
): Promise<BuildResult> {
  build.addUpstreams(entitiesOf(snapshot, 'upstreams'), entitiesOf(snapshot, 'targets'));
  for (const service of entitiesOf(snapshot, 'services')) {
    build.addService(service);
    if (pacer.isDue()) await pacer.pause();
  }
  for (const plugin of entitiesOf(snapshot, 'plugins')) {
    const late = build.addPlugin(plugin);
    if (late !== undefined) await late;
    if (pacer.isDue()) await pacer.pause();
  }
  const scopes = await build.bindPlugins(pacer);
  const compiler = new RouteCompiler({ live, scopes, meterOf });
  for (const route of entitiesOf(snapshot, 'routes')) {
    build.addRoute(route, compiler);
    if (pacer.isDue()) await pacer.pause();
  }
  const serverCertificates = await build.serverCertificates(snapshot, pacer);
  const faults = [...build.faults(), ...serverCertificates.faults];
  if (faults.length > 0) {
    await build.close();
    return { kind: 'faults', faults };
  }
  return { kind: 'built', runtime: await build.finish(snapshot, { scopes, serverCertificates }, pacer) };
}

interface CreatedPlugin {
  readonly definition: PluginDefinition<unknown>;
  readonly schema: PluginSchema;
  readonly instance: PluginInstance;
  readonly madeFrom: SharedStep['madeFrom'];
}

class Build {
  readonly #deps: BuildRuntimeDeps;
  readonly #certificates: SnapshotCertificates;
  readonly #faults: EntityFault[] = [];
  readonly #services = new Map<string, ServiceEntity>();
  readonly #plans = new Map<string, SharedService>();
  readonly #upstreams = new Map<string, UpstreamEntity>();
  readonly #targets = new Map<string, TargetEntity[]>();
  readonly #held: SharedStep[] = [];
  readonly #routes = new Map<RouteEntity, CompiledRoute<RoutePlan>>();
  readonly #routeLabels = new Set<string>();
  /** The number of routes that were taken over. */
  #kept = 0;

  constructor(deps: BuildRuntimeDeps, certificates: SnapshotCertificates) {
    this.#deps = deps;
    this.#certificates = certificates;
  }

  /** Call before the first service. */
  addUpstreams(upstreams: readonly UpstreamEntity[], targets: readonly TargetEntity[]): void {
    for (const upstream of upstreams) this.#upstreams.set(upstream.name, upstream);
    for (const target of targets) {
      const others = this.#targets.get(target.upstream.id);
      if (others === undefined) this.#targets.set(target.upstream.id, [target]);
      else others.push(target);
    }
  }

  addService(service: ServiceEntity): void {
    this.#services.set(service.id, service);
    const upstream = this.#upstreams.get(service.host);
    const targets = upstream === undefined ? [] : (this.#targets.get(upstream.id) ?? []);
    const planning = this.#deps.services.acquire(service, { upstream, targets }, this.#certificates);
    if (planning.kind === 'planned') this.#plans.set(service.id, planning.service);
    else for (const { path, message } of planning.faults) this.#addServiceFault(service, path, message);
  }

  /** Returns a promise where creating the plugin takes time; the next plugin is added after it. */
  addPlugin(plugin: PluginEntity): Promise<void> | undefined {
    if (!plugin.enabled) return undefined;
    const made = this.#deps.instances.acquire(plugin, (madeFrom) => !this.#certificates.areSame(madeFrom));
    if (made !== undefined) {
      this.#held.push(made);
      return undefined;
    }
    // Names are remembered by config: this spares the swap from reading every config at once.
    const { clusterName = () => undefined } = this.#deps;
    clusterName(plugin.config);
    const definition = this.#deps.plugins[plugin.name];
    const schema = this.#deps.pluginSchemas[plugin.name];
    if (definition === undefined || schema === undefined) {
      this.#addPluginFaults(plugin, [
        { path: ['name'], message: `plugin '${plugin.name}' is not available on this node` },
      ]);
      return undefined;
    }
    // The control plane has checked it; one of another version may have checked it differently.
    // So it may hold fields in places that they have left since.
    const config = isRecord(plugin.config) ? takeMovedFields(schema.moved ?? [], plugin.config).config : plugin.config;
    const checked = checkField(schema.config, config);
    if (checked.kind === 'faults') {
      const faults = checked.faults.map(({ path, message }) => ({ path: ['config', ...path], message }));
      this.#addPluginFaults(plugin, faults);
      return undefined;
    }
    const add = (creation: PluginCreation): void => {
      if (creation.kind === 'faults') this.#addPluginFaults(plugin, creation.faults);
      else this.#addStep(plugin, { definition, schema, instance: creation.instance, madeFrom });
    };
    const { certificates, madeFrom } = this.#certificates.forOne();
    const created = definition.create(effectiveValue(schema.config, checked.value), {
      ...this.#deps.pluginDeps,
      pluginId: plugin.id,
      certificates,
      clusterName: () => clusterName(plugin.config),
    });
    if (created instanceof Promise) return created.then(add);
    add(created);
    return undefined;
  }

  #addStep(plugin: PluginEntity, { definition, schema, instance, madeFrom }: CreatedPlugin): void {
    const step: ChainStep = {
      plugin: plugin.name,
      priority: definition.priority,
      publishes: definition.publishes,
      protocols: schema.protocols.every((protocol) => plugin.protocols.includes(protocol))
        ? null
        : new Set(plugin.protocols),
      instance,
    };
    const shared = { step, plugin, madeFrom, holders: new Holders() };
    this.#deps.instances.add(shared);
    this.#held.push(shared);
  }

  /** Call after the last plugin and before the first route. */
  async bindPlugins(pacer: Pacer): Promise<PluginScopes> {
    const { live } = this.#deps;
    if (live !== undefined && areSame(live.held, this.#held)) return live.scopes;
    const scopes = new PluginScopes();
    for (const { plugin, step } of this.#held) {
      scopes.add(step, {
        routeId: plugin.route?.id ?? null,
        serviceId: plugin.service?.id ?? null,
        consumerId: plugin.consumer?.id ?? null,
      });
      if (pacer.isDue()) await pacer.pause();
    }
    return scopes;
  }

  addRoute(route: RouteEntity, compiler: RouteCompiler): void {
    const service = route.service === null ? undefined : this.#services.get(route.service.id);
    if (route.service !== null && service === undefined) {
      this.#addRouteFault(route, ['service'], 'refers to a service that is not there');
    }
    try {
      const compiled = compiler.compile(route, service, service && this.#plans.get(service.id)?.plan);
      this.#routes.set(route, compiled);
      this.#routeLabels.add(labelOf(route));
      if (this.#deps.live?.routes.get(route) === compiled) this.#kept += 1;
    } catch (error) {
      if (!(error instanceof RouteCompileError)) throw error;
      for (const { path, message } of error.faults) this.#addRouteFault(route, path, message);
    }
  }

  /** Closes the instances that were made so far. */
  close(): Promise<void> {
    this.#deps.services.releaseAll(this.#plans.values());
    return this.#deps.instances.releaseAll(this.#held);
  }

  faults(): readonly EntityFault[] {
    return this.#faults;
  }

  serverCertificates(snapshot: Snapshot, pacer: Pacer): Promise<ServerCertificates> {
    return ServerCertificates.create(snapshot, this.#certificates, pacer);
  }

  async finish(
    snapshot: Snapshot,
    { scopes, serverCertificates }: Pick<BuiltRuntime, 'scopes' | 'serverCertificates'>,
    pacer: Pacer,
  ): Promise<BuiltRuntime> {
    const routes = this.#routes;
    const held = this.#held;
    const services = this.#plans;
    const { instances, services: plans } = this.#deps;
    const router = await this.#routerOf(pacer);
    const routeLabels = this.#routeLabels;
    const { hash } = snapshot;
    const unmatched = scopes.chainWithoutRoute();
    // The closure holds no reference to this build: it knows the runtime before, which knows the one before that.
    const close = (): Promise<void> => {
      plans.releaseAll(services.values());
      return instances.releaseAll(held);
    };
    const credentials = await indexCredentials(snapshot, this.#deps.live?.credentials);
    return {
      hash,
      router,
      unmatched,
      serverCertificates,
      routeLabels,
      held,
      services,
      scopes,
      credentials,
      routes,
      close,
    };
  }

  async #routerOf(pacer: Pacer): Promise<Router<RoutePlan>> {
    const { live } = this.#deps;
    if (live !== undefined && this.#kept === this.#routes.size && this.#kept === live.routes.size) return live.router;
    const router = new Router<RoutePlan>();
    for (const compiled of this.#routes.values()) {
      router.add(compiled);
      if (pacer.isDue()) await pacer.pause();
    }
    return router;
  }

  #addServiceFault(service: ServiceEntity, path: readonly (string | number)[], message: string): void {
    this.#faults.push({
      entityType: 'service',
      entityId: service.id,
      entityName: service.name ?? '',
      path: dottedPath(path),
      message,
    });
  }

  #addRouteFault(route: RouteEntity, path: readonly (string | number)[], message: string): void {
    this.#faults.push({
      entityType: 'route',
      entityId: route.id,
      entityName: route.name ?? '',
      path: dottedPath(path),
      message,
    });
  }

  #addPluginFaults(plugin: PluginEntity, faults: readonly FieldFault[]): void {
    for (const { path, message } of faults) {
      this.#faults.push({
        entityType: 'plugin',
        entityId: plugin.id,
        entityName: plugin.instance_name ?? plugin.name,
        path: dottedPath(path),
        message,
      });
    }
  }
}
