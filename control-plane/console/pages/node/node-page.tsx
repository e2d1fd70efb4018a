import { useSignal } from '@preact/signals';
import { call, errorText } from '../../api/client.ts';
import { canTry, controlPlane } from '../../api/control-plane.ts';
import { fleet } from '../../api/fleet.ts';
import type { Node } from '../../api/nodes.ts';
import { shown } from '../../api/read.ts';
import { access } from '../../api/session.ts';
import { go, hrefOf } from '../../navigation/location.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { DestinationList } from '../../parts/destination-list.tsx';
import { FaultList } from '../../parts/fault-list.tsx';
import { Hash } from '../../parts/hash.tsx';
import { Empty, Notice } from '../../parts/notice.tsx';
import { NodeHistory, NodeTraffic } from './node-traffic.tsx';
import { StateChip, stateMeanings } from '../../parts/state-chip.tsx';
import { Ago, durationText, millisecondsText } from '../../parts/time.tsx';

/** One node: what it refused and why, what it does not get, and what it reaches. */
export function NodePage({ id }: { readonly id: string }) {
  const node = fleet.value.nodes.find((one) => one.id === id);
  return (
    <>
      <p class="crumbs">
        <a href={hrefOf('/fleet')}>Fleet</a>
      </p>
      {node === undefined ? (
        <>
          <h1>Node</h1>
          {fleet.value.kind === 'reading' ? (
            <p class="pending">Reading…</p>
          ) : (
            <Empty title="The control plane knows no node with this id">
              <p>
                <code>{id}</code> may have been forgotten. <a href={hrefOf('/fleet')}>See all nodes</a>
              </p>
            </Empty>
          )}
        </>
      ) : (
        <NodeDetails node={node} />
      )}
    </>
  );
}

function NodeDetails({ node }: { readonly node: Node }) {
  return (
    <>
      <div class="page-head">
        <div>
          <h1>{node.hostname}</h1>
          <p>
            <StateChip state={node.state} /> {stateMeanings[node.state]}
          </p>
        </div>
        {access.value === 'full' && <NodeActions node={node} />}
      </div>
      <div class="stack">
        {!node.connected && (
          <Notice tone="warn">
            <span>
              This node is away. What follows is what it told last, <Ago at={node.lastSeen} />.
            </span>
          </Notice>
        )}
        <Rejection node={node} />
        <div class="columns">
          <Configuration node={node} />
          <Process node={node} />
        </div>
        {controlPlane.value?.endpoints.has('/clustering/traffic') === true && node.connected && (
          <NodeTraffic node={node} />
        )}
        <Destinations node={node} />
        <Compatibility node={node} />
        {controlPlane.value?.endpoints.has('/clustering/data-planes/{id}/history') === true && (
          <NodeHistory node={node} />
        )}
      </div>
    </>
  );
}

function NodeActions({ node }: { readonly node: Node }) {
  const asked = useSignal<'forget' | 'adopt' | undefined>(undefined);
  const error = useSignal('');
  const run = async (method: string, path: string, body?: unknown): Promise<boolean> => {
    asked.value = undefined;
    try {
      await call(method, path, body === undefined ? {} : { body });
      return true;
    } catch (reason) {
      error.value = errorText(reason);
      return false;
    }
  };
  const forget = async (): Promise<void> => {
    if (await run('DELETE', `/clustering/data-planes/${node.id}`)) go(hrefOf('/fleet'));
  };
  const followsAnother = node.rejected?.errors.some(({ message }) => message.includes('database identity')) === true;
  return (
    <div class="actions">
      {node.connected && canTry() && (
        <a class="button" href={hrefOf('/try', { node: node.id })}>
          Try a request
        </a>
      )}
      {error.value !== '' && <Notice tone="bad">{error.value}</Notice>}
      {followsAnother && (
        <button type="button" class="button" onClick={() => (asked.value = 'adopt')}>
          Adopt
        </button>
      )}
      {!node.connected && (
        <button type="button" class="button button-danger" onClick={() => (asked.value = 'forget')}>
          Forget
        </button>
      )}
      {asked.value === 'forget' && (
        <Confirm
          title={`Forget ${node.hostname}?`}
          action="Forget"
          onConfirm={() => void forget()}
          onCancel={() => (asked.value = undefined)}
        >
          <p>Its row leaves the list. The node itself is not touched and appears again when it connects.</p>
        </Confirm>
      )}
      {asked.value === 'adopt' && (
        <Confirm
          title={`Let ${node.hostname} follow this database?`}
          action="Adopt"
          onConfirm={() => void run('POST', '/clustering/adopt', { nodes: [node.id] })}
          onCancel={() => (asked.value = undefined)}
        >
          <p>
            The node followed another database until now. Its configuration is replaced by the one of this database.
          </p>
        </Confirm>
      )}
    </div>
  );
}

function Rejection({ node: { rejected, state } }: { readonly node: Node }) {
  if (rejected === undefined) return null;
  return (
    <section class="sheet" aria-labelledby="rejection-title">
      <h2 id="rejection-title">{state === 'rejected' ? 'Why it rejected the configuration' : 'The last rejection'}</h2>
      <p class="quiet">
        Version <Hash value={rejected.hash} />, <Ago at={rejected.at} />.
      </p>
      <FaultList faults={rejected.errors} />
    </section>
  );
}

function Configuration({ node }: { readonly node: Node }) {
  return (
    <section class="sheet" aria-labelledby="configuration-title">
      <h2 id="configuration-title">Configuration</h2>
      <dl class="facts">
        <dt>Runs</dt>
        <dd>
          <Hash value={node.appliedHash} />, applied <Ago at={node.appliedAt} />
          {node.applyMs !== undefined && ` in ${millisecondsText(node.applyMs)}`}
        </dd>
        <dt>Should run</dt>
        <dd>
          <Hash value={node.expectedHash} />
          {node.expectedHash !== undefined && node.expectedHash === node.appliedHash && ', the same'}
        </dd>
        {node.connected && node.behindMs > 0 && (
          <>
            <dt>Behind for</dt>
            <dd>{durationText(node.behindMs / 1_000)}</dd>
          </>
        )}
        <dt>Sync status</dt>
        <dd>{node.syncStatus.replaceAll('_', ' ')}</dd>
      </dl>
    </section>
  );
}

function Process({ node }: { readonly node: Node }) {
  return (
    <section class="sheet" aria-labelledby="process-title">
      <h2 id="process-title">Process</h2>
      <dl class="facts">
        <dt>Id</dt>
        <dd>
          <code>{node.id}</code>
        </dd>
        <dt>Address</dt>
        <dd>{node.ip}</dd>
        <dt>Version</dt>
        <dd>{node.version}</dd>
        <dt>Last seen</dt>
        <dd>
          <Ago at={node.lastSeen} />
        </dd>
        {node.connected && (
          <>
            <dt>Requests</dt>
            <dd>{node.requestsPerSecond} a second</dd>
          </>
        )}
        {node.labels.length > 0 && (
          <>
            <dt>Labels</dt>
            <dd>
              {node.labels.map(([name, value]) => (
                <a key={name} class="label" href={hrefOf('/fleet', { q: `${name}=${value}` })}>
                  {name}={value}
                </a>
              ))}
            </dd>
          </>
        )}
        {node.certificate !== undefined && (
          <>
            <dt>Certificate</dt>
            <dd>
              {node.certificate.subject}, ends <Ago at={node.certificate.expiresAt} />
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

function Destinations({ node }: { readonly node: Node }) {
  return (
    <section class="sheet" aria-labelledby="destinations-title">
      <h2 id="destinations-title">Clusters, topics and registries</h2>
      {node.destinations.length === 0 && node.clusters.length === 0 && (
        <p class="quiet">The configuration that it runs names none, or it has not told yet.</p>
      )}
      {node.destinations.length > 0 && <DestinationList items={node.destinations} />}
      {node.destinationsOmitted > 0 && (
        <p class="quiet">{node.destinationsOmitted} more did not fit into what the node tells.</p>
      )}
      {node.clusters.length > 0 && (
        <p class="quiet">
          Kafka connections:{' '}
          {node.clusters.map(({ name, state }) => `${shown(name)} is ${shown(state).replaceAll('_', ' ')}`).join('; ')}.
        </p>
      )}
    </section>
  );
}

function Compatibility({ node: { compatibility } }: { readonly node: Node }) {
  if (compatibility.length === 0) return null;
  return (
    <section class="sheet" aria-labelledby="compatibility-title">
      <h2 id="compatibility-title">What it does not get</h2>
      <ul class="rows">
        {compatibility.map(({ field, plugin, action, reason }) => (
          <li key={`${plugin} ${field} ${action}`} class="row">
            <span class="row-main">
              <strong>{[plugin, field].filter((part) => part !== '').join(' ')}</strong> {action}
              <span class="row-detail">{reason}</span>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
