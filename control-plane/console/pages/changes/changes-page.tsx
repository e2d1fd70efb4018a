import { fleet } from '../../api/fleet.ts';
import { kindOfEntity, kinds } from '../../api/kinds.ts';
import { readPage } from '../../api/pages.ts';
import { numberOf, shown, textOf, type Values } from '../../api/read.ts';
import { useLoad } from '../../api/use-load.ts';
import { go, hrefOf, hrefWith, place } from '../../navigation/location.ts';
import { ChangeLine } from '../../parts/change-line.tsx';
import { Empty, Pending } from '../../parts/notice.tsx';
import { Ago, exactTime } from '../../parts/time.tsx';
import { Diff } from './diff.tsx';
import { Revert } from './revert.tsx';

const pageSize = 50;

/** Tells who changed what, when, with the difference. */
export function ChangesPage() {
  const { query } = place.value;
  const change = query.get('change');
  return (
    <>
      {change !== null && (
        <p class="crumbs">
          <a href={hrefOf('/changes')}>Changes</a>
        </p>
      )}
      {change === null ? <ChangeList /> : <Change id={Number(change)} />}
    </>
  );
}

function ChangeList() {
  const { query } = place.value;
  const offset = query.get('offset') ?? '';
  const entity = query.get('entity') ?? '';
  // A new revision is a new change: the list is read again.
  const key = `changes ${offset} ${offset === '' ? (fleet.value.revision ?? '') : ''}`;
  const { value, error, reload } = useLoad(key, (signal) =>
    readPage('/audit/objects', { size: String(pageSize), ...(offset === '' ? {} : { offset }) }, signal),
  );
  const shownEntries = value?.data.filter((entry) => entity === '' || entry['entity'] === entity) ?? [];
  return (
    <>
      <div class="page-head">
        <div>
          <h1>Changes</h1>
          <p>The newest first. Secrets are masked.</p>
        </div>
      </div>
      <div class="filters">
        <label>
          <span class="hidden-text">Kind of entity</span>
          <select
            value={entity}
            onChange={(event) => go(hrefWith({ entity: event.currentTarget.value }), { replace: true })}
          >
            <option value="">all kinds on this page</option>
            {kinds.map(({ plural, title }) => (
              <option key={plural} value={plural}>
                {title}
              </option>
            ))}
          </select>
        </label>
      </div>
      {value === undefined ? (
        <Pending error={error} retry={reload} />
      ) : shownEntries.length === 0 ? (
        <Empty
          title={value.data.length === 0 ? 'Nothing has been changed yet' : 'No change on this page is of this kind'}
        />
      ) : (
        <section class="sheet" aria-label="Changes">
          <ul class="rows">
            {shownEntries.map((entry) => (
              <ChangeLine key={shown(entry['id'])} entry={entry} />
            ))}
          </ul>
        </section>
      )}
      <p class="pager">
        {offset !== '' && <a href={hrefWith({ offset: '' })}>Newest</a>}
        {value?.offset !== undefined && <a href={hrefWith({ offset: value.offset })}>Older</a>}
      </p>
    </>
  );
}

function Change({ id }: { readonly id: number }) {
  const { value, error, reload } = useLoad(`change ${id}`, (signal) => readChange(id, signal));
  if (value === undefined) return <Pending error={error} retry={reload} />;
  if (value === 'gone') return <Empty title="The log has no such change; it keeps 30 days" />;
  const kind = kindOfEntity(textOf(value['entity']) ?? '');
  const name = textOf(value['entity_name']) || shown(value['entity_id']);
  const at = numberOf(value['at']);
  return (
    <>
      <div class="page-head">
        <div>
          <h1>
            {capital(kind?.one ?? shown(value['entity']))} {name} {pastTense(shown(value['operation']))}
          </h1>
          <p>
            By {shown(value['actor'])}, <Ago at={at} />
            {at !== undefined && ` (${exactTime(at)})`}, revision {shown(value['revision'])}.
          </p>
        </div>
        {kind !== undefined && value['operation'] !== 'delete' && (
          <a class="button" href={hrefOf(`/${kind.path}/${shown(value['entity_id'])}`)}>
            Open as it is now
          </a>
        )}
      </div>
      <div class="stack">
        <Progress revision={numberOf(value['revision'])} />
        <Diff entry={value} />
        <Revert key={id} entry={value} />
      </div>
    </>
  );
}

/** Says whether the fleet runs this change: only what is so of the newest revision can be told. */
function Progress({ revision }: { readonly revision: number | undefined }) {
  const { kind, nodes, revision: current } = fleet.value;
  if (kind !== 'known' || revision === undefined || current === undefined || nodes.length === 0) return null;
  const connected = nodes.filter((node) => node.connected);
  const inSync = connected.filter(({ state }) => state === 'in_sync').length;
  if (revision > current) return <p class="quiet">It has not been published to the nodes yet.</p>;
  return (
    <p class="quiet">
      {inSync} of {connected.length} connected nodes run revision {current}
      {revision < current ? ', which includes this change.' : '.'} <a href={hrefOf('/fleet')}>Fleet</a>
    </p>
  );
}

/** Finds one change: the log answers pages only, whose offset is the id to begin below. */
async function readChange(id: number, signal: AbortSignal): Promise<Values | 'gone'> {
  const offset = btoa(JSON.stringify([String(id + 1)])).replace(/=+$/, '');
  const { data } = await readPage('/audit/objects', { size: '1', offset }, signal);
  return data.find((entry) => entry['id'] === id) ?? 'gone';
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function pastTense(operation: string): string {
  if (operation === 'try') return 'tried';
  return operation.endsWith('e') ? `${operation}d` : operation;
}
