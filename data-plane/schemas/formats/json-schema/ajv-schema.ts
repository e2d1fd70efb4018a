import { createRequire } from 'node:module';
import { Ajv, type AnySchemaObject, type KeywordDefinition, type Options, type ValidateFunction } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type core from 'ajv/dist/core.js';
import draft04 from 'ajv-draft-04';
import formatsPlugin from 'ajv-formats';
import { linearPattern } from '../linear-pattern.ts';
import { idKeyword, type Draft, type JsonSchema } from './dialect.ts';
import { equalItems, equalTo } from './equality.ts';
import { multipleOf } from './multiple-of.ts';
import { withoutAnnotations } from './without-annotations.ts';
import type { SchemaDocument } from './schema-resources.ts';

/** The class that the drafts' classes extend. */
type AnyAjv = core.default;

/**
 * Compiles a schema, the first of the documents, to JavaScript, which is several times faster than the conforming judge.
 * It says yes or no; the faults are the conforming judge's to tell.
 * @throws Error when Ajv cannot compile it
 */
export function compileAjv(documents: readonly SchemaDocument[], draft: Draft): (value: unknown) => boolean {
  const [root] = documents;
  if (root === undefined) throw new Error('there is no schema');
  const ajv = makers[draft]();
  adaptKeywords(ajv);
  formatsPlugin.default(ajv, { mode: 'full' });
  const prepared = documents.map(({ name, schema }) => ({ name, schema: withoutAnnotations(schema, draft) }));
  addReferences(ajv, draft, prepared);
  const validate: ValidateFunction = ajv.compile(prepared[0]?.schema ?? true);
  return (value) => validate(value);
}

const options: Options = {
  // Schemas come from a registry: unknown keywords and formats are annotations, as the drafts say.
  strict: false,
  logger: false,
  messages: false,
  // The conforming judge has checked the schema; compiling the meta-schemas would take hundreds of milliseconds.
  validateSchema: false,
  // Names such as toString are not properties of an object that lacks them.
  ownProperties: true,
  // Schemas of at most this many keywords are copied to where they are referred to: all of them would be a square.
  inlineRefs: 20,
  // `code` would name it in validators that are written to files, which ours are not.
  // Without its optimizer, Ajv compiles twice as fast code that runs as fast. `code` would name the function in validators
  // that are written to files.
  code: { optimize: false, regExp: Object.assign(linearPattern, { code: '' }) },
};

/** Up to draft 7 nothing counts beside `$ref`. */
const olderOptions: Options = { ...options, ignoreKeywordsWithRef: true };

const require = createRequire(import.meta.url);
const sinceDraft6 = ['const', 'contains', 'propertyNames'];
const sinceDraft7 = ['if', 'then', 'else'];

const makers: Readonly<Record<Draft, () => AnyAjv>> = {
  'draft-04': () => {
    const ajv = new draft04.default(olderOptions);
    for (const keyword of [...sinceDraft6, ...sinceDraft7]) ajv.removeKeyword(keyword);
    return ajv;
  },
  'draft-06': () => {
    const ajv = new Ajv(olderOptions);
    for (const keyword of sinceDraft7) ajv.removeKeyword(keyword);
    // Ajv ships the meta-schema as a file of its own; Node.js 20 warns about imported JSON.
    const meta: AnySchemaObject = require('ajv/dist/refs/json-schema-draft-06.json');
    return withoutId(ajv.addMetaSchema(meta, undefined, false));
  },
  'draft-07': () => withoutId(new Ajv(olderOptions)),
  '2019-09': () => withoutId(new Ajv2019(options)),
  '2020-12': () => withoutId(new Ajv2020(options)),
};

/** Since draft 6 `id` is no keyword, while Ajv refuses every schema that has it. */
function withoutId(ajv: AnyAjv): AnyAjv {
  return ajv.removeKeyword('id');
}

/** Ajv compares items that are no scalars each with each: a megabyte of small arrays would take minutes. */
const uniqueItems = {
  keyword: 'uniqueItems',
  type: 'array',
  schemaType: 'boolean',
  compile: (isWanted: boolean) => (items: readonly unknown[]) => !isWanted || equalItems(items) === undefined,
} as const satisfies KeywordDefinition;

/** Ajv's comparison calls methods of the value, whose place a client's member `toString` could take. */
const constant = {
  keyword: 'const',
  compile: (allowed: unknown) => equalTo([allowed]),
} as const satisfies KeywordDefinition;

const enumeration = {
  keyword: 'enum',
  schemaType: 'array',
  compile: (allowed: readonly unknown[]) => equalTo(allowed),
} as const satisfies KeywordDefinition;

/** Ajv's division overflows, and misses the decimals that binary fractions cannot hold. */
const multiple = {
  keyword: 'multipleOf',
  type: 'number',
  schemaType: 'number',
  compile: (divisor: number) => multipleOf(divisor),
} as const satisfies KeywordDefinition;

function adaptKeywords(ajv: AnyAjv): void {
  for (const own of [uniqueItems, enumeration, constant, multiple]) {
    // Draft 4 knows no `const`.
    if (ajv.getKeyword(own.keyword) !== false) ajv.removeKeyword(own.keyword).addKeyword(own);
  }
}

/** A reference's name is how `$ref` names it: as it stands, or relative to the `$id` of the schema that refers. */
function addReferences(ajv: AnyAjv, draft: Draft, documents: readonly SchemaDocument[]): void {
  const ids = documents.flatMap(({ schema }) => idOf(schema, draft) ?? []);
  const taken = new Set(ids);
  for (const { name, schema } of documents) {
    if (name === undefined) continue;
    if (idOf(schema, draft) !== undefined) ajv.addSchema(schema);
    const relative = ids.filter((id) => URL.canParse(name, id)).map((id) => new URL(name, id).href);
    for (const alias of [name, ...relative].map(withoutHash)) {
      if (taken.has(alias)) continue;
      taken.add(alias);
      ajv.addSchema(schema, alias);
    }
  }
}

function idOf(schema: JsonSchema, draft: Draft): string | undefined {
  const id: unknown = typeof schema === 'object' ? schema[idKeyword(draft)] : undefined;
  return typeof id === 'string' ? withoutHash(id) : undefined;
}

function withoutHash(id: string): string {
  return id.replace(/#$/, '');
}
