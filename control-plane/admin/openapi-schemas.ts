import { pluginDescriptor } from '../../shared/entities/check-entity.ts';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { namesField } from '../../shared/entities/names-list.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import type { Field, Fields } from '../../shared/schema/field.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Returns JSON Schemas (2020-12) of all entities by singular name; a plugin is one of `plugin-<name>`. */
export function entitySchemas(entities: readonly EntityDescriptor[], plugins: PluginSchemas): JsonSchema {
  const schemas = entities.map((entity) => [entity.name, entitySchema(entity)] as const);
  const ofPlugins = Object.values(plugins).map((plugin) => {
    const schema = recordSchema(pluginDescriptor(plugin).fields);
    const named = { ...propertiesOf(schema), name: { const: plugin.name } };
    return [`plugin-${plugin.name}`, { ...schema, properties: named }] as const;
  });
  const plugin = { oneOf: ofPlugins.map(([name]) => ({ $ref: `#/components/schemas/${name}` })) };
  return { ...Object.fromEntries(schemas), ...Object.fromEntries(ofPlugins), plugin };
}

function propertiesOf({ properties }: JsonSchema): JsonSchema {
  return typeof properties === 'object' && properties !== null ? { ...properties } : {};
}

function entitySchema({ fields, shorthands = {}, names }: EntityDescriptor): JsonSchema {
  return recordSchema({
    ...fields,
    ...shorthands,
    ...(names === undefined ? {} : { [names.field]: namesField(names) }),
  });
}

function recordSchema(fields: Fields): JsonSchema {
  const shown = Object.entries(fields).filter(([, field]) => field.internal !== true);
  const required = shown.filter(([, field]) => mustBeGiven(field)).map(([name]) => name);
  return {
    type: 'object',
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(shown.map(([name, field]) => [name, fieldSchema(field)])),
    additionalProperties: false,
  };
}

function mustBeGiven({ required, auto, type, default: value }: Field): boolean {
  return required === true && auto !== true && type !== 'record' && value === undefined;
}

function fieldSchema(field: Field): JsonSchema {
  const schema = { ...typeSchema(field), ...notes(field) };
  if (field.eq === null) return { type: 'null' };
  // A field that is not required may be null, and so may one that is filled in.
  return field.required === true || field.type === 'any' ? schema : nullable(schema);
}

function nullable(schema: JsonSchema): JsonSchema {
  const choices = schema['enum'];
  return {
    ...schema,
    type: [schema['type'], 'null'],
    ...(Array.isArray(choices) ? { enum: [...(choices as unknown[]), null] } : {}),
  };
}

function typeSchema(field: Field): JsonSchema {
  const { type, elements, values, fields } = field;
  if (type === 'any') return {};
  if (type === 'string') return stringSchema(field);
  if (type === 'integer' || type === 'number') return numberSchema(field);
  if (type === 'boolean') return { type };
  if (type === 'record') return recordSchema(fields ?? {});
  if (type === 'map') return { type: 'object', additionalProperties: values === undefined ? {} : fieldSchema(values) };
  if (type === 'foreign') return { type: 'object', properties: { id: { type: 'string', format: 'uuid' } } };
  return defined({
    type: 'array',
    items: elements === undefined ? {} : fieldSchema(elements),
    uniqueItems: type === 'set' ? true : undefined,
    minItems: field.lenMin,
    maxItems: field.lenMax,
  });
}

function stringSchema({ oneOf, uuid, lenMin, lenMax, encrypted, referenceable }: Field): JsonSchema {
  // A reference to a vault may stand where one of a few words must stand otherwise.
  const choices = referenceable === true ? undefined : oneOf;
  return defined({
    type: 'string',
    enum: choices === undefined ? undefined : [...choices],
    format: uuid === true ? 'uuid' : encrypted === true ? 'password' : undefined,
    minLength: oneOf === undefined && uuid !== true ? (lenMin ?? 1) : undefined,
    maxLength: lenMax,
  });
}

function numberSchema({ type, oneOf, between, gt }: Field): JsonSchema {
  return defined({
    type,
    enum: oneOf === undefined ? undefined : [...oneOf],
    minimum: between?.[0],
    maximum: between?.[1],
    exclusiveMinimum: gt,
  });
}

function notes({ description, default: value, deprecation }: Field): JsonSchema {
  return defined({ description, default: value, deprecated: deprecation === undefined ? undefined : true });
}

function defined(schema: JsonSchema): JsonSchema {
  return Object.fromEntries(Object.entries(schema).filter(([, value]) => value !== undefined));
}
