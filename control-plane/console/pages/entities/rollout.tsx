import { fleet } from '../../api/fleet.ts';
import { hrefOf } from '../../navigation/location.ts';
import { FleetBar } from '../../parts/fleet-bar.tsx';
import { Notice } from '../../parts/notice.tsx';

/** How a save went: the header `Sluice-Sync` and the warnings of the answer. */
export interface SaveResult {
  readonly sync: string | undefined;
  readonly warnings: readonly string[];
}

/** Shows the fleet while the answer of a save waits for the nodes. */
export function Saving() {
  if (fleet.value.nodes.length === 0) return <p class="pending">Saving…</p>;
  return (
    <div class="saving" role="status">
      <strong>Saving, and waiting for the nodes</strong>
      <FleetBar nodes={fleet.value.nodes} />
    </div>
  );
}

/** Tells in words how far a saved change has come. */
export function Rollout({ result: { sync, warnings } }: { readonly result: SaveResult }) {
  return (
    <div class="stack">
      {sync === undefined ? <Notice tone="good">Saved.</Notice> : <SyncNotice sync={sync} />}
      {warnings.map((warning) => (
        <Notice key={warning} tone="warn">
          {warning}
        </Notice>
      ))}
    </div>
  );
}

function SyncNotice({ sync }: { readonly sync: string }) {
  const [state = '', ...parts] = sync.split('; ');
  const told = new Map(parts.map((part) => [part.split('=', 1)[0] ?? '', part.slice(part.indexOf('=') + 1)]));
  const nodes = Number(told.get('nodes') ?? 0);
  if (state === 'applied') {
    const names = (name: string): string => (told.get(name) ?? '').split(',').map(decoded).join(', ');
    if (told.has('unreachable')) {
      return (
        <Notice tone="warn">
          <span>
            Saved, and {nodesText(nodes)} the change, but cannot reach {names('unreachable')}.{' '}
            <a href={hrefOf('/')}>See why</a>
          </span>
        </Notice>
      );
    }
    return (
      <Notice tone="good">
        Saved. {capital(nodesText(nodes))} the change.
        {told.has('untested') && ` Not tried yet: ${names('untested')}.`}
      </Notice>
    );
  }
  if (state === 'rejected') {
    const node = fleet.value.nodes.find(({ id }) => id === told.get('node'));
    return (
      <Notice tone="bad">
        <span>
          Saved, but a node rejected it and keeps the configuration before.{' '}
          <a href={hrefOf(`/fleet/${told.get('node') ?? ''}`)}>See why {node?.hostname ?? 'the node'} rejected it</a>
        </span>
      </Notice>
    );
  }
  if (state === 'none') return <Notice tone="info">Saved. No node is connected that could run it.</Notice>;
  return (
    <Notice tone="warn">
      <span>
        Saved. {told.get('applied') ?? 0} of {nodes} nodes had applied it when the wait ended.{' '}
        <a href={hrefOf('/fleet')}>Follow the fleet</a>
      </span>
    </Notice>
  );
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function nodesText(nodes: number): string {
  return nodes === 1 ? 'the one connected node runs' : `all ${nodes} connected nodes run`;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
