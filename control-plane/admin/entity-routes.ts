import { autoValues } from '../../shared/auto-values.ts';
import { effectiveDescriptor } from '../../shared/entities/check-entity.ts';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { withTtl } from '../../shared/entities/expiry.ts';
import { maskEntity } from '../../shared/entities/secret-fields.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { referencedId, type SnapshotEntity } from '../../shared/snapshot.ts';
import type { EntityStore } from '../store/entity-store.ts';
import { entityNotFound, operationUnsupported } from './admin-error.ts';
import type { SyncGate } from './clustering.ts';
import { entityOperations, lookUp, type ParentReference, type Target } from './entity-operations.ts';
import { checkIfMatch, etagOf } from './etag.ts';
import { formFields, formToRecord } from './form.ts';
import { encodeOffset, listBody, queryOffset, querySize, queryTags } from './list-query.ts';
import { listWithNames } from './names-list.ts';
import type { PathAbout } from './openapi.ts';
import type { AdminAnswer, Call, Handler, Handlers } from './resource.ts';
import { syncHeaders, waitTimeoutMs } from './wait-applied.ts';

export interface EntityRoutesOptions {
  readonly entities: readonly EntityDescriptor[];
  readonly plugins: PluginSchemas;
  readonly store: EntityStore;
  readonly syncGate?: SyncGate;
  /** The configuration is a file: entities are not written one by one. */
  readonly readOnly: boolean;
  readonly add: (path: string, handlers: Handlers, about: PathAbout) => void;
}

type Values = Readonly<Record<string, unknown>>;

/** The endpoints of all entities, flat and nested, from their descriptors. */
export function addEntityRoutes(options: EntityRoutesOptions): void {
  const { entities } = options;
  const handlers = entityHandlers(options);
  for (const entity of entities) {
    const add: EntityRoutesOptions['add'] = (url, all, about) =>
      options.add(url, options.readOnly ? withoutWrites(entity, all) : all, about);
    const path = collectionPath(entity);
    const nestedPath = entity.nestedPath ?? path;
    const many = { entity, many: true };
    const one = { entity, many: false };
    add(`/${path}`, { GET: handlers.list(entity), POST: handlers.create(entity) }, many);
    add(
      `/${path}/:id`,
      handlers.single((call) => ({ entity, segment: call.param('id') })),
      one,
    );
    for (const [field, { type, reference }] of Object.entries(entity.fields)) {
      const parent = entities.find(({ plural }) => plural === reference);
      if (type !== 'foreign' || parent === undefined) continue;
      const parentOf = handlers.parentReference(parent, field);
      const nested = `/${collectionPath(parent)}/:parent/${nestedPath}`;
      add(nested, { GET: handlers.list(entity, parentOf), POST: handlers.create(entity, parentOf) }, many);
      add(
        `${nested}/:id`,
        handlers.single((call) => ({ entity, segment: call.param('id'), parent: parentOf(call) })),
        one,
      );
      const { GET, PUT, PATCH } = handlers.single(handlers.referenced(entity, field, parent));
      add(`/${path}/:id/${field}`, { GET, PUT, PATCH }, { entity: parent, many: false });
    }
  }
}

/** The name of an entity's collection in paths. */
export function collectionPath({ path, plural }: EntityDescriptor): string {
  return path ?? plural;
}

const verbs = { POST: 'create', PUT: 'create or update', PATCH: 'update', DELETE: 'remove' } as const;

/** Writes are refused before their body is looked at. */
function withoutWrites({ plural }: EntityDescriptor, handlers: Handlers): Handlers {
  const refusals = Object.entries(verbs).flatMap(([method, verb]) => {
    const refuse = () => {
      throw operationUnsupported(verb, plural);
    };
    return method in handlers ? [[method, refuse] as const] : [];
  });
  return { ...handlers, ...Object.fromEntries(refusals) };
}

type ParentOf = (call: Call) => ParentReference;

function entityHandlers({ plugins, store, syncGate }: EntityRoutesOptions) {
  const operations = entityOperations({ store, plugins });

  function readable(entity: EntityDescriptor, value: SnapshotEntity, call: Call): Values {
    return call.readOnly ? maskEntity(entity, plugins, value) : value;
  }

  function shown(entity: EntityDescriptor, value: SnapshotEntity, call: Call): Values {
    return withTtl(readable(entity, value, call), autoValues.now());
  }

  function answer(status: number, entity: EntityDescriptor, value: SnapshotEntity, call: Call): AdminAnswer {
    // Of the entity as it is stored: a time to live that counts down changes nothing.
    return { status, body: shown(entity, value, call), headers: { ETag: etagOf(readable(entity, value, call)) } };
  }

  /** The body as a record; a form is typed by the schema of the entity, which for a plugin follows from its name. */
  function bodyOf(entity: EntityDescriptor, call: Call): (current?: Values) => Values {
    return (current) => {
      if (call.body === undefined) return {};
      if (call.body.kind === 'json') return call.body.value;
      const { entries } = call.body;
      const name = entries.find(([field]) => field === 'name')?.[1] ?? current?.['name'];
      return formToRecord(formFields(effectiveDescriptor(entity, plugins, { name })), entries);
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
        const data = listWithNames(store, entity, page.items).map((item) => shown(entity, item, call));
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
        const id = referencedId(child[field]);
        if (id === undefined) throw entityNotFound();
        return { entity: parent, segment: id };
      };
    },
  };
}
