import { controlPlane } from '../../api/control-plane.ts';
import { fleet, isLive } from '../../api/fleet.ts';
import { readPage } from '../../api/pages.ts';
import { useTraffic } from '../../api/traffic.ts';
import { useLoad } from '../../api/use-load.ts';
import { hrefOf } from '../../navigation/location.ts';
import { ChangeLine } from '../../parts/change-line.tsx';
import { FleetBar } from '../../parts/fleet-bar.tsx';
import { Empty, Pending } from '../../parts/notice.tsx';
import { BusyRoutes, CountedNodes, summaryOf, TrafficColumns } from '../../parts/traffic.tsx';
import { Ago, now } from '../../parts/time.tsx';
import { concernsOf, failingDestinations } from './attention.ts';
import { DbLessOverview } from './file-overview.tsx';

const recentChanges = 6;

/** Answers at a glance whether anything needs attention. */
export function OverviewPage() {
  const { kind, nodes, at } = fleet.value;
  if (controlPlane.value?.endpoints.has('/clustering/data-planes') !== true) return <DbLessOverview />;
  return (
    <>
      <div class="page-head">
        <div>
          <h1>Overview</h1>
          <p>{kind === 'known' ? headline() : 'Reading the fleet…'}</p>
        </div>
        {kind === 'known' && (
          <p class="quiet">
            {isLive.value ? 'Live' : 'Not live'}, read <Ago at={at / 1_000} />
          </p>
        )}
      </div>
      {kind === 'known' && nodes.length === 0 && <NoNodes />}
      {kind === 'known' && nodes.length > 0 && (
        <div class="stack">
          <Attention />
          <section class="sheet" aria-labelledby="fleet-title">
            <h2 id="fleet-title">
              <a href={hrefOf('/fleet')}>Fleet</a>
            </h2>
            <FleetBar nodes={nodes} />
          </section>
          {controlPlane.value.endpoints.has('/clustering/traffic') && <FleetTraffic />}
          <div class="columns">
            <FailingDestinations />
            <RecentChanges />
          </div>
        </div>
      )}
    </>
  );
}

/** One sentence on the whole fleet. */
function headline(): string {
  const { nodes } = fleet.value;
  const inSync = nodes.filter(({ state }) => state === 'in_sync').length;
  const rate = nodes.reduce((sum, node) => sum + (node.connected ? node.requestsPerSecond : 0), 0);
  const requests = `${rate.toLocaleString(undefined, { maximumFractionDigits: 1 })} requests/s`;
  if (nodes.length === 0) return 'No data plane has connected yet.';
  if (inSync === nodes.length) {
    return `${nodes.length === 1 ? 'The one node runs' : `All ${nodes.length} nodes run`} the current configuration. ${requests}.`;
  }
  return `${inSync} of ${nodes.length} nodes ${inSync === 1 ? 'runs' : 'run'} the current configuration. ${requests}.`;
}

function Attention() {
  const concerns = concernsOf(fleet.value, Math.floor(now.value / 1_000));
  return (
    <section class="sheet" aria-labelledby="attention-title">
      <h2 id="attention-title">Needs attention</h2>
      {concerns.length === 0 ? (
        <p class="quiet">
          Nothing: no node has rejected the configuration, is behind, incompatible or offline, and none reports a
          destination that it cannot reach.
        </p>
      ) : (
        <ul class="rows">
          {concerns.map(({ key, tone, title, detail, href }) => (
            <li key={key} class="row">
              <span class={`mark mark-${tone}`} aria-hidden="true" />
              <span class="row-main">
                <a href={href}>{title}</a>
                <span class="row-detail">{detail}</span>
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function FleetTraffic() {
  const { traffic, error } = useTraffic('');
  return (
    <section class="sheet" aria-labelledby="traffic-title">
      <h2 id="traffic-title">Records of the last 15 minutes</h2>
      {traffic === undefined && <Pending error={error} />}
      {traffic !== undefined && (
        <>
          <p class="quiet">
            {traffic.total.answers === 0 ? 'No request has come in this time.' : `${summaryOf(traffic.total)}.`}
          </p>
          <TrafficColumns traffic={traffic} of="latency" />
          <h3>Busiest routes</h3>
          <BusyRoutes traffic={traffic} />
          <CountedNodes traffic={traffic} />
        </>
      )}
    </section>
  );
}

function FailingDestinations() {
  const failing = failingDestinations(fleet.value.nodes);
  const told = new Set(
    fleet.value.nodes.flatMap(({ connected, destinations }) =>
      connected ? destinations.map(({ kind, name }) => JSON.stringify([kind, name])) : [],
    ),
  );
  return (
    <section class="sheet" aria-labelledby="destinations-title">
      <h2 id="destinations-title">
        <a href={hrefOf('/destinations')}>Clusters, topics and registries</a>
      </h2>
      {told.size === 0 && <p class="quiet">The nodes name none: no plugin of the configuration uses one yet.</p>}
      {told.size > 0 && failing.length === 0 && (
        <p class="quiet">None of the {told.size} destinations is reported unreachable by a connected node.</p>
      )}
      <ul class="rows">
        {failing.map(({ kind, name, error, nodes }) => (
          <li key={`${kind} ${name}`} class="row">
            <span class="row-main">
              <span class="kind">{kind}</span> <strong>{name}</strong>
              <span class="row-detail">{error}</span>
            </span>
            <a class="row-end" href={hrefOf('/fleet', { q: name })}>
              {nodes.length === 1 ? '1 node' : `${nodes.length} nodes`}
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

function RecentChanges() {
  const { value, error } = useLoad(`changes ${fleet.value.revision ?? ''}`, (signal) =>
    readPage('/audit/objects', { size: String(recentChanges) }, signal),
  );
  return (
    <section class="sheet" aria-labelledby="changes-title">
      <h2 id="changes-title">
        <a href={hrefOf('/changes')}>Changes</a>
      </h2>
      {value === undefined && <Pending error={error} />}
      {value?.data.length === 0 && <p class="quiet">Nothing has been changed in the last 30 days.</p>}
      <ul class="rows">
        {value?.data.map((entry) => (
          <ChangeLine key={String(entry['id'])} entry={entry} />
        ))}
      </ul>
    </section>
  );
}

function NoNodes() {
  return (
    <Empty title="Start a data plane" command="sluice start --role=data_plane --control-plane=HOST:PORT --data-dir=DIR">
      <p>It connects to this control plane, gets the configuration and appears here.</p>
    </Empty>
  );
}
