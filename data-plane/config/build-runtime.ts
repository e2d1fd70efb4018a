import type { EntityFault } from '../../shared/config-source.ts';
import type { Snapshot } from '../../shared/snapshot.ts';
import type { PluginDefinition, PluginDeps, PluginInstance } from '../plugins/plugin.ts';
import { RouteCompileError } from '../router/route.ts';
import { Router } from '../router/router.ts';
import type { RouteMeter } from '../status/metrics.ts';
import type { EntityReader, Plugin, Route, Service } from './entity-reader.ts';
import { createPacer, type Pacer } from './pacer.ts';
import { PluginScopes } from './plugin-scopes.ts';
import { createChain, type RoutePlan, type Runtime } from './runtime.ts';

/** Handlers by plugin name; each checks its own config's type when it is created. */
export type PluginTable = Readonly<Record<string, PluginDefinition<unknown>>>;

export interface BuildRuntimeDeps {
  readonly plugins: PluginTable;
  readonly pluginDeps: PluginDeps;
  readonly readers: EntityReaders;
  readonly meterOf: (routeLabel: string) => RouteMeter;
}

export interface EntityReaders {
  readonly service: EntityReader<Service>;
  readonly route: EntityReader<Route>;
  readonly consumer: EntityReader<{ readonly id: string }>;
  readonly plugin: EntityReader<Plugin>;
}

export type BuildResult =
  | { readonly kind: 'built'; readonly runtime: Runtime }
  /** All of them. */
  | { readonly kind: 'faults'; readonly faults: readonly EntityFault[] };

/**
 * Compiles a snapshot: routes into the router, plugin entities into instances, chains for each route. Every fault is
 * collected; with any, what was made is closed again. Works in slices, so that requests are served meanwhile.
 */
export async function buildRuntime(snapshot: Snapshot, deps: BuildRuntimeDeps): Promise<BuildResult> {
  const build = new Build(snapshot, deps);
  await build.readServices();
  await build.readConsumers();
  await build.readRoutes();
  await build.createPlugins();
  if (build.faults.length === 0) await build.planRoutes();
  if (build.faults.length === 0) return { kind: 'built', runtime: build.finish() };
  build.closeInstances();
  return { kind: 'faults', faults: build.faults };
}
