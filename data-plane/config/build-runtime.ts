import type { EntityFault } from '../../shared/config-source.ts';
import type { PluginSchema, PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { checkField } from '../../shared/schema/check.ts';
import { dottedPath } from '../../shared/schema/faults.ts';
import type { FieldFault } from '../../shared/schema/field.ts';
import type { Snapshot } from '../../shared/snapshot.ts';
import type { PluginCreation, PluginDefinition, PluginDeps, PluginInstance } from '../plugins/plugin.ts';
import { RouteCompileError } from '../router/route.ts';
import { Router } from '../router/router.ts';
import type { RouteMeter } from '../status/metrics.ts';
import { entitiesOf, type PluginEntity, type RouteEntity, type ServiceEntity } from './entities.ts';
import { createPacer, type Pacer } from '../../shared/pacer.ts';
import type { PluginInstances, SharedStep } from './plugin-instances.ts';
import { PluginScopes } from './plugin-scopes.ts';
import { snapshotCertificates, type SnapshotCertificates } from './snapshot-certificates.ts';
import type { ChainStep, RoutePlan, Runtime } from './runtime.ts';

/** Handlers by plugin name; each checks its own config's type when it is created. */
export type PluginTable = Readonly<Record<string, PluginDefinition<unknown>>>;

export interface BuildRuntimeDeps {
  readonly plugins: PluginTable;
  readonly pluginSchemas: PluginSchemas;
  readonly pluginDeps: Omit<PluginDeps, 'certificates'>;
  /** The same for all builds of a node. */
  readonly instances: PluginInstances;
  readonly meterOf: (routeLabel: string) => RouteMeter;
}

export type BuildResult =
  | { readonly kind: 'built'; readonly runtime: Runtime }
  /** All of them. */
  | { readonly kind: 'faults'; readonly faults: readonly EntityFault[] };

/**
 * Compiles a snapshot: plugin entities into instances, routes with their chains into the router. Every fault is
 * collected; with any, what was made is closed again. Works in slices, so that requests are served meanwhile.
 */
export async function buildRuntime(snapshot: Snapshot, deps: BuildRuntimeDeps): Promise<BuildResult> {
  const pacer = createPacer();
  const build = new Build(deps, snapshotCertificates(snapshot, deps.pluginDeps.env));
  try {
    return await compile(snapshot, build, pacer);
  } catch (error) {
    // A fault of the node, not of the configuration: what was made until then must not keep its producers.
    await build.close();
    throw error;
  }
}

async function compile(snapshot: Snapshot, build: Build, pacer: Pacer): Promise<BuildResult> {
  for (const service of entitiesOf(snapshot, 'services')) {
    build.addService(service);
    if (pacer.isDue()) await pacer.pause();
  }
  for (const plugin of entitiesOf(snapshot, 'plugins')) {
    const late = build.addPlugin(plugin);
    if (late !== undefined) await late;
    if (pacer.isDue()) await pacer.pause();
  }
  for (const route of entitiesOf(snapshot, 'routes')) {
    build.addRoute(route);
    if (pacer.isDue()) await pacer.pause();
  }
  return build.finish(snapshot.hash);
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
  readonly #scopes = new PluginScopes();
  readonly #held: SharedStep[] = [];
  readonly #router = new Router<RoutePlan>();
  readonly #routeLabels = new Set<string>();

  constructor(deps: BuildRuntimeDeps, certificates: SnapshotCertificates) {
    this.#deps = deps;
    this.#certificates = certificates;
  }

  addService(service: ServiceEntity): void {
    this.#services.set(service.id, service);
  }

  /** A promise where the plugin takes its time; the next is added after it. */
  addPlugin(plugin: PluginEntity): Promise<void> | undefined {
    if (!plugin.enabled) return undefined;
    const made = this.#deps.instances.acquire(plugin, (madeFrom) => !this.#certificates.areSame(madeFrom));
    if (made !== undefined) {
      this.#hold(made);
      return undefined;
    }
    const definition = this.#deps.plugins[plugin.name];
    const schema = this.#deps.pluginSchemas[plugin.name];
    if (definition === undefined || schema === undefined) {
      this.#addPluginFaults(plugin, [
        { path: ['name'], message: `plugin '${plugin.name}' is not available on this node` },
      ]);
      return undefined;
    }
    // The control plane has checked it; one of another version may have checked it differently.
    const checked = checkField(schema.config, plugin.config);
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
    const created = definition.create(checked.value, { ...this.#deps.pluginDeps, certificates });
    if (created instanceof Promise) return created.then(add);
    add(created);
    return undefined;
  }

  #addStep(plugin: PluginEntity, { definition, schema, instance, madeFrom }: CreatedPlugin): void {
    const step: ChainStep = {
      plugin: plugin.name,
      priority: definition.priority,
      answers: definition.answers,
      protocols: schema.protocols.every((protocol) => plugin.protocols.includes(protocol))
        ? null
        : new Set(plugin.protocols),
      instance,
    };
    const shared = { step, plugin, madeFrom };
    this.#deps.instances.add(shared);
    this.#hold(shared);
  }

  #hold(shared: SharedStep): void {
    const { plugin, step } = shared;
    this.#held.push(shared);
    this.#scopes.add(step, {
      routeId: plugin.route?.id ?? null,
      serviceId: plugin.service?.id ?? null,
      consumerId: plugin.consumer?.id ?? null,
    });
  }

  /** After the last plugin. */
  addRoute(route: RouteEntity): void {
    if (route.service !== null && !this.#services.has(route.service.id)) {
      this.#addRouteFault(route, ['service'], 'refers to a service that is not there');
    }
    try {
      this.#router.add(
        {
          id: route.id,
          methods: route.methods ?? [],
          hosts: route.hosts ?? [],
          paths: route.paths ?? [],
          headers: route.headers ?? {},
          snis: route.snis ?? [],
          regexPriority: route.regex_priority ?? 0,
          createdAt: route.created_at,
        },
        this.#planOf(route),
      );
    } catch (error) {
      if (!(error instanceof RouteCompileError)) throw error;
      for (const { path, message } of error.faults) this.#addRouteFault(route, path, message);
    }
  }

  /** Closes what was made so far. */
  close(): Promise<void> {
    return this.#deps.instances.releaseAll(this.#held);
  }

  async finish(hash: string): Promise<BuildResult> {
    if (this.#faults.length > 0) {
      await this.close();
      return { kind: 'faults', faults: this.#faults };
    }
    const runtime = { hash, router: this.#router, routeLabels: this.#routeLabels, close: () => this.close() };
    return { kind: 'built', runtime };
  }

  #planOf(route: RouteEntity): RoutePlan {
    const label = route.name ?? route.id;
    this.#routeLabels.add(label);
    const serviceId = route.service?.id ?? null;
    const service = serviceId === null ? undefined : this.#services.get(serviceId);
    const chain = this.#scopes.chainOfRoute(route.id, serviceId);
    return {
      route: {
        id: route.id,
        name: route.name,
        serviceId,
        serviceName: service?.name ?? null,
        captures: {},
      },
      protocols: new Set(route.protocols),
      httpsRedirectStatusCode: route.https_redirect_status_code,
      meter: this.#deps.meterOf(label),
      chain,
      chainFor: (consumerId) => this.#scopes.chainOfConsumer(route.id, serviceId, consumerId, chain),
    };
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
