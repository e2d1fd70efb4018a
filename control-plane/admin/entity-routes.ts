import { effectiveDescriptor } from '../../shared/entities/check-entity.ts';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { maskEntity } from '../../shared/entities/secret-fields.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import type { SnapshotEntity } from '../../shared/snapshot.ts';
import type { EntityStore } from '../store/entity-store.ts';
import { entityNotFound } from './admin-error.ts';
import type { SyncGate } from './clustering.ts';
import { entityOperations, lookUp, referenceId, type ParentReference, type Target } from './entity-operations.ts';
import { checkIfMatch, etagOf } from './etag.ts';
import { formToRecord } from './form.ts';
import { encodeOffset, listBody, queryOffset, querySize, queryTags } from './list-query.ts';
import type { AdminAnswer, Call, Handler, Handlers } from './resource.ts';
import { syncHeaders, waitTimeoutMs } from './wait-applied.ts';

export interface EntityRoutesOptions {
  readonly entities: readonly EntityDescriptor[];
  readonly plugins: PluginSchemas;
  readonly store: EntityStore;
  readonly syncGate?: SyncGate;
  readonly add: (path: string, handlers: Handlers) => void;
}

type Values = Readonly<Record<string, unknown>>;

/** The endpoints of all entities, flat and nested, from their descriptors. */
export function addEntityRoutes(options: EntityRoutesOptions): void {
  const { entities, add } = options;
  const handlers = entityHandlers(options);
  for (const entity of entities) {
    add(`/${entity.plural}`, { GET: handlers.list(entity), POST: handlers.create(entity) });
    add(
      `/${entity.plural}/:id`,
      handlers.single((call) => ({ entity, segment: call.param('id') })),
    );
    for (const [field, { type, reference }] of Object.entries(entity.fields)) {
      const parent = entities.find(({ plural }) => plural === reference);
      if (type !== 'foreign' || parent === undefined) continue;
      const parentOf = handlers.parentReference(parent, field);
      add(`/${parent.plural}/:parent/${entity.plural}`, {
        GET: handlers.list(entity, parentOf),
        POST: handlers.create(entity, parentOf),
      });
      add(
        `/${parent.plural}/:parent/${entity.plural}/:id`,
        handlers.single((call) => ({ entity, segment: call.param('id'), parent: parentOf(call) })),
      );
      const { GET, PUT, PATCH } = handlers.single(handlers.referenced(entity, field, parent));
      add(`/${entity.plural}/:id/${field}`, { GET, PUT, PATCH });
    }
  }
}

type ParentOf = (call: Call) => ParentReference;

function entityHandlers({ plugins, store, syncGate }: EntityRoutesOptions) {
  const operations = entityOperations({ store, plugins });

  function shown(entity: EntityDescriptor, value: SnapshotEntity, call: Call): Values {
    return call.readOnly ? maskEntity(entity, plugins, value) : value;
  }

  function answer(status: number, entity: EntityDescriptor, value: SnapshotEntity, call: Call): AdminAnswer {
    const body = shown(entity, value, call);
    return { status, body, headers: { ETag: etagOf(body) } };
  }

  /** The body as a record; a form is typed by the schema of the entity, which for a plugin follows from its name. */
  function bodyOf(entity: EntityDescriptor, call: Call): (current?: Values) => Values {
    return (current) => {
      if (call.body === undefined) return {};
      if (call.body.kind === 'json') return call.body.value;
      const { entries } = call.body;
      const name = entries.find(([field]) => field === 'name')?.[1] ?? current?.['name'];
      return formToRecord(effectiveDescriptor(entity, plugins, { name }).fields, entries);
    };
  }

  function guarded(target: Target, call: Call): Target {
    return { ...target, precondition: (current) => checkIfMatch(call.ifMatch, current) };
  }

  /** Runs a write once its query is known to be good, and waits for the nodes where it is asked to. */
  async function written(call: Call, work: () => { readonly revision: number; readonly answer: AdminAnswer }) {
    const timeoutMs = waitTimeoutMs(call.query);
    const result = work();
    const headers = await syncHeaders(syncGate, timeoutMs, result.revision);
    return { ...result.answer, headers: { ...result.answer.headers, ...headers } };
  }

  return {
    list(entity: EntityDescriptor, parentOf?: ParentOf): Handler {
      return (call) => {
        const parent = parentOf?.(call);
        const size = querySize(call.query);
        const after = queryOffset(call.query);
        const tags = queryTags(call.query);
        const equal = (entity.filters ?? []).flatMap((name) => {
          const value = call.query.get(name);
          return value === undefined ? [] : [[name, value] as const];
        });
        const page = store.page({
          entity: entity.plural,
          size,
          equal: Object.fromEntries(equal),
          ...(after === undefined ? {} : { after }),
          ...(tags === undefined ? {} : { tags }),
          ...(parent === undefined ? {} : { parent }),
        });
        const data = page.items.map((item) => shown(entity, item, call));
        const offset = page.next === undefined ? {} : { offset: encodeOffset([page.next]) };
        return { status: 200, body: listBody({ path: call.path, query: call.query, size, data, ...offset }) };
      };
    },
    create(entity: EntityDescriptor, parentOf?: ParentOf): Handler {
      return (call) =>
        written(call, () => {
          const { value, revision } = operations.create(entity, bodyOf(entity, call), parentOf?.(call));
          return { revision, answer: answer(201, entity, value, call) };
        });
    },
    /** GET, PUT, PATCH and DELETE of what a call names. */
    single(targetOf: (call: Call) => Target): Required<Omit<Handlers, 'POST'>> {
      const write = (call: Call, method: 'put' | 'patch') =>
        written(call, () => {
          const target = targetOf(call);
          const { value, revision } = operations[method](guarded(target, call), bodyOf(target.entity, call));
          return { revision, answer: answer(200, target.entity, value, call) };
        });
      return {
        GET(call) {
          const target = targetOf(call);
          return answer(200, target.entity, operations.read(target), call);
        },
        PUT: (call) => write(call, 'put'),
        PATCH: (call) => write(call, 'patch'),
        DELETE: (call) =>
          written(call, () => ({
            revision: operations.remove(guarded(targetOf(call), call)),
            answer: { status: 204 },
          })),
      };
    },
    /** The parent that a nested path names. Throws AdminError 404 when there is none. */
    parentReference(parent: EntityDescriptor, field: string): ParentOf {
      return (call) => {
        const found = lookUp(store, parent, call.param('parent'));
        if (found === undefined) throw entityNotFound();
        return { field, id: found.id };
      };
    },
    /** The entity that another one refers to. Throws AdminError 404 when there is none. */
    referenced(entity: EntityDescriptor, field: string, parent: EntityDescriptor): (call: Call) => Target {
      return (call) => {
        const child = operations.read({ entity, segment: call.param('id') });
        const id = referenceId(child[field]);
        if (id === undefined) throw entityNotFound();
        return { entity: parent, segment: id };
      };
    },
  };
}
