import type { PluginInstance } from '../plugin-api/plugin-definition.ts';
import type { ExchangeRoute } from '../plugin-api/exchange.ts';
import type { Router } from '../router/router.ts';
import type { RouteMeter } from '../status/metrics.ts';

/** A snapshot compiled for use. Only read once it is built. */
export interface Runtime {
  readonly hash: string;
  readonly router: Router<RoutePlan>;
  /** For requests that match no route: they are logged, nothing else. */
  readonly unmatched: Chain;
  /** Labels of the routes, for the meters that have to be kept. */
  readonly routeLabels: ReadonlySet<string>;
  /** Closes the plugin instances; called once, after the last exchange. */
  close(): Promise<void>;
}

/** All that is known of a route before a request comes. */
export interface RoutePlan {
  /** As plugins see it, when the path has no captures. */
  readonly route: ExchangeRoute;
  readonly protocols: ReadonlySet<string>;
  readonly httpsRedirectStatusCode: number;
  readonly meter: RouteMeter;
  /** For requests without a consumer. */
  readonly chain: Chain;
  /** For requests of a consumer, whose own plugins may win. */
  chainFor(consumerId: string): Chain;
}

/** The plugin instances that a request meets, by priority, the most specific of each plugin. */
export interface Chain {
  readonly steps: readonly ChainStep[];
  /** Some step has a response phase. */
  readonly hasResponse: boolean;
  /** Those with a log phase, in order. */
  readonly loggers: readonly ChainStep[];
}

export interface ChainStep {
  readonly plugin: string;
  readonly priority: number;
  /** Its access phase may have sent a record when it fails. */
  readonly publishes: boolean;
  /** Protocols that it runs for; null: all. */
  readonly protocols: ReadonlySet<string> | null;
  readonly instance: PluginInstance;
}

/** Higher priority first; names decide between equals, so that every node runs them alike. */
export function compareSteps(a: ChainStep, b: ChainStep): number {
  return b.priority - a.priority || (a.plugin < b.plugin ? -1 : a.plugin > b.plugin ? 1 : 0);
}

export function createChain(steps: readonly ChainStep[]): Chain {
  return {
    steps,
    hasResponse: steps.some(({ instance }) => instance.response !== undefined),
    loggers: steps.filter(({ instance }) => instance.log !== undefined),
  };
}

export const emptyChain: Chain = createChain([]);
