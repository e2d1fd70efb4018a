import { isRecord } from '../../../../shared/schema/is-record.ts';
import { isSchema, type Dialect, type JsonSchema, type JsonSchemaObject } from './dialect.ts';

/** How a keyword holds schemas. */
type Holding = 'one' | 'list' | 'map' | 'one or list' | 'map of schemas or names';

const holdings: Readonly<Record<string, Holding>> = {
  additionalItems: 'one',
  additionalProperties: 'one',
  contains: 'one',
  contentSchema: 'one',
  else: 'one',
  if: 'one',
  not: 'one',
  propertyNames: 'one',
  unevaluatedItems: 'one',
  unevaluatedProperties: 'one',
  items: 'one or list',
  allOf: 'list',
  anyOf: 'list',
  oneOf: 'list',
  prefixItems: 'list',
  $defs: 'map',
  definitions: 'map',
  dependentSchemas: 'map',
  patternProperties: 'map',
  properties: 'map',
  dependencies: 'map of schemas or names',
  // As a literal, a linter would read the object as a promise.
  ...Object.fromEntries([['then', 'one'] as const]),
};

/** A schema that stands directly within another. */
export interface Subschema {
  readonly keyword: string;
  readonly schema: JsonSchema;
}

/** Yields the schemas that stand directly within another, by the keywords of its dialect. */
export function* subschemasOf(schema: JsonSchemaObject, { keywords }: Dialect): Generator<Subschema> {
  for (const [keyword, value] of Object.entries(schema)) {
    const holding = Object.hasOwn(holdings, keyword) && keywords.has(keyword) ? holdings[keyword] : undefined;
    if (holding === undefined) continue;
    for (const held of heldSchemas(holding, value)) if (isSchema(held)) yield { keyword, schema: held };
  }
}

function heldSchemas(holding: Holding, value: unknown): readonly unknown[] {
  switch (holding) {
    case 'one':
      return [value];
    case 'list':
      return Array.isArray(value) ? value : [];
    case 'one or list':
      return Array.isArray(value) ? value : [value];
    case 'map':
    case 'map of schemas or names':
      return isRecord(value) ? Object.values(value) : [];
    default:
      throw new TypeError('unknown kind of keyword');
  }
}
