import { array, element, record, string, type FieldFault, type InferFields } from '../schema/field.ts';
import type { PluginSchema } from './plugin-schema.ts';
import { recordCheck } from './record-checks.ts';
import { changeLists, lists, splitPair } from './transformer-fields.ts';

const { headerNames, names, headerRenames, renames, headerPairs, pairs } = changeLists;

/** The lists of `replace`, `add` and `append`. */
function values(what: string) {
  return {
    json: pairs(`Fields of a JSON body, \`name:value\`: ${what}.`),
    json_types: array(string({ ...element, oneOf: ['boolean', 'number', 'string'] }), {
      required: true,
      default: [],
      description: 'The JSON types of these values, in their order; strings without it.',
    }),
    headers: headerPairs(`Headers, \`name:value\`: ${what}.`),
  } as const;
}

const fields = {
  remove: record({ headers: headerNames('Headers that go.'), json: names('Fields of a JSON body that go.') }, lists),
  rename: record(
    { headers: headerRenames('Headers, `old:new`.'), json: renames('Fields of a JSON body, `old:new`.') },
    lists,
  ),
  replace: record(values('replaced where they are there'), lists),
  add: record(values('added where they are not there'), lists),
  append: record(values('added beside those that are there'), lists),
} as const;

export type ResponseTransformerConfig = InferFields<typeof fields>;

/** A value must be of its type: at run time nobody could be told. */
function checkTypes(config: ResponseTransformerConfig): FieldFault[] {
  return (['replace', 'add', 'append'] as const).flatMap((kind) => {
    const { json, json_types: types } = config[kind];
    if (types.length > json.length) {
      return [{ path: [kind, 'json_types'], message: 'expected no more types than values' }];
    }
    return types.flatMap((type, index) => {
      const value = splitPair(json[index] ?? '')?.[1] ?? '';
      if (jsonValue(value, type) !== undefined) return [];
      return [{ path: [kind, 'json', index], message: `expected a value of the type ${type}` }];
    });
  });
}

/** Returns the JSON text of a value of a type; undefined where it is none. */
export function jsonValue(value: string, type: 'boolean' | 'number' | 'string'): string | undefined {
  if (type === 'string') return JSON.stringify(value);
  const form = type === 'boolean' ? /^(?:true|false)$/ : /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
  return form.test(value) ? value : undefined;
}

/** Changes answers before clients see them. */
export const responseTransformerSchema: PluginSchema<ResponseTransformerConfig> = {
  name: 'response-transformer',
  version: '0.1.0',
  priority: 800,
  protocols: ['grpc', 'grpcs', 'http', 'https'],
  scopes: ['service', 'route', 'consumer'],
  requiredToUnderstand: true,
  config: record(fields, { required: true, checks: [recordCheck(fields, checkTypes)] }),
};
