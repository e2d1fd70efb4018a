import { autoValues } from '../../shared/auto-values.ts';
import { deprecationsOf, effectiveDescriptor } from '../../shared/entities/check-entity.ts';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { hashPassword, isClearPassword } from '../../shared/entities/password-hash.ts';
import { withTtl } from '../../shared/entities/expiry.ts';
import { maskEntity } from '../../shared/entities/secret-fields.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import type { Mask } from '../../shared/schema/mask.ts';
import { referencedId, type SnapshotEntity } from '../../shared/snapshot.ts';
import type { PageQuery } from '../store/page.ts';
import type { EntityStore } from '../store/entity-store.ts';
import { entityNotFound } from './admin-error.ts';
import type { SyncGate } from './clustering.ts';
import type { Values } from './entity-checks.ts';
import { lookUp, type ParentReference } from './entity-lookup.ts';
import { entityOperations, type BodyOf, type EntityOperations, type Target } from './entity-operations.ts';
import { checkIfMatch, etagOf } from './etag.ts';
import { formFields, formToRecord } from './form.ts';
import { encodeOffset, listBody, queryOffset, querySize, queryTags } from './list-query.ts';
import { listWithNames } from './names-list.ts';
import type { AdminAnswer, Call, Handler, Handlers } from './resource.ts';
import { syncHeaders, waitTimeoutMs } from './wait-applied.ts';

export interface EntityHandlersDeps {
  readonly plugins: PluginSchemas;
  readonly store: EntityStore;
  readonly syncGate?: SyncGate;
  readonly mask: Mask;
  /** Sentences about a plugin that was written. */
  readonly pluginWarnings?: (plugin: SnapshotEntity) => readonly string[];
}

export type ParentOf = (call: Call) => ParentReference;

/** The handlers of the endpoints of all entities. */
export interface EntityHandlers {
  list(entity: EntityDescriptor, parentOf?: ParentOf): Handler;
  create(entity: EntityDescriptor, parentOf?: ParentOf): Handler;
  /** Returns GET, PUT, PATCH and DELETE of the entity that a call names. */
  single(targetOf: (call: Call) => Target): Required<Omit<Handlers, 'POST'>>;
  /** Finds the parent that a nested path names; throws AdminError 404 when there is none. */
  parentReference(parent: EntityDescriptor, field: string): ParentOf;
  /** Finds the entity that another one refers to; throws AdminError 404 when there is none. */
  referenced(entity: EntityDescriptor, field: string, parent: EntityDescriptor): (call: Call) => Target;
}

export function entityHandlers(deps: EntityHandlersDeps): EntityHandlers {
  const { store } = deps;
  const operations = entityOperations(deps);
  return {
    list: (entity, parentOf) => (call) => listEntities(deps, entity, call, parentOf?.(call)),
    create: (entity, parentOf) => async (call) => {
      const body = await hashedBody(entity, bodyOf(deps, entity, call), () => undefined);
      return written(deps, call, () => {
        const { value, revision } = operations.create(entity, body, parentOf?.(call));
        return { revision, answer: writtenAnswer(deps, { status: 201, entity, value, call }) };
      });
    },
    single: (targetOf) => singleHandlers(deps, operations, targetOf),
    parentReference: (parent, field) => (call) => {
      const found = lookUp(store, { entity: parent, segment: call.param('parent') });
      if (found === undefined) throw entityNotFound();
      return { field, id: found.id };
    },
    referenced: (entity, field, parent) => (call) => {
      const child = operations.read({ entity, segment: call.param('id') });
      const id = referencedId(child[field]);
      if (id === undefined) throw entityNotFound();
      return { entity: parent, segment: id };
    },
  };
}

function singleHandlers(
  deps: EntityHandlersDeps,
  operations: EntityOperations,
  targetOf: (call: Call) => Target,
): Required<Omit<Handlers, 'POST'>> {
  const write = async (call: Call, method: 'put' | 'patch') => {
    const target = targetOf(call);
    const { entity } = target;
    const body = await hashedBody(entity, bodyOf(deps, entity, call), () => lookUp(deps.store, target));
    return written(deps, call, () => {
      const { value, revision } = operations[method](guarded(target, call), body);
      return { revision, answer: writtenAnswer(deps, { status: 200, entity, value, call }) };
    });
  };
  return {
    GET(call) {
      const target = targetOf(call);
      const value = operations.read(target);
      return entityAnswer(deps, { status: 200, entity: target.entity, value, call });
    },
    PUT: (call) => write(call, 'put'),
    PATCH: (call) => write(call, 'patch'),
    DELETE: (call) =>
      written(deps, call, () => ({
        revision: operations.remove(guarded(targetOf(call), call)),
        answer: { status: 204 },
      })),
  };
}

function listEntities(
  deps: EntityHandlersDeps,
  entity: EntityDescriptor,
  call: Call,
  parent: ParentReference | undefined,
): AdminAnswer {
  const { store } = deps;
  const size = querySize(call.query);
  const page = store.page(pageQuery(entity, call, size, parent));
  const data = listWithNames(store, entity, page.items).map((item) => shown(deps, entity, item, call));
  const offset = page.next === undefined ? {} : { offset: encodeOffset([page.next]) };
  return { status: 200, body: listBody({ path: call.path, query: call.query, size, data, ...offset }) };
}

function pageQuery(
  { plural, filters = [] }: EntityDescriptor,
  { query }: Call,
  size: number,
  parent: ParentReference | undefined,
): PageQuery {
  const after = queryOffset(query);
  const tags = queryTags(query);
  const equal = filters.flatMap((name) => {
    const value = query.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    entity: plural,
    size,
    equal: Object.fromEntries(equal),
    ...(after === undefined ? {} : { after }),
    ...(tags === undefined ? {} : { tags }),
    ...(parent === undefined ? {} : { parent }),
  };
}

interface EntityAnswer {
  readonly status: number;
  readonly entity: EntityDescriptor;
  readonly value: SnapshotEntity;
  readonly call: Call;
}

/** Answers a write: with `warnings`, where there are some, beside the entity's fields. */
function writtenAnswer(deps: EntityHandlersDeps, options: EntityAnswer): AdminAnswer {
  const { entity, value, call } = options;
  const answer = entityAnswer(deps, options);
  if (entity.plural !== 'plugins') return answer;
  const given = bodyOf(deps, entity, call)(value);
  const deprecated = deprecationsOf(entity, deps.plugins, { name: value['name'], ...given });
  const warnings = [...deprecated, ...(deps.pluginWarnings?.(value) ?? [])];
  return warnings.length === 0 ? answer : { ...answer, body: { ...shown(deps, entity, value, call), warnings } };
}

function entityAnswer(deps: EntityHandlersDeps, options: EntityAnswer): AdminAnswer {
  const { status, entity, value, call } = options;
  // The tag is that of the entity as it is stored: a time to live that counts down changes nothing.
  const headers = { ETag: etagOf(readable(deps, entity, value, call)) };
  return { status, body: shown(deps, entity, value, call), headers };
}

function shown(deps: EntityHandlersDeps, entity: EntityDescriptor, value: SnapshotEntity, call: Call): Values {
  return withTtl(readable(deps, entity, value, call), autoValues.now());
}

function readable(
  { plugins, mask }: EntityHandlersDeps,
  entity: EntityDescriptor,
  value: SnapshotEntity,
  call: Call,
): Values {
  return call.readOnly ? maskEntity(entity, plugins, value, mask) : value;
}

/** Returns the body as a record; a form is typed by the schema of the entity, which for a plugin follows from its name. */
function bodyOf({ plugins }: EntityHandlersDeps, entity: EntityDescriptor, { body }: Call): BodyOf {
  return (current) => {
    if (body === undefined) return {};
    if (body.kind === 'json') return body.value;
    const { entries } = body;
    const name = entries.find(([field]) => field === 'name')?.[1] ?? current?.['name'];
    return formToRecord(formFields(effectiveDescriptor(entity, plugins, { name })), entries);
  };
}

/** Returns the body with the hash of its password. One that did not change keeps the hash of the entity as it stands. */
async function hashedBody(
  { password: field }: EntityDescriptor,
  body: BodyOf,
  current: () => SnapshotEntity | undefined,
): Promise<BodyOf> {
  if (field === undefined) return body;
  const given = body();
  const password = given[field];
  if (!isClearPassword(password)) return body;
  const hash = await hashPassword(password, current()?.[field]);
  return () => ({ ...given, [field]: hash });
}

function guarded(target: Target, call: Call): Target {
  return { ...target, precondition: (current) => checkIfMatch(call.ifMatch, current) };
}

/** Runs a write once its query is known to be good, and waits for the nodes where the caller asks for it. */
async function written(
  { syncGate }: EntityHandlersDeps,
  call: Call,
  work: () => { readonly revision: number; readonly answer: AdminAnswer },
): Promise<AdminAnswer> {
  const timeoutMs = waitTimeoutMs(call.query);
  const { revision, answer } = work();
  const headers = await syncHeaders(syncGate, timeoutMs, revision);
  return { ...answer, headers: { ...answer.headers, ...headers } };
}
