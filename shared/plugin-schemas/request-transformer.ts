import { record, string, type InferFields } from '../schema/field.ts';
import type { PluginSchema } from './plugin-schema.ts';
import { changeLists, lists } from './transformer-fields.ts';
import { parseTemplate } from './value-template.ts';

function checkTemplate(text: string): string | undefined {
  const parsed = parseTemplate(text);
  return parsed.kind === 'fault' ? parsed.message : undefined;
}

const { headerNames, names, headerRenames, renames, headerPairs, pairs } = changeLists;

/** The lists of `replace`, `add` and `append`. */
function values(what: string) {
  return {
    body: pairs(`Fields of the body, \`name:value\`: ${what}.`, checkTemplate),
    headers: headerPairs(`Headers, \`name:value\`: ${what}.`, checkTemplate),
    querystring: pairs(`Query arguments, \`name:value\`: ${what}.`, checkTemplate),
  } as const;
}

const fields = {
  http_method: string({ check: checkMethod, description: 'The method of the upstream request.' }),
  remove: record(
    {
      body: names('Fields of the body that go.'),
      headers: headerNames('Headers that go.'),
      querystring: names('Query arguments that go.'),
    },
    lists,
  ),
  rename: record(
    {
      body: renames('Fields of the body, `old:new`.'),
      headers: headerRenames('Headers, `old:new`.'),
      querystring: renames('Query arguments, `old:new`.'),
    },
    lists,
  ),
  replace: record(
    {
      ...values('replaced where they are there'),
      uri: string({
        check: (text) => (text.startsWith('/') || text.startsWith('$(') ? checkTemplate(text) : 'should start with: /'),
        description: 'The path of the upstream request.',
      }),
    },
    lists,
  ),
  add: record(values('added where they are not there'), lists),
  append: record(values('added beside those that are there'), lists),
} as const;

export type RequestTransformerConfig = InferFields<typeof fields>;

function checkMethod(method: string): string | undefined {
  if (!/^[A-Z]{1,32}$/.test(method)) return 'expected a method in upper case';
  return method === 'CONNECT' ? 'CONNECT is no method of a request to a service' : undefined;
}

/** Changes requests before services and records see them. */
export const requestTransformerSchema: PluginSchema<RequestTransformerConfig> = {
  name: 'request-transformer',
  version: '0.1.0',
  priority: 801,
  protocols: ['grpc', 'grpcs', 'http', 'https'],
  scopes: ['service', 'route', 'consumer'],
  requiredToUnderstand: true,
  config: record(fields, { required: true }),
};
