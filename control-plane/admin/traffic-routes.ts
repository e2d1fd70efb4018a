import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { referencedId } from '../../shared/snapshot.ts';
import { isUuid } from '../../shared/uuid.ts';
import type { EntityStore } from '../store/entity-store.ts';
import { entityNotFound, invalidOption } from './admin-error.ts';
import type { Clustering, TrafficSubject } from './clustering.ts';
import { lookUp } from './entity-lookup.ts';
import { type PathAbout, queryParameter } from './openapi.ts';
import type { Query } from './query.ts';
import type { Handlers } from './resource.ts';

export interface TrafficRoutesOptions {
  readonly clustering: Clustering;
  readonly store: EntityStore;
  readonly entities: readonly EntityDescriptor[];
  readonly add: (path: string, handlers: Handlers, about?: PathAbout) => void;
}

/** The time that is kept. */
const keptMs = 15 * 60_000;
/** Lines of traffic that belong to no route. */
const lines: ReadonlySet<string> = new Set(['unmatched', 'others']);

const about = {
  summary: 'Traffic of the last 15 minutes in steps of 10 s: of all routes, of one route, or of one node.',
  parameters: [
    queryParameter('route', { type: 'string' }, 'Id or name of a route, `unmatched` or `others`.'),
    queryParameter('node', { type: 'string' }, 'Id of a node; not together with `route`.'),
    queryParameter('since', { type: 'number' }, 'Seconds since 1970; 15 minutes ago by default.'),
  ],
};

/** Adds `GET /clustering/traffic`. */
export function addTraffic({ clustering, store, entities, add }: TrafficRoutesOptions): void {
  const route = entities.find(({ plural }) => plural === 'routes');

  function subjectOf(query: Query): TrafficSubject {
    const [routeName, node] = [query.get('route'), query.get('node')];
    if (routeName !== undefined && node !== undefined) throw invalidOption('route', "not together with 'node'");
    if (node !== undefined) {
      const id = node.toLowerCase();
      if (!isUuid(id) || clustering.getDataPlane(id) === undefined) throw entityNotFound();
      return { kind: 'node', id };
    }
    if (routeName === undefined) return { kind: 'all' };
    if (lines.has(routeName)) return { kind: 'route', id: routeName };
    const found = route && lookUp(store, { entity: route, segment: routeName });
    if (found === undefined) throw entityNotFound();
    return { kind: 'route', id: found.id };
  }

  const nameOf = (line: unknown): object => {
    const id = referencedId(line) ?? '';
    const name = store.get('routes', id)?.['name'];
    return { name: typeof name === 'string' ? name : null };
  };

  add(
    '/clustering/traffic',
    {
      GET({ query }) {
        const traffic = clustering.traffic(subjectOf(query), sinceMs(query));
        const { routes } = traffic;
        if (!Array.isArray(routes)) return { status: 200, body: traffic };
        const named = routes.map((line: object) => ({ ...line, ...nameOf(line) }));
        return { status: 200, body: { ...traffic, routes: named } };
      },
    },
    about,
  );
}

function sinceMs(query: Query): number {
  const text = query.get('since');
  const oldestMs = Date.now() - keptMs;
  if (text === undefined) return oldestMs;
  if (!/^\d{1,12}(\.\d{1,6})?$/.test(text)) throw invalidOption('since', 'expected seconds since 1970');
  return Math.max(oldestMs, Number(text) * 1_000);
}
