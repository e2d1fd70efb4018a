import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import type { EntityStore } from '../store/entity-store.ts';
import { entityNotFound } from './admin-error.ts';
import { lookUp } from './entity-lookup.ts';
import { encodeOffset, listBody, queryOffset, querySize } from './list-query.ts';
import type { Call, Handlers } from './resource.ts';

/** Kong's word for a target whose health nobody checks. */
const unchecked = 'HEALTHCHECKS_OFF';

/** Adds `/upstreams/{u}/health`: the targets of an upstream with their health. A control plane checks none of them. */
export function addUpstreamHealth(
  store: EntityStore,
  entities: readonly EntityDescriptor[],
  add: (path: string, handlers: Handlers) => void,
): void {
  const upstream = entities.find(({ plural }) => plural === 'upstreams');
  if (upstream === undefined) return;
  add('/upstreams/:parent/health', { GET: (call) => ({ status: 200, body: healthOf(store, upstream, call) }) });
}

function healthOf(store: EntityStore, upstream: EntityDescriptor, call: Call) {
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
  const data = page.items.map((target) => ({ ...target, health: unchecked }));
  const offset = page.next === undefined ? {} : { offset: encodeOffset([page.next]) };
  return { ...listBody({ path, query, size, data, ...offset }), node_id: store.nodeId() };
}
