import { isDeepStrictEqual } from 'node:util';

/** An entity as Kong's declarative client sees it: JSON as it was read or as it is wanted. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Json = any;

export type Request = (method: string, path: string, body?: unknown) => Promise<{ status: number; body: Json }>;

/** The wanted state by collection; every entity has an id. */
export type Wanted = Readonly<Partial<Record<Collection, readonly Json[]>>>;

/** In the order in which entities are made; deleted are they from the end. */
const levels = [
  ['certificates', 'upstreams', 'consumers'],
  ['snis', 'targets', 'services', 'key-auths'],
  ['routes'],
  ['plugins'],
] as const;

export type Collection = (typeof levels)[number][number];

/** All that the client lists at once; without the first seven it gives up. */
const fatal = ['services', 'routes', 'plugins', 'consumers', 'certificates', 'snis', 'upstreams'] as const;
const optional = [
  'ca_certificates',
  'consumer_groups',
  'key-auths',
  'hmac-auths',
  'jwts',
  'basic-auths',
  'oauth2',
  'acls',
  'mtls-auths',
  'vaults',
  'keys',
  'key-sets',
  'filter-chains',
  'partials',
] as const;
/** Kinds whose defaults the client takes from the published schema before it writes. */
const withSchema: readonly Collection[] = ['services', 'routes', 'upstreams', 'targets'];

/**
 * A re-enactment of how Kong's declarative client (deck) talks to an Admin API: lists in parallel, schemas for defaults,
 * PUT by id, DELETE by id, and a difference by what was read against what is wanted.
 */
export class DeclarativeClient {
  readonly #request: Request;
  readonly #tags: string;

  constructor(request: Request, tags: readonly string[]) {
    this.#request = request;
    this.#tags = tags.join(',');
  }

  /** Brings the node to the wanted state; the requests that it took, as `PUT services/name`. */
  async sync(wanted: Wanted): Promise<string[]> {
    const { body: info } = await this.#request('GET', '/');
    if (!/^3\.\d+\.\d+$/.test(info.version) || info.configuration.database !== 'postgres') {
      throw new Error('not a node that can be written');
    }
    const current = await this.read();
    const filled = await this.#filled(wanted);
    const done: string[] = [];
    for (const level of levels) {
      const writes = level.flatMap((kind) =>
        (filled[kind] ?? [])
          .filter((entity) => this.#differs(kind, entity, current[kind] ?? []))
          .map((entity) => [kind, entity] as const),
      );
      await Promise.all(writes.map(([kind, entity]) => this.#put(kind, entity, current[kind] ?? [])));
      done.push(...writes.map(([kind, entity]) => `PUT ${kind}/${labelOf(entity)}`));
    }
    for (const level of levels.toReversed()) {
      const deletes = level.flatMap((kind) =>
        (current[kind] ?? [])
          .filter(({ id }) => !(filled[kind] ?? []).some((entity) => entity.id === id))
          .map((entity) => [kind, entity] as const),
      );
      await Promise.all(deletes.map(([kind, entity]) => this.#expect(204, 'DELETE', pathOf(kind, entity))));
      done.push(...deletes.map(([kind, entity]) => `DELETE ${kind}/${labelOf(entity)}`));
    }
    return done.sort();
  }

  /** All entities with the tags, as they are. */
  async read(): Promise<Partial<Record<Collection, Json[]>>> {
    const names = [...fatal, ...optional];
    const lists = await Promise.all(names.map((name) => this.#list(name)));
    const state: Record<string, Json[]> = {};
    for (const [index, name] of names.entries()) {
      const list = lists[index];
      if (list === undefined && (fatal as readonly string[]).includes(name)) throw new Error(`no ${name}`);
      state[name] = list ?? [];
    }
    const targets = await Promise.all(
      (state['upstreams'] ?? []).map(({ id }) => this.#list(`upstreams/${id}/targets`)),
    );
    return { ...state, targets: targets.flatMap((list) => list ?? []) };
  }

  /** undefined: there is no such collection. */
  async #list(name: string): Promise<Json[] | undefined> {
    const found: Json[] = [];
    let next: string | null = `/${name}?size=1000&tags=${this.#tags}`;
    while (next !== null) {
      const { status, body }: { status: number; body: Json } = await this.#request('GET', next);
      if (status === 404) return undefined;
      if (status !== 200) throw new Error(`GET ${next}: ${status}`);
      found.push(...body.data);
      next = body.next;
    }
    return found;
  }

  async #filled(wanted: Wanted): Promise<Partial<Record<Collection, Json[]>>> {
    const filled: Partial<Record<Collection, Json[]>> = {};
    const schemas = await Promise.all(withSchema.map((kind) => this.#expect(200, 'GET', `/schemas/${kind}`)));
    for (const [kind, list] of Object.entries(wanted) as [Collection, readonly Json[]][]) {
      const schema = schemas[withSchema.indexOf(kind)];
      filled[kind] = await Promise.all(
        list.map(async (entity) => {
          if (kind === 'plugins') return this.#filledPlugin(entity);
          return schema === undefined ? entity : withoutNulls(fill(schema, entity));
        }),
      );
    }
    return filled;
  }

  async #filledPlugin(plugin: Json): Promise<Json> {
    const schema = await this.#expect(200, 'GET', `/schemas/plugins/${plugin.name}`);
    const config = schema.fields.find((field: object) => 'config' in field).config;
    const { protocols } = schema.fields.find((field: object) => 'protocols' in field);
    return {
      enabled: true,
      protocols: protocols.default,
      ...plugin,
      config: fill(config, plugin.config),
    };
  }

  #differs(kind: Collection, wanted: Json, current: readonly Json[]): boolean {
    const found = current.find(({ id }) => id === wanted.id);
    return found === undefined || !isDeepStrictEqual(comparable(kind, wanted), comparable(kind, found));
  }

  async #put(kind: Collection, entity: Json, current: readonly Json[]): Promise<void> {
    const { created_at: createdAt, snis } = current.find(({ id }) => id === entity.id) ?? {};
    // A PUT without names would remove them: those that are there go along, and change by requests of their own.
    const names = kind === 'certificates' && snis !== undefined ? { snis } : {};
    const body = { created_at: createdAt ?? Math.floor(Date.now() / 1000), ...names, ...entity };
    await this.#expect(200, 'PUT', pathOf(kind, entity), body);
  }

  async #expect(status: number, method: string, path: string, body?: unknown): Promise<Json> {
    const answer = await this.#request(method, path, body);
    if (answer.status === status) return answer.body;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
}

function pathOf(kind: Collection, entity: Json): string {
  if (kind === 'targets') return `/upstreams/${entity.upstream.id}/targets/${entity.id}`;
  if (kind === 'key-auths') return `/consumers/${entity.consumer.id}/key-auth/${entity.id}`;
  return `/${kind}/${entity.id}`;
}

function labelOf(entity: Json): string {
  const key = entity.cert === undefined ? entity.key?.slice(0, 12) : undefined;
  return entity.instance_name ?? entity.name ?? entity.username ?? entity.target ?? key ?? entity.id;
}

/** Defaults of a published record, as the client fills them in: what has none becomes null, optional records stay away. */
function fill(schema: Json, given: Json): Json {
  const filled = { ...given };
  for (const entry of schema.fields) {
    const [name, field] = Object.entries(entry)[0] as [string, Json];
    const value = given?.[name];
    if (field.type === 'record' && (isObject(value) || (value === undefined && field.required === true))) {
      filled[name] = fill(field, value ?? {});
    } else if (Array.isArray(value) && field.elements?.type === 'record') {
      filled[name] = value.map((element: Json) => fill(field.elements, element));
    } else if (value === undefined) {
      filled[name] = field.default ?? null;
    }
  }
  return filled;
}

/** The client's types leave null and absent apart in the config of plugins only; times are not compared. */
function comparable(kind: Collection, entity: Json): Json {
  const { created_at: _created, updated_at: _updated, snis: _names, tags, ...rest } = entity;
  const sorted = { ...rest, tags: ((tags ?? []) as string[]).toSorted() };
  return kind === 'plugins'
    ? { ...withoutNulls({ ...sorted, config: null }), config: sorted.config }
    : withoutNulls(sorted);
}

function withoutNulls(value: Json): Json {
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null && inner !== undefined)
      .map(([name, inner]) => [name, withoutNulls(inner)]),
  );
}

function isObject(value: Json): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
