import { isWritable } from '../../api/control-plane.ts';
import { kindAt, type Kind } from '../../api/kinds.ts';
import { readPage } from '../../api/pages.ts';
import { textOf, type Values } from '../../api/read.ts';
import { useLoad } from '../../api/use-load.ts';
import { hrefOf } from '../../navigation/location.ts';
import { Pending } from '../../parts/notice.tsx';
import { EntityTable } from './entity-table.tsx';

interface Relation {
  readonly kind: string;
  /** The collection below the parent in the Admin API's paths. */
  readonly nested: string;
}

/** Children by the kind of the parent, and the field of the child that names the parent. */
const relations: Readonly<Record<string, { readonly field: string; readonly children: readonly Relation[] }>> = {
  services: {
    field: 'service',
    children: [
      { kind: 'routes', nested: 'routes' },
      { kind: 'plugins', nested: 'plugins' },
    ],
  },
  routes: { field: 'route', children: [{ kind: 'plugins', nested: 'plugins' }] },
  consumers: {
    field: 'consumer',
    children: [
      { kind: 'key-auths', nested: 'key-auth' },
      { kind: 'basic-auths', nested: 'basic-auth' },
      { kind: 'hmac-auths', nested: 'hmac-auth' },
      { kind: 'jwts', nested: 'jwt' },
      { kind: 'acls', nested: 'acls' },
      { kind: 'plugins', nested: 'plugins' },
    ],
  },
  upstreams: { field: 'upstream', children: [{ kind: 'targets', nested: 'targets' }] },
};

/** The entities that belong to this one. */
export function Related({ kind, entity }: { readonly kind: Kind; readonly entity: Values }) {
  const relation = relations[kind.path];
  const id = textOf(entity['id']) ?? '';
  return (
    <>
      {relation?.children.map((child) => {
        const childKind = kindAt(child.kind);
        if (childKind === undefined) return null;
        return (
          <Children
            key={child.kind}
            kind={childKind}
            from={`/${kind.path}/${id}/${child.nested}`}
            addHref={hrefOf(`/${childKind.path}/new`, { [relation.field]: id })}
          />
        );
      })}
    </>
  );
}

interface ChildrenProps {
  readonly kind: Kind;
  readonly from: string;
  readonly addHref: string;
}

const shownMax = 100;

function Children({ kind, from, addHref }: ChildrenProps) {
  const { value, error, reload } = useLoad(from, (signal) => readPage(from, { size: String(shownMax) }, signal));
  return (
    <section aria-label={kind.title} class="stack">
      <div class="actions spread">
        <h2>{kind.title}</h2>
        {isWritable() && (
          <a class="button" href={addHref}>
            Add {kind.one}
          </a>
        )}
      </div>
      {value === undefined && <Pending error={error} retry={reload} />}
      {value?.data.length === 0 && <p class="quiet">None.</p>}
      {value !== undefined && value.data.length > 0 && <EntityTable kind={kind} items={value.data} />}
      {value?.offset !== undefined && <p class="quiet">Only the first {shownMax} are shown.</p>}
    </section>
  );
}
