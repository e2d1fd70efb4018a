import { performance } from 'node:perf_hooks';
import type { Upstream as UpstreamEntity } from '../../shared/entities/upstream.ts';
import { ActiveChecks, statusReport } from './active-checks.ts';
import type { Balancer } from './balancers/balancer.ts';
import { balancers } from './balancers/balancers.ts';
import type { Endpoint, WeightedEndpoint } from './endpoint.ts';
import { HealthState, type Report, type Thresholds } from './health-state.ts';
import { PeakEwma } from './peak-ewma.ts';
import type { Resolution } from './resolve-target.ts';
import { TargetAddresses } from './target-addresses.ts';

export interface UpstreamTarget {
  /** `host:port`, as configured. */
  readonly target: string;
  readonly host: string;
  readonly port: number;
  readonly weight: number;
}

export interface UpstreamConfig {
  readonly entity: Pick<UpstreamEntity, 'id' | 'name' | 'algorithm' | 'healthchecks' | 'host_header'>;
  readonly targets: readonly UpstreamTarget[];
  /** The one host of a service without an upstream. */
  readonly isHost?: boolean;
}

/** A change of an endpoint's health. */
export interface HealthChange {
  readonly upstream: string;
  readonly target: string;
  readonly address: string;
  readonly isHealthy: boolean;
  /** The failure in words; undefined when it became healthy or was set by hand. */
  readonly error: string | undefined;
}

export interface UpstreamDeps {
  readonly resolve: (host: string, port: number) => Promise<Resolution>;
  readonly onHealth: (change: HealthChange) => void;
  /** What `health` returns may be other than before. */
  readonly onChange?: () => void;
  readonly onUnresolved: (target: string, error: string) => void;
  /** Endpoints of an earlier configuration by `target address:port`, whose health and latency go on. */
  readonly earlier?: ReadonlyMap<string, Endpoint>;
}

export type Choice =
  | { readonly kind: 'picked'; readonly endpoint: Endpoint }
  | { readonly kind: 'none'; readonly reason: 'no targets' | 'not resolved' | 'none healthy' };

export interface TargetHealth {
  readonly target: string;
  readonly weight: number;
  readonly health: 'HEALTHY' | 'UNHEALTHY' | 'DNS_ERROR' | 'HEALTHCHECKS_OFF';
  readonly addresses: readonly { readonly address: string; readonly port: number; readonly isHealthy: boolean }[];
}

/** The targets of one upstream: their addresses, their health, and the choice among them. */
export class Upstream {
  readonly config: UpstreamConfig;
  readonly #deps: UpstreamDeps;
  readonly #targets: readonly { readonly target: UpstreamTarget; readonly addresses: TargetAddresses }[];
  readonly #checks: ActiveChecks;
  #endpoints: ReadonlyMap<string, Endpoint>;
  #weighted: readonly WeightedEndpoint[] = [];
  #balancer: Balancer;

  constructor(config: UpstreamConfig, deps: UpstreamDeps) {
    this.config = config;
    this.#deps = deps;
    this.#endpoints = deps.earlier ?? new Map();
    this.#balancer = this.#makeBalancer();
    this.#targets = config.targets.map((target) => ({ target, addresses: this.#follow(target) }));
    this.#checks = new ActiveChecks({
      active: config.entity.healthchecks.active,
      hostHeader: config.entity.host_header,
      endpoints: () => this.#weighted.map(({ endpoint }) => endpoint),
      onReport: (endpoint, report, thresholds, error) => this.#report(endpoint, report, thresholds, error),
    });
  }

  /** Whether it is an entity of the configuration, and not the one host that a service names. */
  get isEntity(): boolean {
    return this.config.isHost !== true;
  }

  /** The endpoints by `target address:port`, for the next configuration. */
  get endpoints(): ReadonlyMap<string, Endpoint> {
    return this.#endpoints;
  }

  /** Resolves when each target's name was looked up once, at the latest after the time. */
  async resolved(timeoutMs: number): Promise<void> {
    await Promise.all(this.#targets.map(({ addresses }) => addresses.settled(timeoutMs)));
  }

  /** Chooses an endpoint; `hash` is that of what the upstream hashes on. */
  pick(hash: number | undefined, tried: ReadonlySet<Endpoint>): Choice {
    const { targets } = this.config;
    if (!targets.some(({ weight }) => weight > 0)) return { kind: 'none', reason: 'no targets' };
    if (this.#weighted.length === 0) return { kind: 'none', reason: 'not resolved' };
    if (this.#isBelowThreshold()) return { kind: 'none', reason: 'none healthy' };
    const endpoint = this.#balancer.pick({ hash, tried, nowMs: performance.now() });
    return endpoint === undefined ? { kind: 'none', reason: 'none healthy' } : { kind: 'picked', endpoint };
  }

  /** Counts the status of an answer for the passive checks. */
  reportStatus(endpoint: Endpoint, status: number): void {
    const { healthy, unhealthy } = this.config.entity.healthchecks.passive;
    const report = statusReport(status, healthy.http_statuses, unhealthy.http_statuses);
    if (report !== undefined) this.#report(endpoint, report, this.#passiveThresholds(), `status ${status}`);
  }

  /** Counts a failed connection or a time-out for the passive checks. */
  reportFailure(endpoint: Endpoint, report: 'tcp_failure' | 'timeout', error: string): void {
    this.#report(endpoint, report, this.#passiveThresholds(), error);
  }

  /** Sets the health of a target's addresses by hand, until a check says otherwise. Returns whether there are any. */
  setHealth(target: string, isHealthy: boolean, address?: string): boolean {
    let found = false;
    for (const { endpoint } of this.#weighted) {
      if (endpoint.target !== target || !isAt(endpoint, address)) continue;
      found = true;
      if (endpoint.health.set(isHealthy)) this.#tell(endpoint, undefined);
    }
    return found;
  }

  health(): TargetHealth[] {
    const byTarget = new Map<string, WeightedEndpoint[]>();
    for (const weighted of this.#weighted) {
      const { target } = weighted.endpoint;
      const others = byTarget.get(target);
      if (others === undefined) byTarget.set(target, [weighted]);
      else others.push(weighted);
    }
    return this.#targets.map(({ target, addresses }) => {
      const of = byTarget.get(target.target) ?? [];
      const isHealthy = of.every(({ endpoint }) => endpoint.health.isHealthy);
      // It may have been set by hand though nobody checks.
      const state = !isHealthy ? 'UNHEALTHY' : this.hasChecks ? 'HEALTHY' : 'HEALTHCHECKS_OFF';
      return {
        target: target.target,
        weight: target.weight,
        health: addresses.addresses.length === 0 ? 'DNS_ERROR' : state,
        addresses: of.map(({ endpoint: { address, port, health } }) => ({
          address,
          port,
          isHealthy: health.isHealthy,
        })),
      };
    });
  }

  close(): void {
    this.#checks.close();
    for (const { addresses } of this.#targets) addresses.close();
  }

  #follow(target: UpstreamTarget): TargetAddresses {
    return new TargetAddresses({
      host: target.host,
      port: target.port,
      resolve: this.#deps.resolve,
      onChange: () => this.#rebuild(),
      onFailure: (error) => {
        this.#deps.onUnresolved(target.target, error);
        this.#deps.onChange?.();
      },
    });
  }

  /** Makes the list of endpoints anew; those that were there before keep their health, latency and requests. */
  #rebuild(): void {
    const endpoints = new Map<string, Endpoint>();
    this.#weighted = this.#targets.flatMap(({ target, addresses }) =>
      addresses.addresses.map(({ address, port, weight }) => {
        const key = `${target.target} ${address}:${port}`;
        const endpoint = this.#endpoints.get(key) ?? newEndpoint(target, address, port);
        endpoints.set(key, endpoint);
        return { endpoint, weight: target.weight === 0 ? 0 : (weight ?? target.weight) };
      }),
    );
    this.#endpoints = endpoints;
    this.#balancer = this.#makeBalancer();
    this.#deps.onChange?.();
  }

  #makeBalancer(): Balancer {
    return balancers[this.config.entity.algorithm](this.#weighted);
  }

  /** Kong's `healthchecks.threshold`: the percentage of the weight that must be healthy. */
  #isBelowThreshold(): boolean {
    const { threshold } = this.config.entity.healthchecks;
    if (threshold === 0) return false;
    const sum = (entries: readonly WeightedEndpoint[]) => entries.reduce((total, { weight }) => total + weight, 0);
    const healthy = this.#weighted.filter(({ endpoint }) => endpoint.health.isHealthy);
    return sum(healthy) * 100 < threshold * sum(this.#weighted);
  }

  #report(endpoint: Endpoint, report: Report, thresholds: Thresholds, error?: string): void {
    if (endpoint.health.report(report, thresholds)) this.#tell(endpoint, report === 'success' ? undefined : error);
  }

  #tell({ target, address, port, health }: Endpoint, error: string | undefined): void {
    this.#deps.onChange?.();
    this.#deps.onHealth({
      upstream: this.config.entity.name,
      target,
      address: `${address}:${port}`,
      isHealthy: health.isHealthy,
      error,
    });
  }

  #passiveThresholds(): Thresholds {
    const { healthy, unhealthy } = this.config.entity.healthchecks.passive;
    return {
      successes: healthy.successes,
      tcpFailures: unhealthy.tcp_failures,
      timeouts: unhealthy.timeouts,
      httpFailures: unhealthy.http_failures,
    };
  }

  /** Whether active or passive checks may change the health of a target. */
  get hasChecks(): boolean {
    const { active } = this.config.entity.healthchecks;
    const { tcpFailures, timeouts, httpFailures } = this.#passiveThresholds();
    const isActive = active.healthy.interval > 0 || active.unhealthy.interval > 0;
    return isActive || tcpFailures + timeouts + httpFailures > 0;
  }
}

/** Whether an endpoint has this address, alone or with its port; undefined: any. */
function isAt({ address, port }: Endpoint, wanted: string | undefined): boolean {
  if (wanted === undefined || wanted === address || wanted === `[${address}]`) return true;
  return wanted === `${address}:${port}` || wanted === `[${address}]:${port}`;
}

function newEndpoint({ target, host }: UpstreamTarget, address: string, port: number): Endpoint {
  return { target, hostname: host, address, port, health: new HealthState(), latency: new PeakEwma(), inFlight: 0 };
}
