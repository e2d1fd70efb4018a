import { useRef } from 'preact/hooks';
import { fleet, isLive } from '../../api/fleet.ts';
import { nodeStates, type Node } from '../../api/nodes.ts';
import { go, hrefOf, hrefWith, place } from '../../navigation/location.ts';
import { FaultList } from '../../parts/fault-list.tsx';
import { countStates, FleetBar } from '../../parts/fleet-bar.tsx';
import { Hash } from '../../parts/hash.tsx';
import { Empty } from '../../parts/notice.tsx';
import { StateChip, stateNames } from '../../parts/state-chip.tsx';
import { Ago, durationText, millisecondsText } from '../../parts/time.tsx';

const pageSize = 100;

/** Tells which node runs what, who refused, and since when; live. */
export function FleetPage() {
  const { nodes, kind, at, withheld } = fleet.value;
  return (
    <>
      <div class="page-head">
        <div>
          <h1>Fleet</h1>
          {kind === 'known' && (
            <p>
              {isLive.value ? 'Live' : 'Not live'}, read <Ago at={at / 1_000} />. Expected configuration{' '}
              <Hash value={fleet.value.expectedHash} />
              {fleet.value.revision !== undefined && `, revision ${fleet.value.revision}`}.
            </p>
          )}
        </div>
      </div>
      {kind === 'reading' && <p class="pending">Reading…</p>}
      {kind === 'absent' && <Empty title="This role has no data planes" />}
      {kind === 'known' && nodes.length === 0 && (
        <Empty
          title="No data plane has connected yet"
          command="sluice start --role=data_plane --control-plane=HOST:PORT --data-dir=DIR"
        />
      )}
      {withheld.length > 0 && (
        <section class="sheet withheld">
          <h2>Withheld from every node</h2>
          <FaultList faults={withheld} />
        </section>
      )}
      {nodes.length > 0 && <Nodes nodes={nodes} />}
    </>
  );
}

function Nodes({ nodes }: { readonly nodes: readonly Node[] }) {
  const { query } = place.value;
  const state = query.get('state') ?? '';
  const text = query.get('q') ?? '';
  const order = useOrder(nodes, `${state} ${text}`);
  const found = nodes
    .filter((node) => (state === '' || node.state === state) && matches(node, text))
    .sort((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0));
  const from = Math.min(Number(query.get('from') ?? 0) || 0, Math.max(0, found.length - 1));
  return (
    <>
      <div class="stack">
        <FleetBar nodes={nodes} />
        <Filters nodes={nodes} state={state} text={text} />
      </div>
      {found.length === 0 ? (
        <Empty title="No node fits this filter">
          <a href={hrefOf('/fleet')}>Show all {nodes.length}</a>
        </Empty>
      ) : (
        <NodeTable nodes={found.slice(from, from + pageSize)} />
      )}
      {found.length > pageSize && (
        <p class="pager">
          {from > 0 && <a href={hrefWith({ from: String(Math.max(0, from - pageSize)) })}>Previous</a>}
          {from + 1} to {Math.min(from + pageSize, found.length)} of {found.length}
          {from + pageSize < found.length && <a href={hrefWith({ from: String(from + pageSize) })}>Next</a>}
        </p>
      )}
    </>
  );
}

interface FiltersProps {
  readonly nodes: readonly Node[];
  readonly state: string;
  readonly text: string;
}

function Filters({ nodes, state, text }: FiltersProps) {
  const counts = countStates(nodes);
  return (
    <div class="filters">
      <input
        type="search"
        aria-label="Filter by host name, label, version or destination"
        placeholder="Host name, label, version, destination"
        value={text}
        onInput={(event) => go(hrefWith({ q: event.currentTarget.value, from: '' }), { replace: true })}
      />
      <a class="choice" href={hrefWith({ state: '', from: '' })} aria-current={state === ''}>
        all
      </a>
      {nodeStates
        .filter((one) => (counts.get(one) ?? 0) > 0 || one === state)
        .map((one) => (
          <a key={one} class="choice" href={hrefWith({ state: one, from: '' })} aria-current={state === one}>
            {stateNames[one]} {counts.get(one)}
          </a>
        ))}
    </div>
  );
}

function NodeTable({ nodes }: { readonly nodes: readonly Node[] }) {
  return (
    <div class="table-frame">
      <table class="cards">
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Node</th>
            <th scope="col">Runs</th>
            <th scope="col">Expected</th>
            <th scope="col">Applied</th>
            <th scope="col" class="number">
              Apply time
            </th>
            <th scope="col">Version</th>
            <th scope="col">Last seen</th>
            <th scope="col" class="number">
              Requests/s
            </th>
          </tr>
        </thead>
        <tbody>
          {nodes.map((node) => (
            <NodeRow key={node.id} node={node} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function NodeRow({ node }: { readonly node: Node }) {
  return (
    <tr>
      <td data-label="State">
        <StateChip state={node.state} />
      </td>
      <td data-label="Node">
        <span>
          <a href={hrefOf(`/fleet/${node.id}`)}>{node.hostname}</a>
          <br />
          <code class="quiet" title={node.id}>
            {node.id.slice(0, 8)}
          </code>{' '}
          {node.labels.map(([name, value]) => (
            <a key={name} class="label" href={hrefOf('/fleet', { q: `${name}=${value}` })}>
              {name}={value}
            </a>
          ))}
        </span>
      </td>
      <td data-label="Runs">
        <Hash value={node.appliedHash} />
      </td>
      <td data-label="Expected">
        <Hash value={node.expectedHash} />
      </td>
      <td data-label="Applied" class="nowrap">
        <Ago at={node.appliedAt} />
      </td>
      <td data-label="Apply time" class="number">
        {node.applyMs === undefined ? '' : millisecondsText(node.applyMs)}
      </td>
      <td data-label="Version">{node.version}</td>
      <td data-label="Last seen" class="nowrap">
        <Ago at={node.lastSeen} />
        {node.behindMs > 0 && node.connected && (
          <div class="quiet">behind for {durationText(node.behindMs / 1_000)}</div>
        )}
      </td>
      <td data-label="Requests/s" class="number">
        {node.connected ? node.requestsPerSecond : <span class="quiet">unknown</span>}
      </td>
    </tr>
  );
}

function matches(node: Node, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return true;
  const parts = [
    node.hostname,
    node.id,
    node.ip,
    node.version,
    ...node.labels.map(([name, value]) => `${name}=${value}`),
  ];
  const names = node.destinations.map(({ name }) => name);
  return [...parts, ...names].some((part) => part.toLowerCase().includes(wanted));
}

/** Returns the place of each node. It stays while the filter does, so that no row moves under the pointer. */
function useOrder(nodes: readonly Node[], key: string): ReadonlyMap<string, number> {
  const order = useRef<{ key: string; places: Map<string, number> }>({ key: '', places: new Map() });
  if (order.current.key !== key) order.current = { key, places: new Map() };
  const { places } = order.current;
  for (const { id } of nodes.filter((node) => !places.has(node.id)).sort(byUrgency)) places.set(id, places.size);
  return places;
}

function byUrgency(a: Node, b: Node): number {
  const state = nodeStates.indexOf(a.state) - nodeStates.indexOf(b.state);
  return state === 0 ? a.hostname.localeCompare(b.hostname) || a.id.localeCompare(b.id) : state;
}
