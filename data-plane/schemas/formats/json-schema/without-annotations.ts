import { isRecord } from '../../../../shared/schema/is-record.ts';
import { idKeyword, refStandsAlone, type Draft, type JsonSchema } from './dialect.ts';

/** Keywords whose values are data. */
const dataKeywords: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples']);
/** Keywords whose members are named by the author. */
const mapKeywords: ReadonlySet<string> = new Set([
  '$defs',
  'definitions',
  'dependencies',
  'dependentSchemas',
  'patternProperties',
  'properties',
]);
/** Keywords of Ajv alone: for JSON Schema they are annotations. */
const ajvKeywords: ReadonlySet<string> = new Set(['nullable', '$async', '$data', 'discriminator']);

/**
 * Copies a schema without what Ajv would judge by and JSON Schema does not: its own keywords, and beside `$ref`, up to
 * draft 7, `type` and the id. Schemas may also stand below unknown keywords, where pointers reach them.
 */
export function withoutAnnotations(schema: JsonSchema, draft: Draft): JsonSchema {
  return typeof schema === 'boolean' ? schema : copy(schema, draft, false);
}

function copy(schema: Readonly<Record<string, unknown>>, draft: Draft, isMap: boolean): Record<string, unknown> {
  const standsAlone = !isMap && refStandsAlone(draft) && typeof schema['$ref'] === 'string';
  const kept = Object.entries(schema).filter(
    ([keyword]) =>
      isMap || !(ajvKeywords.has(keyword) || (standsAlone && (keyword === 'type' || keyword === idKeyword(draft)))),
  );
  return Object.fromEntries(
    kept.map(([keyword, value]) => {
      if (!isMap && dataKeywords.has(keyword)) return [keyword, value];
      return [keyword, copyValue(value, draft, !isMap && mapKeywords.has(keyword))];
    }),
  );
}

function copyValue(value: unknown, draft: Draft, isMap: boolean): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => copyValue(item, draft, false));
  return isRecord(value) ? copy(value, draft, isMap) : value;
}
