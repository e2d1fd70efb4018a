import { isWritable } from '../../api/control-plane.ts';
import type { Kind } from '../../api/kinds.ts';
import { readAll, readPage } from '../../api/pages.ts';
import type { Values } from '../../api/read.ts';
import { useLoad } from '../../api/use-load.ts';
import { go, hrefOf, hrefWith, place } from '../../navigation/location.ts';
import { Empty, Pending } from '../../parts/notice.tsx';
import { EntityTable } from './entity-table.tsx';

const pageSize = 50;
/** A search shows at most this many matches; a longer text finds fewer. */
const matchesMax = 200;

interface Found {
  readonly data: readonly Values[];
  readonly offset: string | undefined;
  /** How many entities were looked at; undefined without a search. */
  readonly searched: number | undefined;
}

/** A list of one kind: search, tags, paging. */
export function EntityListPage({ kind }: { readonly kind: Kind }) {
  const { query } = place.value;
  const text = query.get('q') ?? '';
  const tags = query.get('tags') ?? '';
  const offset = query.get('offset') ?? '';
  const key = JSON.stringify([kind.path, text, tags, offset]);
  const { value, error, reload } = useLoad(key, (signal) => find(kind, { text, tags, offset, signal }));
  const isFiltered = text !== '' || tags !== '' || offset !== '';
  return (
    <>
      <div class="page-head">
        <h1>{kind.title}</h1>
        {isWritable() && (
          <a class="button button-main" href={hrefOf(`/${kind.path}/new`)}>
            New {kind.one}
          </a>
        )}
      </div>
      <Filters kind={kind} text={text} tags={tags} />
      {value === undefined ? (
        <Pending error={error} retry={reload} />
      ) : value.data.length === 0 ? (
        <NothingFound kind={kind} isFiltered={isFiltered} />
      ) : (
        <>
          <EntityTable kind={kind} items={value.data} />
          <Pager found={value} hasOffset={offset !== ''} />
        </>
      )}
    </>
  );
}

interface FindOptions {
  readonly text: string;
  readonly tags: string;
  readonly offset: string;
  readonly signal: AbortSignal;
}

async function find({ path }: Kind, { text, tags, offset, signal }: FindOptions): Promise<Found> {
  const filter = tags === '' ? {} : { tags };
  if (text === '') {
    const query = { size: String(pageSize), ...filter, ...(offset === '' ? {} : { offset }) };
    return { ...(await readPage(`/${path}`, query, signal)), searched: undefined };
  }
  // Names are matched here: the Admin API finds an entity by its whole name only.
  const wanted = text.toLowerCase();
  const fits = (item: Values): boolean => JSON.stringify(Object.values(item)).toLowerCase().includes(wanted);
  const all = await readAll(`/${path}`, {
    signal,
    onProgress: (read) => read.length < 1_000 || read.filter(fits).length < matchesMax,
  });
  const tagged = tags === '' ? all : all.filter((item) => hasTags(item, tags));
  return { data: tagged.filter(fits).slice(0, matchesMax), offset: undefined, searched: all.length };
}

/** Returns whether an entity has the tags of a filter: `a,b` means both, `a/b` either. */
function hasTags({ tags }: Values, filter: string): boolean {
  const own: readonly unknown[] = Array.isArray(tags) ? tags : [];
  if (filter.includes('/')) return filter.split('/').some((tag) => own.includes(tag));
  return filter.split(',').every((tag) => own.includes(tag));
}

interface FiltersProps {
  readonly kind: Kind;
  readonly text: string;
  readonly tags: string;
}

function Filters({ kind, text, tags }: FiltersProps) {
  return (
    <div class="filters">
      <input
        type="search"
        aria-label={`Search ${kind.title.toLowerCase()}`}
        placeholder="Search"
        value={text}
        onInput={(event) => go(hrefWith({ q: event.currentTarget.value, offset: '' }), { replace: true })}
      />
      <input
        type="search"
        aria-label="Filter by tags"
        placeholder="Tags: a,b both, a/b either"
        value={tags}
        onChange={(event) => go(hrefWith({ tags: event.currentTarget.value.trim(), offset: '' }), { replace: true })}
      />
    </div>
  );
}

function NothingFound({ kind, isFiltered }: { readonly kind: Kind; readonly isFiltered: boolean }) {
  if (isFiltered) {
    return (
      <Empty title={`No ${kind.one} fits`}>
        <a href={hrefOf(`/${kind.path}`)}>Show all</a>
      </Empty>
    );
  }
  return (
    <Empty title={`There is no ${kind.one} yet`} command={`curl $ADMIN/schemas/${kind.plural}`}>
      <p>
        {isWritable() ? (
          <>
            Make one with <a href={hrefOf(`/${kind.path}/new`)}>a form</a>, with the Admin API, or load a file with{' '}
            <code>sluice config import</code>. This shows what its fields are:
          </>
        ) : (
          'This shows what its fields are:'
        )}
      </p>
    </Empty>
  );
}

function Pager({ found, hasOffset }: { readonly found: Found; readonly hasOffset: boolean }) {
  const count = found.data.length;
  return (
    <p class="pager" role="status">
      {found.searched === undefined
        ? `${count} on this page`
        : `${count === matchesMax ? `The first ${count}` : count} found, ${found.searched} searched`}
      {hasOffset && <a href={hrefWith({ offset: '' })}>First page</a>}
      {found.offset !== undefined && <a href={hrefWith({ offset: found.offset })}>Next page</a>}
    </p>
  );
}
