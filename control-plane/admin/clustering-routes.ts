import { isUuid } from '../../shared/uuid.ts';
import { entityNotFound, plainError, schemaViolation } from './admin-error.ts';
import type { Body } from './body.ts';
import { addDestinations } from './destination-routes.ts';
import { EventStreams } from './event-streams.ts';
import { encodeOffset, listBody, queryOffset, querySize } from './list-query.ts';
import { addTraffic, type TrafficRoutesOptions } from './traffic-routes.ts';

/** Adds what operators see and do of the data planes. Returns the function that ends the streams of events. */
export function addClusteringRoutes({ clustering, store, entities, add }: TrafficRoutesOptions): () => void {
  add('/clustering/data-planes', {
    GET({ path, query }) {
      const size = querySize(query);
      const after = queryOffset(query);
      const nodes = clustering.listDataPlanes().filter(({ id }) => after === undefined || id > after);
      const data = nodes.slice(0, size);
      const last = data.at(-1);
      const offset = nodes.length > size && last !== undefined ? { offset: encodeOffset([last.id]) } : {};
      return { status: 200, body: listBody({ path, query, size, data, ...offset }) };
    },
  });
  add('/clustering/data-planes/:id', {
    GET(call) {
      const id = call.param('id');
      const node = isUuid(id) ? clustering.getDataPlane(id.toLowerCase()) : undefined;
      if (node === undefined) throw entityNotFound();
      return { status: 200, body: node };
    },
    DELETE(call) {
      const id = call.param('id').toLowerCase();
      const result = isUuid(id) ? clustering.forgetDataPlane(id) : 'unknown';
      if (result === 'unknown') throw entityNotFound();
      if (result === 'connected') throw plainError(409, `The node ${id} is connected: stop it before you forget it`);
      return { status: 204 };
    },
  });
  add('/clustering/data-planes/:id/history', {
    GET(call) {
      const id = call.param('id');
      const data = isUuid(id) ? clustering.history(id.toLowerCase()) : undefined;
      if (data === undefined) throw entityNotFound();
      return { status: 200, body: { data, next: null } };
    },
  });
  addDestinations(clustering, store, add);
  addTraffic({ clustering, store, entities, add });
  add('/clustering/adopt', {
    POST: ({ body }) => ({ status: 200, body: { offered: clustering.adoptDatabase(nodesOf(body)) } }),
  });
  add('/clustering/status', { GET: () => ({ status: 200, body: clustering.status() }) });
  const streams = new EventStreams();
  const endChanges = clustering.onStateChange((change) => streams.send('state', change));
  add('/clustering/events', {
    GET({ isForeign }) {
      // The number of streams is bounded: pages of other sites could hold them all without reading one.
      if (isForeign) throw plainError(403, 'This origin may not follow the events');
      // The stream begins with the state of all, so that a client has nothing else to ask.
      return { status: 200, events: streams.open([{ event: 'status', data: clustering.status() }]) };
    },
  });
  return () => {
    endChanges();
    streams.stop();
  };
}

/** Returns the nodes that the body `{"nodes": ["<id>", …]}` or `{"nodes": "all"}` names. Throws AdminError. */
function nodesOf(body: Body | undefined): readonly string[] | 'all' {
  const nodes = body?.kind === 'json' ? body.value['nodes'] : undefined;
  if (nodes === 'all') return 'all';
  const ids: readonly unknown[] = Array.isArray(nodes) ? nodes : [];
  const known = ids.flatMap((id) => (typeof id === 'string' && isUuid(id) ? [id.toLowerCase()] : []));
  if (ids.length > 0 && known.length === ids.length) return known;
  throw schemaViolation([{ path: ['nodes'], message: "expected a list of UUIDs or 'all'" }]);
}
