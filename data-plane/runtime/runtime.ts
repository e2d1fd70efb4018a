import type { PluginInstance } from '../plugin-api/plugin-definition.ts';
import type { ServicePlan } from '../forward/service-plan.ts';
import type { ExchangeRoute } from '../plugin-api/exchange.ts';
import type { Router } from '../router/router.ts';
import type { ServerCertificates } from './server-certificates.ts';
import type { RouteMeter } from '../status/route-meter.ts';

/** A snapshot compiled for use. It does not change once it is built. */
export interface Runtime {
  readonly hash: string;
  readonly router: Router<RoutePlan>;
  /** The chain of requests that match no route; only its log phase runs. */
  readonly unmatched: Chain;
  /** The labels of the routes, whose meters have to be kept. */
  readonly routeLabels: ReadonlySet<string>;
  /** The certificates that clients are shown. */
  readonly serverCertificates: ServerCertificates;
  /** Closes the plugin instances; called once, after the last exchange. */
  close(): Promise<void>;
}

/** Everything that is known about a route before a request arrives. */
export interface RoutePlan {
  /** The route as plugins see it when the path has no captures. */
  readonly route: ExchangeRoute;
  readonly protocols: ReadonlySet<string>;
  readonly httpsRedirectStatusCode: number;
  readonly meter: RouteMeter;
  /** Where requests go that no plugin answers; null when the route has no service. */
  readonly forward: ForwardPlan | null;
  /** The chain of requests without a consumer. */
  readonly chain: Chain;
  /** Returns the chain of requests of a consumer, whose own plugins may be more specific. */
  chainFor(consumerId: string): Chain;
}

export interface ForwardPlan {
  readonly service: ServicePlan;
  readonly stripPath: boolean;
  readonly preserveHost: boolean;
}

/** The plugin instances that run for a request, by priority: the most specific one of each plugin. */
export interface Chain {
  readonly steps: readonly ChainStep[];
  /** Whether some step has a response phase. */
  readonly hasResponse: boolean;
  /** The step that makes the spans of requests, in place of the node's own tracing. */
  readonly tracer: ChainStep | undefined;
  /** The steps with a log phase, in order. */
  readonly loggers: readonly ChainStep[];
}

export interface ChainStep {
  readonly plugin: string;
  readonly priority: number;
  /** The plugin's access phase may have sent a record when it fails. */
  readonly publishes: boolean;
  /** The protocols that the plugin runs for; null means all. */
  readonly protocols: ReadonlySet<string> | null;
  readonly instance: PluginInstance;
}

/** Sorts by priority, higher first; names decide between equals, so that every node runs them in the same order. */
export function compareSteps(a: ChainStep, b: ChainStep): number {
  return b.priority - a.priority || (a.plugin < b.plugin ? -1 : a.plugin > b.plugin ? 1 : 0);
}

export function createChain(steps: readonly ChainStep[]): Chain {
  return {
    steps,
    hasResponse: steps.some(({ instance }) => instance.response !== undefined),
    tracer: steps.find(({ instance }) => instance.tracing !== undefined),
    loggers: steps.filter(({ instance }) => instance.log !== undefined),
  };
}

export const emptyChain: Chain = createChain([]);
