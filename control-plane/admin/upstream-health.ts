import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import type { SnapshotEntity } from '../../shared/snapshot.ts';
import type { TargetState } from '../../shared/target-health.ts';
import type { EntityStore } from '../store/entity-store.ts';
import { entityNotFound } from './admin-error.ts';
import { lookUp, lookUpWithin } from './entity-lookup.ts';
import { encodeOffset, listBody, queryOffset, querySize } from './list-query.ts';
import type { Call, Handler, Handlers } from './resource.ts';
import type { NodeTargetReport, TargetHealthView } from './clustering.ts';

/** The worst comes first. */
const order: readonly TargetState[] = ['UNHEALTHY', 'DNS_ERROR', 'HEALTHY', 'HEALTHCHECKS_OFF'];
/** Nodes that a target names at most. */
const namedNodesMax = 100;

export interface UpstreamHealthOptions {
  readonly store: EntityStore;
  readonly entities: readonly EntityDescriptor[];
  /** Without it nobody checks targets. */
  readonly health: TargetHealthView | undefined;
  readonly add: (path: string, handlers: Handlers) => void;
}

/**
 * Adds `/upstreams/{u}/health`, the targets of an upstream with their health, and the endpoints that set it: a target's,
 * or that of one of its addresses.
 */
export function addUpstreamHealth({ store, entities, health, add }: UpstreamHealthOptions): void {
  const upstream = entities.find(({ plural }) => plural === 'upstreams');
  const target = entities.find(({ plural }) => plural === 'targets');
  if (upstream === undefined || target === undefined) return;
  add('/upstreams/:parent/health', { GET: (call) => ({ status: 200, body: healthOf(store, upstream, health, call) }) });

  const setter = (isHealthy: boolean, address: (call: Call) => string | undefined): Handler => {
    return (call) => {
      const parent = lookUp(store, { entity: upstream, segment: call.param('parent') });
      if (parent === undefined) throw entityNotFound();
      const found = lookUpWithin(store, {
        entity: target,
        segment: call.param('id'),
        parent: { field: 'upstream', id: parent.id },
      });
      if (found === undefined) throw entityNotFound();
      health?.set({ upstreamId: parent.id, target: nameOf(found), address: address(call), isHealthy });
      return { status: 204 };
    };
  };
  const path = '/upstreams/:parent/targets/:id';
  for (const [word, isHealthy] of [['healthy', true] as const, ['unhealthy', false] as const]) {
    add(`${path}/${word}`, { PUT: setter(isHealthy, () => undefined) });
    add(`${path}/:address/${word}`, { PUT: setter(isHealthy, (call) => call.param('address')) });
  }
}

function healthOf(store: EntityStore, upstream: EntityDescriptor, health: TargetHealthView | undefined, call: Call) {
  const { path, query } = call;
  const found = lookUp(store, { entity: upstream, segment: call.param('parent') });
  if (found === undefined) throw entityNotFound();
  const size = querySize(query);
  const after = queryOffset(query);
  const page = store.page({
    entity: 'targets',
    size,
    parent: { field: 'upstream', id: found.id },
    ...(after === undefined ? {} : { after }),
  });
  const reports = health?.reports(found.id) ?? [];
  const data = page.items.map((target) => ({ ...target, ...told(nameOf(target), reports) }));
  const offset = page.next === undefined ? {} : { offset: encodeOffset([page.next]) };
  return { ...listBody({ path, query, size, data, ...offset }), node_id: store.nodeId() };
}

/** Returns the worst state that a node tells, and who tells another than healthy. */
function told(target: string, reports: readonly NodeTargetReport[]): Readonly<Record<string, unknown>> {
  let worst: TargetState = 'HEALTHCHECKS_OFF';
  let healthy = 0;
  const unhealthy: Readonly<Record<string, string>>[] = [];
  for (const { id, hostname, stateOf } of reports) {
    const state = stateOf(target);
    if (order.indexOf(state) < order.indexOf(worst)) worst = state;
    if (state === 'HEALTHY' || state === 'HEALTHCHECKS_OFF') healthy += 1;
    else if (unhealthy.length < namedNodesMax) unhealthy.push({ id, hostname, health: state });
  }
  return { health: worst, nodes: { healthy, unhealthy } };
}

function nameOf(target: SnapshotEntity): string {
  return String(target['target']);
}
