import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { call, get } from '../../api/client.ts';
import { canTry, controlPlane, isWritable } from '../../api/control-plane.ts';
import { entityName, type Kind } from '../../api/kinds.ts';
import { recordOf, textOf, type Values } from '../../api/read.ts';
import { useLoad } from '../../api/use-load.ts';
import { formFields, type FormField } from '../../form/form-field.ts';
import { hrefOf, hrefWith, place } from '../../navigation/location.ts';
import { Empty, Pending } from '../../parts/notice.tsx';
import { Ago } from '../../parts/time.tsx';
import { EntityForm } from './entity-form.tsx';
import { RoutePanels } from '../route/route-panels.tsx';
import { tryHref } from '../try/try-page.tsx';
import { Related } from './related.tsx';

interface Opened {
  readonly entity: Values;
  readonly etag: string | undefined;
  readonly fields: readonly FormField[];
}

/** One entity: its form, and what belongs to it. `id` is `new` for one that does not exist yet. */
export function EntityPage({ kind, id }: { readonly kind: Kind; readonly id: string }) {
  const isNew = id === 'new';
  const plugin = place.value.query.get('name') ?? '';
  const key = `${kind.path} ${id} ${plugin}`;
  const { value, error, reload } = useLoad(key, (signal) => open(kind, { id, plugin, signal }));
  const name = value === undefined || isNew ? '' : entityName(value.entity);
  const shownName = useSignal('');
  useEffect(() => {
    if (name === '') return;
    shownName.value = name;
    document.title = `${name} · Sluice`;
  }, [name]);
  const needsPlugin = isNew && kind.path === 'plugins' && plugin === '';
  return (
    <>
      <p class="crumbs">
        <a href={hrefOf(`/${kind.path}`)}>{kind.title}</a>
      </p>
      <div class="page-head">
        <div>
          <h1>{isNew ? `New ${plugin === '' ? '' : `${plugin} `}${kind.one}` : shownName.value || kind.one}</h1>
          {value !== undefined && !isNew && (
            <p>
              <code>{textOf(value.entity['id'])}</code>
              {/* The times of entities from a file are not those of changes. */}
              {controlPlane.value?.isFile === false && (
                <>
                  , changed <Ago at={secondsOf(value.entity)} />
                </>
              )}
            </p>
          )}
        </div>
        {kind.path === 'routes' && !isNew && value !== undefined && canTry() && (
          <a class="button" href={tryHref(value.entity)}>
            Try it
          </a>
        )}
      </div>
      {needsPlugin && <PluginChoice />}
      {!needsPlugin && value === undefined && <Missing kind={kind} error={error} retry={reload} />}
      {!needsPlugin && value !== undefined && (
        <div class="stack">
          {isNew && !isWritable() ? (
            <Empty title="Nothing can be made here with this token or role" />
          ) : (
            <EntityForm key={value.etag ?? 'new'} kind={kind} isNew={isNew} {...value} onReload={reload} />
          )}
          {!isNew && kind.path === 'routes' && <RoutePanels entity={value.entity} />}
          {!isNew && <Related kind={kind} entity={value.entity} />}
        </div>
      )}
    </>
  );
}

function secondsOf(entity: Values): number | undefined {
  const at = entity['updated_at'] ?? entity['created_at'];
  return typeof at === 'number' ? at : undefined;
}

function Missing({ kind, error, retry }: { kind: Kind; error: string | undefined; retry: () => void }) {
  if (error !== 'Not found') return <Pending error={error} retry={retry} />;
  return (
    <Empty title={`There is no such ${kind.one}`}>
      <p>
        It may have been deleted. <a href={hrefOf('/changes')}>See the changes</a> or{' '}
        <a href={hrefOf(`/${kind.path}`)}>all {kind.title.toLowerCase()}</a>.
      </p>
    </Empty>
  );
}

interface OpenOptions {
  readonly id: string;
  readonly plugin: string;
  readonly signal: AbortSignal;
}

/** Reads the entity and its form. A plugin's form has the settings of that plugin. */
async function open(kind: Kind, { id, plugin, signal }: OpenOptions): Promise<Opened> {
  const reply = id === 'new' ? undefined : await call('GET', `/${kind.path}/${encodeURIComponent(id)}`, { signal });
  const entity = reply === undefined ? presets() : recordOf(reply.body);
  const fields = formFields(await get(`/schemas/${kind.plural}`, signal));
  const etag = reply?.headers.get('etag') ?? undefined;
  if (kind.path !== 'plugins') return { entity, etag, fields };
  const name = textOf(entity['name']) ?? plugin;
  if (name === '') return { entity, etag, fields: [] };
  const own = new Map(
    formFields(await get(`/schemas/plugins/${encodeURIComponent(name)}`, signal)).map((field) => [field.name, field]),
  );
  return {
    entity: { ...entity, name },
    etag,
    fields: fields.filter((field) => field.name !== 'name').map((field) => own.get(field.name) ?? field),
  };
}

/** References that a link names, such as the route of a new plugin. */
function presets(): Values {
  const names = ['route', 'service', 'consumer', 'upstream', 'certificate'];
  return Object.fromEntries(
    names.flatMap((name) => {
      const id = place.peek().query.get(name);
      return id === null ? [] : [[name, { id }]];
    }),
  );
}

function PluginChoice() {
  return (
    <section class="sheet">
      <h2>Which plugin?</h2>
      <ul class="rows">
        {controlPlane.value?.plugins.map((name) => (
          <li key={name} class="row">
            <a href={hrefWith({ name })}>{name}</a>
          </li>
        ))}
      </ul>
    </section>
  );
}
