import { fleet } from '../../api/fleet.ts';
import { readDestinations, type DestinationUser, type FleetDestination } from '../../api/destinations.ts';
import { nodeNames } from '../../api/nodes.ts';
import { useLoad } from '../../api/use-load.ts';
import { go, hrefOf, hrefWith, place } from '../../navigation/location.ts';
import { destinationWords } from '../../parts/destination-list.tsx';
import { Empty, Pending } from '../../parts/notice.tsx';

const kinds = ['cluster', 'topic', 'registry'] as const;

/** Each cluster, topic and registry: who reaches it, why not, and what needs it. */
export function DestinationsPage() {
  const { query } = place.value;
  const kind = query.get('kind') ?? '';
  const search = query.get('q') ?? '';
  // What nodes reach changes without a revision: the fleet is read every few seconds, and this with it.
  const { value, error, reload } = useLoad('destinations', readDestinations, fleet.value.at);
  const found = value?.filter(
    (one) => (kind === '' || one.kind === kind) && one.name.toLowerCase().includes(search.toLowerCase()),
  );
  const failing = value?.filter(({ state }) => state === 'unreachable').length ?? 0;
  return (
    <>
      <div class="page-head">
        <div>
          <h1>Destinations</h1>
          <p>{value === undefined ? 'Clusters, topics and registries' : headline(value.length, failing)}</p>
        </div>
      </div>
      <div class="filters">
        <input
          type="search"
          aria-label="Search destinations"
          placeholder="Name"
          value={search}
          onInput={(event) => go(hrefWith({ q: event.currentTarget.value }), { replace: true })}
        />
        <label>
          <span class="hidden-text">Kind</span>
          <select
            value={kind}
            onChange={(event) => go(hrefWith({ kind: event.currentTarget.value }), { replace: true })}
          >
            <option value="">all kinds</option>
            {kinds.map((one) => (
              <option key={one} value={one}>
                {one === 'registry' ? 'registries' : `${one}s`}
              </option>
            ))}
          </select>
        </label>
      </div>
      {found === undefined && <Pending error={error} retry={reload} />}
      {value?.length === 0 && <NoDestinations />}
      {found?.length === 0 && value !== undefined && value.length > 0 && (
        <Empty title="No destination fits this filter">
          <a href={hrefOf('/destinations')}>Show all {value.length}</a>
        </Empty>
      )}
      <div class="stack">
        {found?.map((destination) => (
          <Destination key={`${destination.kind} ${destination.name}`} destination={destination} />
        ))}
      </div>
    </>
  );
}

function headline(all: number, failing: number): string {
  const names = `${all} ${all === 1 ? 'destination' : 'destinations'}`;
  return failing === 0 ? `${names}; none is reported unreachable.` : `${names}; ${failing} not reached by every node.`;
}

function NoDestinations() {
  return (
    <Empty title="The nodes name no destination yet">
      <p>
        A route with the plugin kafka-upstream needs a cluster and a topic. Make a route, then add the plugin to it.
      </p>
      <a class="button" href={hrefOf('/routes/new')}>
        New route
      </a>
    </Empty>
  );
}

function Destination({ destination }: { readonly destination: FleetDestination }) {
  const { kind, name, state, nodes, errors, users, usersTotal } = destination;
  const names = nodeNames(fleet.value.nodes);
  return (
    <section class="sheet destination" aria-label={`${kind} ${name}`}>
      <div class="row row-head">
        <span class={`chip chip-${state}`}>
          <span class="dot" aria-hidden="true" />
          {destinationWords(kind, state)}
        </span>
        <h2 class="row-main">
          <span class="kind">{kind}</span> {name}
        </h2>
        <span class="row-end">{reachText(nodes)}</span>
      </div>
      {errors.map(({ error, nodes: ids, total }) => (
        <p key={error} class="reason">
          <strong>{error}</strong>
          <span class="row-detail">
            {ids.slice(0, 5).map((id, index) => (
              <span key={id}>
                {index > 0 && ', '}
                <a href={hrefOf(`/fleet/${id}`)}>{names.get(id) ?? id}</a>
              </span>
            ))}
            {total > 5 && ` and ${total - 5} more`}
          </span>
        </p>
      ))}
      {usersTotal > 0 && <Users users={users} total={usersTotal} />}
    </section>
  );
}

function Users({ users, total }: { readonly users: readonly DestinationUser[]; readonly total: number }) {
  return (
    <p class="quiet">
      Needed by{' '}
      {users.slice(0, 5).map(({ plugin, pluginName, route, service }, index) => (
        <span key={plugin}>
          {index > 0 && ', '}
          <a href={hrefOf(`/plugins/${plugin}`)}>{pluginName}</a>
          {route !== undefined && (
            <>
              {' of a '}
              <a href={hrefOf(`/routes/${route}`)}>route</a>
            </>
          )}
          {route === undefined && service !== undefined && (
            <>
              {' of a '}
              <a href={hrefOf(`/services/${service}`)}>service</a>
            </>
          )}
          {route === undefined && service === undefined && ' on all routes'}
        </span>
      ))}
      {total > 5 && ` and ${total - 5} more plugins`}.
    </p>
  );
}

function reachText({ reachable, unreachable, untested }: FleetDestination['nodes']): string {
  const all = reachable + unreachable + untested;
  return `${reachable} of ${all} ${all === 1 ? 'node' : 'nodes'}${untested > 0 ? `, ${untested} not tried yet` : ''}`;
}
