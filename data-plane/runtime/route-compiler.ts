import { compileRoute, type CompiledRoute } from '../router/compile-route.ts';
import type { RouteMeter } from '../status/route-meter.ts';
import type { ServicePlan } from '../forward/service-plan.ts';
import type { CredentialIndex } from './live-credentials.ts';
import type { RouteEntity, ServiceEntity } from './entities.ts';
import type { SharedService } from './service-plans.ts';
import type { SharedStep } from './plugin-instances.ts';
import type { PluginScopes } from './plugin-scopes.ts';
import type { Chain, ForwardPlan, RoutePlan, Runtime } from './runtime.ts';

/** A runtime with everything that it was compiled from, so that the next one can take over what is the same. */
export interface BuiltRuntime extends Runtime {
  /** The plugin instances, in the order of their entities. */
  readonly held: readonly SharedStep[];
  readonly services: ReadonlyMap<string, SharedService>;
  readonly scopes: PluginScopes;
  readonly credentials: CredentialIndex;
  readonly routes: ReadonlyMap<RouteEntity, CompiledRoute<RoutePlan>>;
}

export interface RouteCompilerDeps {
  /** The runtime that serves meanwhile. */
  readonly live: BuiltRuntime | undefined;
  /** All plugins of the new configuration; the same object as in `live` when no instance changed. */
  readonly scopes: PluginScopes;
  readonly meterOf: (routeLabel: string) => RouteMeter;
}

/** Compiles routes, or takes them over where the entity, the name of its service and its plugin instances are the same. */
export class RouteCompiler {
  readonly #deps: RouteCompilerDeps;
  /** No plugin instance changed, so that an unchanged route has an unchanged chain. */
  readonly #sameScopes: boolean;
  /** No consumer-scoped plugins before or after: comparing the routes' chains is enough. */
  readonly #withoutConsumers: boolean;

  constructor(deps: RouteCompilerDeps) {
    const { live, scopes } = (this.#deps = deps);
    this.#sameScopes = live?.scopes === scopes;
    this.#withoutConsumers = live?.scopes.hasConsumers === false && !scopes.hasConsumers;
  }

  /** @throws RouteCompileError with every regular expression that does not parse. */
  compile(
    route: RouteEntity,
    service: ServiceEntity | undefined,
    plan: ServicePlan | undefined,
  ): CompiledRoute<RoutePlan> {
    const { live, meterOf } = this.#deps;
    const serviceName = service?.name ?? null;
    const meter = meterOf(labelOf(route));
    const known = live?.routes.get(route);
    const isKnown = known?.value.route.serviceName === serviceName && known.value.meter === meter;
    if (known === undefined || !isKnown || known.value.forward?.service !== plan) {
      return this.#compile(route, serviceName, meter, this.#chainOf(route), plan);
    }
    if (this.#sameScopes) return known;
    const chain = this.#chainOf(route);
    if (this.#withoutConsumers && areSame(known.value.chain.steps, chain.steps)) return known;
    return this.#compile(route, serviceName, meter, chain, plan);
  }

  #chainOf(route: RouteEntity): Chain {
    return this.#deps.scopes.chainOfRoute(route.id, route.service?.id ?? null);
  }

  #compile(
    route: RouteEntity,
    serviceName: string | null,
    meter: RouteMeter,
    chain: Chain,
    service: ServicePlan | undefined,
  ): CompiledRoute<RoutePlan> {
    const { scopes } = this.#deps;
    const serviceId = route.service?.id ?? null;
    const plan: RoutePlan = {
      route: { id: route.id, name: route.name, serviceId, serviceName, captures: {} },
      protocols: new Set(route.protocols),
      httpsRedirectStatusCode: route.https_redirect_status_code,
      meter,
      forward: service === undefined ? null : forwardOf(route, service),
      chain,
      chainFor: scopes.hasConsumers ? chainsOfConsumers(scopes, route.id, serviceId, chain) : always(chain),
    };
    return compileRoute(
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
      plan,
    );
  }
}

function forwardOf(route: RouteEntity, service: ServicePlan): ForwardPlan {
  return { service, stripPath: route.strip_path, preserveHost: route.preserve_host };
}

function chainsOfConsumers(
  scopes: PluginScopes,
  routeId: string,
  serviceId: string | null,
  chain: Chain,
): RoutePlan['chainFor'] {
  return (consumerId) => scopes.chainOfConsumer(routeId, serviceId, consumerId, chain);
}

/** A function of its own, so that the closure holds the chain alone: the plan outlives the scopes that it was made with. */
function always(chain: Chain): RoutePlan['chainFor'] {
  return () => chain;
}

/** Returns the label of a route's metrics. */
export function labelOf(route: RouteEntity): string {
  return route.name ?? route.id;
}

/** Returns whether both lists hold the same objects in the same order. */
export function areSame<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
