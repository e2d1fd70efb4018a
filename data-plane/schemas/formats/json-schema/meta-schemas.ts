import { createRequire } from 'node:module';
import { isSchema, type JsonSchema } from './dialect.ts';

const require = createRequire(import.meta.url);

/** Files of Ajv's packages that hold the published meta-schemas; Node.js 20 warns about imported JSON. */
const files = [
  'ajv-draft-04/dist/refs/json-schema-draft-04.json',
  'ajv/dist/refs/json-schema-draft-06.json',
  'ajv/dist/refs/json-schema-draft-07.json',
  ...['applicator', 'content', 'core', 'format', 'meta-data', 'validation'].map(
    (name) => `ajv/dist/refs/json-schema-2019-09/meta/${name}.json`,
  ),
  'ajv/dist/refs/json-schema-2019-09/schema.json',
  ...['applicator', 'content', 'core', 'format-annotation', 'meta-data', 'unevaluated', 'validation'].map(
    (name) => `ajv/dist/refs/json-schema-2020-12/meta/${name}.json`,
  ),
  'ajv/dist/refs/json-schema-2020-12/schema.json',
];

let loaded: ReadonlyMap<string, JsonSchema> | undefined;

/** Returns the meta-schemas of the drafts by their URI without a fragment; they are read when first asked for. */
export function metaSchemas(): ReadonlyMap<string, JsonSchema> {
  loaded ??= new Map(files.map(load));
  return loaded;
}

function load(file: string): [uri: string, schema: JsonSchema] {
  const schema: unknown = require(file);
  if (!isSchema(schema) || typeof schema === 'boolean') throw new Error(`${file} is no schema`);
  return [String(schema['$id'] ?? schema['id']).replace(/#$/, ''), schema];
}
