import { LRUCache } from 'lru-cache';
import { type Chain, type ChainStep, compareSteps, createChain, emptyChain } from './runtime.ts';

/** What a plugin entity is bound to; all null: every request. */
export interface PluginScope {
  readonly routeId: string | null;
  readonly serviceId: string | null;
  readonly consumerId: string | null;
}

/** Chains of consumers that one runtime keeps ready. One more costs a few microseconds to make again. */
const consumerChainsMax = 10_000;

/** Plugin instances by plugin and scope; answers which of them a request meets. */
export class PluginScopes {
  readonly #byPlugin = new Map<string, Map<string, ChainStep>>();
  readonly #consumersWithPlugins = new Set<string>();
  /** Made for the first of them: it takes its room at once. */
  #consumerChains: LRUCache<string, Chain> | undefined;

  /** Without, the chain of a consumer is that of its route. */
  get hasConsumers(): boolean {
    return this.#consumersWithPlugins.size > 0;
  }

  /** Two entities of one plugin never share a scope: the store sees to it. */
  add(step: ChainStep, scope: PluginScope): void {
    let byScope = this.#byPlugin.get(step.plugin);
    if (byScope === undefined) this.#byPlugin.set(step.plugin, (byScope = new Map()));
    byScope.set(keyOf(scope.consumerId, scope.routeId, scope.serviceId), step);
    if (scope.consumerId !== null) this.#consumersWithPlugins.add(scope.consumerId);
  }

  /** The chain of a route for requests without a consumer. Call after the last `add`. */
  chainOfRoute(routeId: string, serviceId: string | null): Chain {
    return this.#chain(routeId, serviceId, null);
  }

  /** The chain of a route for requests of a consumer. */
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

  /** Of requests that match no route: what is bound to nothing and has a log phase, which runs for them alone. */
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

/** The order of section 5: consumer+route+service, consumer+route, consumer+service, route+service, consumer, route, service, global. */
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
