import { CountedLeases, type Lease } from '../../shared/counted-leases.ts';
import { type Upstream as UpstreamEntity, upstreamFields } from '../../shared/entities/upstream.ts';
import type { Target } from '../../shared/entities/target.ts';
import { splitHostPort } from '../../shared/entities/host.ts';
import { checkField } from '../../shared/schema/check.ts';
import { record } from '../../shared/schema/field.ts';
import type { FailingTarget, TargetHealthChange, TargetHealths, UpstreamState } from '../../shared/target-health.ts';
import { Upstream, type UpstreamConfig, type UpstreamDeps, type UpstreamTarget } from '../upstreams/upstream.ts';

/** Where requests of a service go: an upstream with its targets, or the one host that the service names. */
export type UpstreamSource =
  | { readonly kind: 'upstream'; readonly entity: UpstreamEntity; readonly targets: readonly Target[] }
  | { readonly kind: 'host'; readonly host: string; readonly port: number };

/** The upstreams that runtimes use, and what is known of their targets. Equal ones are one; a changed one takes the health of its endpoints over. */
export class UpstreamPool implements TargetHealths {
  readonly #deps: PoolDeps;
  readonly #leases: CountedLeases<string, Upstream>;
  /** The newest of each upstream, by its entity's id. */
  readonly #newest = new Map<string, Upstream>();

  #revision = 0;

  constructor(deps: PoolDeps) {
    this.#deps = deps;
    this.#leases = new CountedLeases((upstream) => this.#close(upstream));
  }

  acquire(source: UpstreamSource): Lease<Upstream> {
    const config = configOf(source);
    return this.#leases.acquire(JSON.stringify(config), () => this.#create(config));
  }

  /** The upstreams in use; of one that a change replaces, the newest. */
  *values(): Generator<Upstream> {
    yield* this.#newest.values();
  }

  revision(): number {
    return this.#revision;
  }

  states(): UpstreamState[] {
    return [...this.values()].filter(({ isEntity }) => isEntity).map(stateOf);
  }

  /** Sets the health of a target by hand, until its next check. */
  set({ upstreamId, target, address, isHealthy }: TargetHealthChange): void {
    this.#newest.get(upstreamId)?.setHealth(target, isHealthy, address);
  }

  close(): void {
    for (const upstream of this.#leases.clear()) upstream.close();
    this.#newest.clear();
  }

  #create(config: UpstreamConfig): Upstream {
    const { id } = config.entity;
    const earlier = this.#newest.get(id)?.endpoints;
    const upstream = new Upstream(config, {
      ...this.#deps,
      onChange: () => (this.#revision += 1),
      ...(earlier && { earlier }),
    });
    this.#newest.set(id, upstream);
    this.#revision += 1;
    return upstream;
  }

  #close(upstream: Upstream): void {
    const { id } = upstream.config.entity;
    if (this.#newest.get(id) === upstream) this.#newest.delete(id);
    this.#revision += 1;
    upstream.close();
  }
}

type PoolDeps = Omit<UpstreamDeps, 'earlier' | 'onChange'>;

function stateOf(upstream: Upstream): UpstreamState {
  const failing = upstream.health().flatMap(({ target, health }): FailingTarget[] => {
    return health === 'UNHEALTHY' || health === 'DNS_ERROR' ? [{ target, state: health }] : [];
  });
  return { upstreamId: upstream.config.entity.id, isChecked: upstream.hasChecks, failing };
}

function configOf(source: UpstreamSource): UpstreamConfig {
  if (source.kind === 'host') return hostConfig(source.host, source.port);
  const { entity } = source;
  return {
    entity: {
      id: entity.id,
      name: entity.name,
      algorithm: entity.algorithm,
      healthchecks: entity.healthchecks,
      host_header: entity.host_header,
    },
    targets: source.targets.flatMap(targetOf),
  };
}

function targetOf({ target, weight }: Target): UpstreamTarget[] {
  const parts = splitHostPort(target);
  // The entity's check has refused others, and its shorthand has filled the port.
  return parts?.port === undefined ? [] : [{ target, host: parts.host, port: parts.port, weight }];
}

/** A host without an upstream: one target, and checks that never change anything. */
function hostConfig(host: string, port: number): UpstreamConfig {
  const target = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return {
    entity: {
      id: target,
      name: target,
      algorithm: 'round-robin',
      healthchecks: defaultHealthChecks,
      host_header: null,
    },
    targets: [{ target, host, port, weight: 100 }],
    isHost: true,
  };
}

const healthChecksRecord = record({ healthchecks: upstreamFields.healthchecks }, { required: true });

function makeDefaultHealthChecks(): UpstreamEntity['healthchecks'] {
  const checked = checkField(healthChecksRecord, {});
  if (checked.kind === 'faults') throw new Error('the defaults of health checks have faults');
  return checked.value.healthchecks;
}

const defaultHealthChecks = makeDefaultHealthChecks();
