import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import type { Mask } from '../../shared/schema/mask.ts';
import type { SnapshotEntity } from '../../shared/snapshot.ts';
import type { EntityStore } from '../store/entity-store.ts';
import { operationUnsupported } from './admin-error.ts';
import type { SyncGate } from './clustering.ts';
import { entityHandlers } from './entity-handlers.ts';
import type { PathAbout } from './openapi.ts';
import type { Handlers } from './resource.ts';

export interface EntityRoutesOptions {
  readonly entities: readonly EntityDescriptor[];
  readonly plugins: PluginSchemas;
  readonly store: EntityStore;
  readonly syncGate?: SyncGate;
  readonly mask: Mask;
  readonly pluginWarnings?: (plugin: SnapshotEntity) => readonly string[];
  /** The configuration is a file: entities are not written one by one. */
  readonly readOnly: boolean;
  readonly add: (path: string, handlers: Handlers, about: PathAbout) => void;
}

/** Adds the endpoints of all entities, flat and nested, from their descriptors. */
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

/** Returns the name of an entity's collection in paths. */
export function collectionPath({ path, plural }: EntityDescriptor): string {
  return path ?? plural;
}

const verbs = { POST: 'create', PUT: 'create or update', PATCH: 'update', DELETE: 'remove' } as const;

/** Replaces the writes by refusals that do not read the body. */
function withoutWrites({ plural }: EntityDescriptor, handlers: Handlers): Handlers {
  const refusals = Object.entries(verbs).flatMap(([method, verb]) => {
    const refuse = () => {
      throw operationUnsupported(verb, plural);
    };
    return method in handlers ? [[method, refuse] as const] : [];
  });
  return { ...handlers, ...Object.fromEntries(refusals) };
}
