import { Holders, type Lease } from '../../shared/counted-leases.ts';
import type { FieldFault } from '../../shared/schema/field.ts';
import type { Target } from '../../shared/entities/target.ts';
import type { Upstream as UpstreamEntity } from '../../shared/entities/upstream.ts';
import { Connections, type UpstreamTls } from '../forward/connections.ts';
import { createHashInput, type HashResult } from '../forward/hash-input.ts';
import { GrpcSessions } from '../forward/grpc-sessions.ts';
import type { ServiceConnections, ServicePlan } from '../forward/service-plan.ts';
import type { Certificates } from '../plugin-api/certificates.ts';
import type { Upstream } from '../upstreams/upstream.ts';
import type { ServiceEntity } from './entities.ts';
import type { SnapshotCertificates } from './snapshot-certificates.ts';
import type { UpstreamPool } from './upstream-pool.ts';

/** A service's plan, shared by the runtimes that hold it. */
export interface SharedService {
  readonly plan: ServicePlan;
  readonly service: ServiceEntity;
  /** The entities beside the service's own that it was made from. */
  readonly sources: ServiceSources;
  readonly certificates: ReadonlyMap<string, object>;
  readonly upstream: Lease<Upstream>;
  readonly holders: Holders;
}

export interface ServiceSources {
  /** The upstream whose name is the service's host. */
  readonly upstream: UpstreamEntity | undefined;
  readonly targets: readonly Target[];
}

export type ServicePlanning =
  | { readonly kind: 'planned'; readonly service: SharedService }
  /** Paths are relative to the service entity. */
  | { readonly kind: 'faults'; readonly faults: readonly FieldFault[] };

/**
 * The plans of services, for as long as a runtime uses them. A service that a change leaves alone keeps its plan, and with
 * it its connections.
 */
export class ServicePlans {
  readonly #pool: UpstreamPool;
  /** The newest plan of each entity. */
  readonly #byEntity = new Map<ServiceEntity, SharedService>();

  constructor(pool: UpstreamPool) {
    this.#pool = pool;
  }

  /** Compiles a service: where its requests go and how its connections are made. The plan has to be released. */
  acquire(service: ServiceEntity, sources: ServiceSources, certificates: SnapshotCertificates): ServicePlanning {
    const known = this.#byEntity.get(service);
    if (known !== undefined && isSame(known.sources, sources) && certificates.areSame(known.certificates)) {
      known.holders.hold();
      return { kind: 'planned', service: known };
    }
    const { certificates: found, madeFrom } = certificates.forOne();
    const tls = tlsOf(service, sources.upstream, found);
    if (tls.kind === 'faults') return tls;
    const upstream = this.#pool.acquire(sourceOf(service, sources));
    const plan = planOf(service, sources.upstream, upstream.value, tls.value);
    const shared = { plan, service, sources, certificates: madeFrom, upstream, holders: new Holders() };
    this.#byEntity.set(service, shared);
    return { kind: 'planned', service: shared };
  }

  /** Gives plans back; the connections of one that nobody uses any more are closed after their last request. */
  releaseAll(held: Iterable<SharedService>): void {
    for (const shared of held) {
      if (!shared.holders.release()) continue;
      if (this.#byEntity.get(shared.service) === shared) this.#byEntity.delete(shared.service);
      const { to } = shared.plan;
      if (to.kind === 'grpc') to.sessions.close();
      else to.connections.close();
      shared.upstream.release();
    }
  }
}

function isSame(some: ServiceSources, others: ServiceSources): boolean {
  if (some.upstream !== others.upstream || some.targets.length !== others.targets.length) return false;
  return some.targets.every((target, index) => target === others.targets[index]);
}

function sourceOf(
  service: ServiceEntity,
  { upstream, targets }: ServiceSources,
): Parameters<UpstreamPool['acquire']>[0] {
  if (upstream !== undefined) return { kind: 'upstream', entity: upstream, targets };
  return { kind: 'host', host: service.host, port: service.port };
}

function planOf(
  service: ServiceEntity,
  entity: UpstreamEntity | undefined,
  upstream: Upstream,
  tls: UpstreamTls,
): ServicePlan {
  const isSecure = service.protocol === 'https' || service.protocol === 'grpcs';
  return {
    label: service.name ?? service.id,
    path: service.path,
    upstream,
    hostHeader: entity?.host_header ?? null,
    defaultPort: isSecure ? 443 : 80,
    retries: service.retries,
    connectTimeoutMs: service.connect_timeout,
    writeTimeoutMs: service.write_timeout,
    readTimeoutMs: service.read_timeout,
    to: connectionsOf(service, isSecure ? tls : null),
    hash: entity === undefined ? withoutHash : createHashInput(entity),
  };
}

function connectionsOf(
  { protocol, connect_timeout: connectTimeoutMs, read_timeout: readTimeoutMs }: ServiceEntity,
  tls: UpstreamTls | null,
): ServiceConnections {
  if (protocol === 'grpc' || protocol === 'grpcs') return { kind: 'grpc', sessions: new GrpcSessions({ tls }) };
  return { kind: 'http', connections: new Connections({ protocol, connectTimeoutMs, readTimeoutMs, tls }) };
}

function withoutHash(): HashResult {
  return { hash: undefined };
}

/** A service's own client certificate wins over its upstream's, as in Kong. */
function tlsOf(
  service: ServiceEntity,
  upstream: UpstreamEntity | undefined,
  certificates: Certificates,
):
  { readonly kind: 'found'; readonly value: UpstreamTls } | { readonly kind: 'faults'; readonly faults: FieldFault[] } {
  const faults: FieldFault[] = [];
  const authorities: string[] = [];
  for (const [index, id] of (service.ca_certificates ?? []).entries()) {
    const found = certificates.authority(id);
    if (found.kind === 'found') authorities.push(found.value);
    else faults.push({ path: ['ca_certificates', index], message: found.message });
  }
  const reference = service.client_certificate ?? upstream?.client_certificate ?? null;
  const pair = reference === null ? undefined : certificates.pair(reference.id);
  if (pair?.kind === 'fault') faults.push({ path: ['client_certificate'], message: pair.message });
  if (faults.length > 0) return { kind: 'faults', faults };
  return {
    kind: 'found',
    value: {
      // Kong verifies only where it is told to.
      verify: service.tls_verify ?? false,
      depthMax: service.tls_verify_depth,
      authorities: authorities.length === 0 ? null : authorities,
      certificate: pair?.kind === 'found' ? pair.value : null,
    },
  };
}
