import { routeProtocols } from '../route-protocols.ts';
import { array, boolean, element, foreign, integer, map, set, string, type InferFields } from '../schema/field.ts';
import { idField, nameField, tagsField, timeFields } from './common-fields.ts';
import type { EntityDescriptor } from './entity.ts';
import { checkHeaderName } from '../schema/header-name.ts';
import { checkRouteHost, checkServerName } from './host.ts';
import { checkRoutePath } from './path.ts';
import { routeChecks } from './route-checks.ts';

export const routeFields = {
  id: idField,
  ...timeFields,
  name: nameField('A unique name.'),
  protocols: set(string({ ...element, oneOf: routeProtocols }), {
    required: true,
    lenMin: 1,
    default: ['http', 'https'],
  }),
  methods: set(string({ ...element, check: checkMethod })),
  hosts: array(string({ ...element, check: checkRouteHost })),
  paths: array(string({ ...element, check: checkRoutePath })),
  headers: map(string({ check: checkRouteHeader }), array(string(element), { ...element, lenMin: 1 })),
  snis: set(string({ ...element, check: checkServerName })),
  https_redirect_status_code: integer({ required: true, oneOf: [426, 301, 302, 307, 308], default: 426 }),
  regex_priority: integer({ default: 0, description: 'Among regular expressions, the higher wins.' }),
  strip_path: boolean({ required: true, default: true, description: 'The matched prefix does not go upstream.' }),
  path_handling: string({ oneOf: ['v0', 'v1'], default: 'v0' }),
  preserve_host: boolean({ required: true, default: false }),
  request_buffering: boolean({ required: true, default: true }),
  response_buffering: boolean({ required: true, default: true }),
  sources: set(map(string(), string()), { eq: null, description: 'Not supported: only null is accepted.' }),
  destinations: set(map(string(), string()), { eq: null, description: 'Not supported: only null is accepted.' }),
  tags: tagsField,
  service: foreign('services'),
} as const;

export type Route = InferFields<typeof routeFields>;

export const routeEntity: EntityDescriptor = {
  name: 'route',
  plural: 'routes',
  key: 'name',
  fields: routeFields,
  checks: routeChecks,
  expand: defaultStripPath,
};

/** Paths of gRPC name methods, which no prefix is stripped from: the default is false there, as in Kong. */
function defaultStripPath(body: Readonly<Record<string, unknown>>) {
  const { protocols, strip_path: given } = body;
  const isGrpc =
    Array.isArray(protocols) &&
    protocols.length > 0 &&
    protocols.every((protocol) => protocol === 'grpc' || protocol === 'grpcs');
  return { body: given === undefined && isGrpc ? { ...body, strip_path: false } : body, faults: [] };
}

function checkMethod(method: string): string | undefined {
  return /^[A-Z]+$/.test(method) ? undefined : `invalid value: ${method}`;
}

function checkRouteHeader(name: string): string | undefined {
  if (name.toLowerCase() === 'host')
    return "cannot contain 'host' header, which must be specified in the 'hosts' attribute";
  return checkHeaderName(name);
}
