import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { entitySchemas, type JsonSchema } from './openapi-schemas.ts';

/** One path of the Admin API, as it is documented. */
export interface DocumentedPath {
  /** With its parameters in braces: `/services/{id}`. */
  readonly path: string;
  readonly methods: readonly string[];
  readonly about: PathAbout | undefined;
}

/** The entity of a path, which names a list of them or one; or a sentence and parameters for a path without an entity. */
export type PathAbout = EntityPath | DescribedPath;

interface EntityPath {
  readonly entity: EntityDescriptor;
  readonly many: boolean;
}

interface DescribedPath {
  readonly summary: string;
  readonly parameters?: readonly JsonSchema[];
  /** The schema of a body that is JSON. */
  readonly body?: JsonSchema;
}

export interface OpenApiOptions {
  readonly paths: readonly DocumentedPath[];
  readonly entities: readonly EntityDescriptor[];
  readonly plugins: PluginSchemas;
  /** The version of Sluice. */
  readonly version: string;
}

/** Returns the Admin API as an OpenAPI 3.1 document, from the table of entities. */
export function openApiDocument({ paths, entities, plugins, version }: OpenApiOptions): JsonSchema {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluice Admin API',
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{}, { bearer: [] }, { token: [] }],
    paths: Object.fromEntries(
      [...paths].sort((a, b) => (a.path < b.path ? -1 : 1)).map((path) => [path.path, pathItem(path)]),
    ),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        token: { type: 'apiKey', in: 'header', name: 'Kong-Admin-Token' },
      },
      schemas: { ...entitySchemas(entities, plugins), error: errorSchema },
    },
  };
}

const errorSchema: JsonSchema = {
  type: 'object',
  required: ['message'],
  properties: {
    message: { type: 'string' },
    code: { type: 'integer', description: 'The kind of the fault, as in Kong.' },
    name: { type: 'string' },
    fields: { type: 'object', description: 'Faults in the shape of the body; those of it as a whole under @entity.' },
  },
};

function pathItem({ path, methods, about }: DocumentedPath): JsonSchema {
  const names = [...path.matchAll(/\{([a-z]+)\}/g)].map(([, name = '']) => name);
  const operations = methods.map((method) => [method.toLowerCase(), operation(path, method, about)] as const);
  if (names.length === 0) return Object.fromEntries(operations);
  const parameters = names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
  return { parameters, ...Object.fromEntries(operations) };
}

function operation(path: string, method: string, about: PathAbout | undefined): JsonSchema {
  const operationId = [method.toLowerCase(), ...path.split(/[^A-Za-z0-9_]+/).filter((part) => part !== '')].join('-');
  if (about === undefined || 'summary' in about) {
    const { summary, parameters, body } = about ?? {};
    return {
      operationId,
      ...(summary === undefined ? {} : { summary }),
      ...(parameters === undefined ? {} : { parameters }),
      ...(body === undefined || method === 'GET'
        ? {}
        : { requestBody: { content: { 'application/json': { schema: body } } } }),
      responses: { '200': jsonAnswer('The answer.', {}), default: errorAnswer },
    };
  }
  const { entity, many } = about;
  const writes = method !== 'GET';
  const common = { operationId, tags: [entity.plural] };
  const body = { $ref: `#/components/schemas/${entity.name}` };
  if (!writes) {
    const answer = many ? listOf(body) : body;
    return {
      ...common,
      ...(many ? { parameters: listParameters(entity) } : {}),
      responses: { '200': jsonAnswer(`The ${many ? entity.plural : entity.name}.`, answer), default: errorAnswer },
    };
  }
  return {
    ...common,
    parameters: [...waitParameters, ...(method === 'POST' ? [] : [ifMatch])],
    ...(method === 'DELETE' ? {} : { requestBody: { content: contentOf(method === 'PATCH' ? partial(body) : body) } }),
    responses: { ...success(method, entity, body), default: errorAnswer },
  };
}

function success(method: string, { name }: EntityDescriptor, body: JsonSchema): JsonSchema {
  if (method === 'DELETE') return { '204': { description: `The ${name} is not there any more.` } };
  return { [method === 'POST' ? '201' : '200']: jsonAnswer(`The ${name} as it is now.`, body) };
}

/** Returns the schema of a PATCH: the result is checked, not the body. */
function partial(body: JsonSchema): JsonSchema {
  return { type: 'object', description: `Fields of ${String(body['$ref'])}; null clears.` };
}

function contentOf(schema: JsonSchema): JsonSchema {
  return {
    'application/json': { schema },
    'application/x-www-form-urlencoded': { schema: { type: 'object' } },
    'multipart/form-data': { schema: { type: 'object' } },
  };
}

function jsonAnswer(description: string, schema: JsonSchema): JsonSchema {
  return { description, content: { 'application/json': { schema } } };
}

const errorAnswer = jsonAnswer('Refused.', { $ref: '#/components/schemas/error' });

function listOf(items: JsonSchema): JsonSchema {
  return {
    type: 'object',
    required: ['data', 'next'],
    properties: {
      data: { type: 'array', items },
      next: { type: ['string', 'null'], description: 'Where the next page is.' },
      offset: { type: 'string', description: 'There when there is a next page.' },
    },
  };
}

/** Describes a parameter of a query. */
export function queryParameter(name: string, schema: JsonSchema, description: string): JsonSchema {
  return { name, in: 'query', schema, description };
}

function listParameters({ filters = [] }: EntityDescriptor): JsonSchema[] {
  return [
    queryParameter('size', { type: 'integer', minimum: 1, maximum: 1000, default: 100 }, 'How many at most.'),
    queryParameter('offset', { type: 'string' }, 'From the page before.'),
    queryParameter('tags', { type: 'string' }, '`a,b`: with both tags; `a/b`: with one of them.'),
    ...filters.map((name) => queryParameter(name, { type: 'string' }, `Those whose ${name} is this.`)),
  ];
}

const waitParameters = [
  queryParameter('wait', { type: 'string', enum: ['applied'] }, 'Answer when every connected node runs the change.'),
  queryParameter('timeout', { type: 'string', pattern: '^\\d{1,6}(ms|s|m)$' }, 'How long to wait: `5s`.'),
];

const ifMatch: JsonSchema = {
  name: 'If-Match',
  in: 'header',
  schema: { type: 'string' },
  description: 'An ETag; 412 when the entity is another by now.',
};
