import { routeProtocols } from '../route-protocols.ts';
import { boolean, element, foreign, record, set, string, type InferFields } from '../schema/field.ts';
import { checkName, idField, tagsField, timeFields } from './common-fields.ts';
import type { EntityDescriptor } from './entity.ts';

/** `config` is a placeholder: `pluginDescriptor` puts the plugin's own in its place. */
export const pluginFields = {
  id: idField,
  ...timeFields,
  name: string({ required: true, description: 'Name of the plugin.' }),
  instance_name: string({ unique: true, check: checkName, description: 'A unique name of this instance.' }),
  route: foreign('routes', { onDelete: 'cascade' }),
  service: foreign('services', { onDelete: 'cascade' }),
  consumer: foreign('consumers', { onDelete: 'cascade' }),
  config: record({}, { required: true }),
  protocols: set(string({ ...element, oneOf: routeProtocols }), {
    required: true,
    default: ['grpc', 'grpcs', 'http', 'https'],
  }),
  enabled: boolean({ required: true, default: true }),
  tags: tagsField,
} as const;

export type Plugin = InferFields<typeof pluginFields>;

export const pluginEntity: EntityDescriptor = {
  name: 'plugin',
  plural: 'plugins',
  key: 'instance_name',
  fields: pluginFields,
  checks: [],
  uniqueTogether: [['name', 'route', 'service', 'consumer']],
  expand: dropExpressions,
};

/** Drops what answers carry beside the fields, so that what was answered can be sent again. */
function dropWarnings(body: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { warnings, ...rest } = body;
  return Array.isArray(warnings) ? rest : body;
}

/** Takes `expressions`, which newer files of Kong hold, only as null: Sluice has no expressions. */
function dropExpressions(given: Readonly<Record<string, unknown>>) {
  const body = dropWarnings(given);
  if (!Object.hasOwn(body, 'expressions')) return { body, faults: [] };
  const { expressions, ...rest } = body;
  return { body: rest, faults: expressions === null ? [] : [{ path: ['expressions'], message: 'value must be null' }] };
}
