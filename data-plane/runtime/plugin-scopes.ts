import { LRUCache } from 'lru-cache';
import { type Chain, type ChainStep, compareSteps, createChain, emptyChain } from './runtime.ts';

/** The entities that a plugin is bound to; when all are null, it runs for every request. */
export interface PluginScope {
  readonly routeId: string | null;
  readonly serviceId: string | null;
  readonly consumerId: string | null;
}

/** The chains of consumers that one runtime keeps. Making one again costs a few microseconds. */
const consumerChainsMax = 10_000;

/** Plugin instances by plugin and scope; answers which of them a request meets. */
export class PluginScopes {
  readonly #byPlugin = new Map<string, Map<string, ChainStep>>();
  readonly #consumersWithPlugins = new Set<string>();
  /** Made when first needed: it allocates all of its memory at once. */
  #consumerChains: LRUCache<string, Chain> | undefined;

  /** Whether any plugin is bound to a consumer. If none is, a consumer's chain is the chain of its route. */
  get hasConsumers(): boolean {
    return this.#consumersWithPlugins.size > 0;
  }

  /** Two entities of one plugin never share a scope: the store enforces it. */
  add(step: ChainStep, scope: PluginScope): void {
    let byScope = this.#byPlugin.get(step.plugin);
    if (byScope === undefined) this.#byPlugin.set(step.plugin, (byScope = new Map()));
    byScope.set(keyOf(scope.consumerId, scope.routeId, scope.serviceId), step);
    if (scope.consumerId !== null) this.#consumersWithPlugins.add(scope.consumerId);
  }

  /** Returns the chain of a route for requests without a consumer. Call after the last `add`. */
  chainOfRoute(routeId: string, serviceId: string | null): Chain {
    return this.#chain(routeId, serviceId, null);
  }

  /** Returns the chain of a route for requests of a consumer. */
  chainOfConsumer(routeId: string, serviceId: string | null, consumerId: string, withoutConsumer: Chain): Chain {
    if (!this.#consumersWithPlugins.has(consumerId)) return withoutConsumer;
    const key = keyOf(consumerId, routeId, serviceId);
    this.#consumerChains ??= new LRUCache({ max: consumerChainsMax });
    const known = this.#consumerChains.get(key);
    if (known !== undefined) return known;
    const chain = this.#chain(routeId, serviceId, consumerId);
    this.#consumerChains.set(key, chain);
    return chain;
  }

  /** Returns the chain of requests that match no route: unbound plugins with a log phase, the only phase that runs then. */
  chainWithoutRoute(): Chain {
    const steps: ChainStep[] = [];
    for (const byScope of this.#byPlugin.values()) {
      const step = byScope.get(keyOf(null, null, null));
      if (step?.instance.log !== undefined) steps.push(step);
    }
    return chainOf(steps);
  }

  #chain(routeId: string, serviceId: string | null, consumerId: string | null): Chain {
    const steps: ChainStep[] = [];
    for (const byScope of this.#byPlugin.values()) {
      const step = mostSpecific(byScope, consumerId, routeId, serviceId);
      if (step !== undefined) steps.push(step);
    }
    return chainOf(steps);
  }
}

function chainOf(steps: ChainStep[]): Chain {
  return steps.length === 0 ? emptyChain : createChain(steps.sort(compareSteps));
}

/** Returns the most specific instance. The order is Kong's: consumer+route+service, consumer+route, consumer+service, route+service, consumer, route, service, global. */
function mostSpecific(
  byScope: ReadonlyMap<string, ChainStep>,
  consumer: string | null,
  route: string,
  service: string | null,
): ChainStep | undefined {
  const ofConsumer = (routeId: string | null, serviceId: string | null) =>
    consumer === null ? undefined : byScope.get(keyOf(consumer, routeId, serviceId));
  const ofAnybody = (routeId: string | null, serviceId: string | null) => byScope.get(keyOf(null, routeId, serviceId));
  return (
    (service === null ? undefined : ofConsumer(route, service)) ??
    ofConsumer(route, null) ??
    (service === null ? undefined : ofConsumer(null, service)) ??
    (service === null ? undefined : ofAnybody(route, service)) ??
    ofConsumer(null, null) ??
    ofAnybody(route, null) ??
    (service === null ? undefined : ofAnybody(null, service)) ??
    ofAnybody(null, null)
  );
}

function keyOf(consumerId: string | null, routeId: string | null, serviceId: string | null): string {
  return `${consumerId ?? ''}/${routeId ?? ''}/${serviceId ?? ''}`;
}
