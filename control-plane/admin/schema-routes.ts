import { effectiveDescriptor, pluginParts } from '../../shared/entities/check-entity.ts';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { mayHoldMasks, unmasker } from '../../shared/entities/unmask.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import type { Mask } from '../../shared/schema/mask.ts';
import { string } from '../../shared/schema/field.ts';
import { publishSchema, type PublishedSchema } from '../../shared/schema/publish.ts';
import type { EntityStore } from '../store/entity-store.ts';
import { plainError } from './admin-error.ts';
import type { Values } from './entity-checks.ts';
import { entityOperations } from './entity-operations.ts';
import { formFields, formToRecord } from './form.ts';
import type { Call, Handlers } from './resource.ts';

export interface SchemaRoutesOptions {
  readonly entities: readonly EntityDescriptor[];
  readonly plugins: PluginSchemas;
  readonly store: EntityStore;
  readonly mask: Mask;
  readonly add: (path: string, handlers: Handlers) => void;
}

/** A use of a tag: Kong publishes it as an entity, though nobody can write it. */
const tagFields = {
  tag: string({ required: true }),
  entity_name: string({ required: true }),
  entity_id: string({ required: true }),
};

/** `/schemas/…` in Kong's form, made once, and the validation of bodies without writing them. */
export function addSchemaRoutes({ entities, plugins, store, mask, add }: SchemaRoutesOptions): void {
  const operations = entityOperations({ store, plugins });
  const ofEntities = new Map([
    ...entities.map((entity) => [entity.plural, publishSchema(entity)] as const),
    ['tags', publishSchema({ fields: tagFields })] as const,
  ]);
  const ofPlugins = new Map(
    Object.values(plugins).map((plugin) => [plugin.name, publishSchema({ fields: pluginParts(plugin) })]),
  );

  function entityNamed(name: string): EntityDescriptor {
    const entity = entities.find(({ plural }) => plural === name);
    if (entity === undefined) throw plainError(404, `No entity named '${name}'`);
    return entity;
  }

  /** Puts secrets in the places of their masks: the body is checked, not stored. */
  function unmasked(entity: EntityDescriptor, value: Values): Values {
    if (!mayHoldMasks(JSON.stringify(value))) return value;
    const { entities: current } = store.readAll();
    return unmasker({ entities: current, descriptors: entities, plugins, mask })(entity, value);
  }

  function valueOf({ body }: Call, entity: EntityDescriptor): Values {
    if (body?.kind !== 'form') return body?.value ?? {};
    const name = body.entries.find(([field]) => field === 'name')?.[1];
    return formToRecord(formFields(effectiveDescriptor(entity, plugins, { name })), body.entries);
  }

  function validate(call: Call, entity: EntityDescriptor) {
    operations.validate(entity, unmasked(entity, valueOf(call, entity)));
    return { status: 200, body: { message: 'schema validation successful' } };
  }

  add('/schemas/:entity', { GET: (call) => published(ofEntities, 'entity', call.param('entity')) });
  add('/schemas/:entity/validate', { POST: (call) => validate(call, entityNamed(call.param('entity'))) });
  add('/schemas/plugins/validate', { POST: (call) => validate(call, entityNamed('plugins')) });
  add('/schemas/plugins/:name', { GET: (call) => published(ofPlugins, 'plugin', call.param('name')) });
}

function published(schemas: ReadonlyMap<string, PublishedSchema>, kind: string, name: string) {
  const schema = schemas.get(name);
  if (schema === undefined) throw plainError(404, `No ${kind} named '${name}'`);
  return { status: 200, body: schema };
}
