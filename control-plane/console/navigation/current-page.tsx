import { useEffect } from 'preact/hooks';
import { entityName, kindAt } from '../api/kinds.ts';
import { fleet } from '../api/fleet.ts';
import { ApiPage } from '../pages/api-reference/api-page.tsx';
import { ChangesPage } from '../pages/changes/changes-page.tsx';
import { DestinationsPage } from '../pages/destinations/destinations-page.tsx';
import { EntityListPage } from '../pages/entities/entity-list-page.tsx';
import { EntityPage } from '../pages/entities/entity-page.tsx';
import { FleetPage } from '../pages/fleet/fleet-page.tsx';
import { NodePage } from '../pages/node/node-page.tsx';
import { OverviewPage } from '../pages/overview/overview-page.tsx';
import { SettingsPage } from '../pages/settings/settings-page.tsx';
import { TryPage } from '../pages/try/try-page.tsx';
import { Empty } from '../parts/notice.tsx';
import { hrefOf, place } from './location.ts';

/** The page of the present address. */
export function CurrentPage() {
  const [section = '', id] = place.value.path.slice(1).split('/').map(decodeURIComponent);
  useEffect(() => {
    document.title = `${titleOf(section, id)} · Sluice`;
  }, [section, id]);
  const kind = kindAt(section);
  if (kind !== undefined) {
    return id === undefined ? (
      <EntityListPage key={kind.path} kind={kind} />
    ) : (
      <EntityPage key={`${kind.path}/${id}`} kind={kind} id={id} />
    );
  }
  switch (section) {
    case '':
      return <OverviewPage />;
    case 'fleet':
      return id === undefined ? <FleetPage /> : <NodePage id={id} />;
    case 'destinations':
      return <DestinationsPage />;
    case 'try':
      return <TryPage />;
    case 'changes':
      return <ChangesPage />;
    case 'api':
      return <ApiPage />;
    case 'settings':
      return <SettingsPage />;
    default:
      return (
        <>
          <h1>No such page</h1>
          <Empty title="Nothing is at this address">
            <a href={hrefOf('/')}>Go to the overview</a>
          </Empty>
        </>
      );
  }
}

function titleOf(section: string, id: string | undefined): string {
  const kind = kindAt(section);
  if (kind !== undefined) return id === undefined ? kind.title : `${kind.one} ${id === 'new' ? '(new)' : id}`;
  if (section === 'fleet' && id !== undefined) {
    const node = fleet.peek().nodes.find((one) => one.id === id);
    return node === undefined ? 'Node' : entityName({ name: node.hostname });
  }
  if (section === 'try') return 'Try a request';
  return section === '' ? 'Overview' : `${section.slice(0, 1).toUpperCase()}${section.slice(1)}`;
}
