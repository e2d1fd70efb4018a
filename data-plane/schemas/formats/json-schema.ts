import { createRequire } from 'node:module';
import {
  Ajv,
  type AnySchemaObject,
  type ErrorObject,
  type KeywordDefinition,
  type Options,
  type SchemaValidateFunction,
  type ValidateFunction,
} from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type core from 'ajv/dist/core.js';
import draft04 from 'ajv-draft-04';
import formatsPlugin from 'ajv-formats';
import { RequestError } from '../../../shared/errors.ts';
import { isRecord } from '../../../shared/schema/is-record.ts';
import { canonicalJson } from '../../../shared/snapshot.ts';
import {
  Faults,
  SchemaUnusableError,
  pointerTo,
  type CompiledSchema,
  type Format,
  type FormatOptions,
  type SchemaSource,
} from './format.ts';
import { linearPattern } from './linear-pattern.ts';
import { parseJsonText, refuseDeepNesting } from './json-value.ts';

/**
 * JSON Schema of the drafts 4, 6, 7, 2019-09 and 2020-12, chosen by `$schema`; without one it is draft 7, as for
 * Confluent's own serializers. The payload is the text as it came: validation changes nothing, and numbers keep their
 * digits.
 */
export const jsonSchemaFormat = {
  type: 'JSON',
  compile(source: SchemaSource, _options?: FormatOptions): CompiledSchema {
    const root = parseSchema(source.text, 'the JSON Schema');
    const draft = draftOf(root) ?? 'draft-07';
    try {
      const first = validator(draft, root, source, false);
      const all = validator(draft, root, source, true);
      return { textIsString: isStringSchema(root), encode: (text, prefix) => encode({ first, all }, text, prefix) };
    } catch (error) {
      if (error instanceof SchemaUnusableError) throw error;
      throw new SchemaUnusableError(`the JSON Schema is faulty: ${error instanceof Error ? error.message : ''}`, error);
    }
  },
} as const satisfies Format;

type JsonSchema = AnySchemaObject | boolean;
/** What the classes of the drafts have in common. */
type AnyAjv = core.default;
type Draft = 'draft-04' | 'draft-06' | 'draft-07' | '2019-09' | '2020-12';

/** Above this many characters only the first fault is told: a list of all of them could fill the memory. */
const allFaultsTextMax = 128 * 1024;

interface Validators {
  /** Stops at the first fault. */
  readonly first: ValidateFunction;
  readonly all: ValidateFunction;
}

function encode({ first, all }: Validators, jsonText: string, prefix: Buffer): Buffer {
  refuseDeepNesting(jsonText);
  const value = parseJsonText(jsonText);
  if (!first(value)) {
    const exhaustive = jsonText.length > allFaultsTextMax ? first : all;
    exhaustive(value);
    throw misfit(exhaustive.errors ?? []);
  }
  const framed = Buffer.allocUnsafe(prefix.length + Buffer.byteLength(jsonText));
  prefix.copy(framed);
  framed.write(jsonText, prefix.length);
  return framed;
}

function misfit(errors: readonly ErrorObject[]): RequestError {
  const faults = new Faults();
  for (const { instancePath, keyword, params, message = 'does not fit' } of errors) {
    const { expected, property } = explain(keyword, params);
    const pointer = property === undefined ? instancePath : pointerTo(instancePath, property);
    faults.add({ pointer, rule: keyword, expected, message });
  }
  return new RequestError('SCHEMA_VALIDATION_FAILED', 'The data does not fit the schema.', { details: faults.list });
}

/** What a keyword asks for, and the property that it is about where that is a child of the value. */
function explain(keyword: string, params: Readonly<Record<string, unknown>>): { expected: string; property?: string } {
  const { missingProperty, additionalProperty, unevaluatedProperty } = params;
  if (typeof missingProperty === 'string') return { expected: 'a value', property: missingProperty };
  const extra = additionalProperty ?? unevaluatedProperty;
  if (typeof extra === 'string') return { expected: 'no such property', property: extra };
  const { type, allowedValues, allowedValue, comparison, limit, format, pattern, multipleOf } = params;
  if (type !== undefined) return { expected: shown(type) };
  if (allowedValues !== undefined) return { expected: `one of ${JSON.stringify(allowedValues)}` };
  if (allowedValue !== undefined) return { expected: JSON.stringify(allowedValue) };
  if (comparison !== undefined) return { expected: `${shown(comparison)} ${shown(limit)}` };
  const plain = format ?? pattern ?? multipleOf ?? limit;
  return { expected: plain === undefined ? keyword : `${keyword} ${shown(plain)}` };
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const options: Options = {
  // Schemas come from a registry: unknown keywords and formats are annotations, as the drafts say.
  strict: false,
  logger: false,
  // Ajv refuses keywords of the wrong kind by itself. The meta-schemas would only add finer checks, which the registry
  // has made, and compiling them holds the process up for hundreds of milliseconds.
  validateSchema: false,
  // Names such as toString are not properties of an object that lacks them.
  ownProperties: true,
  // 0.07 is a multiple of 0.01, though not in binary.
  multipleOfPrecision: 6,
  // `code` would name it in validators that are written to files, which ours are not.
  code: { regExp: Object.assign(linearPattern, { code: '' }) },
};

/** Ajv compares items that are no scalars each with each: a megabyte of small arrays would hold the process for minutes. */
const uniqueItems = {
  keyword: 'uniqueItems',
  type: 'array',
  schemaType: 'boolean',
  errors: true,
  compile(isWanted: boolean) {
    const validate: SchemaValidateFunction = (items: readonly unknown[]) => {
      const seen = new Map<string, number>();
      for (const [i, item] of isWanted ? items.entries() : []) {
        const text = canonicalJson(item);
        const j = seen.get(text);
        if (j !== undefined) {
          const message = `must NOT have duplicate items (items ## ${j} and ${i} are identical)`;
          validate.errors = [{ keyword: 'uniqueItems', params: { i, j }, message }];
          return false;
        }
        seen.set(text, i);
      }
      return true;
    };
    return validate;
  },
} as const satisfies KeywordDefinition;

/** Ajv's comparison calls methods of the value, which a client's member `toString` takes the place of. */
const constant = {
  keyword: 'const',
  errors: true,
  compile: (allowedValue: unknown) =>
    comparison({ keyword: 'const', params: { allowedValue }, message: 'must be equal to constant' }, [allowedValue]),
} as const satisfies KeywordDefinition;

const enumeration = {
  keyword: 'enum',
  schemaType: 'array',
  errors: true,
  compile(allowedValues: readonly unknown[]) {
    if (allowedValues.length === 0) throw new Error('enum must have at least one item');
    const message = 'must be equal to one of the allowed values';
    return comparison({ keyword: 'enum', params: { allowedValues }, message }, allowedValues);
  },
} as const satisfies KeywordDefinition;

/** Takes what is one of these; all else has the fault. */
function comparison(fault: Partial<ErrorObject>, allowed: readonly unknown[]): SchemaValidateFunction {
  const isAllowed = equalTo(allowed);
  const validate: SchemaValidateFunction = (value: unknown) => {
    if (isAllowed(value)) return true;
    // A copy: Ajv writes into it where the value stood.
    validate.errors = [{ ...fault }];
    return false;
  };
  return validate;
}

/** Whether a value is one of these. Scalars, which are nearly all, are looked up as they are. */
function equalTo(allowed: readonly unknown[]): (value: unknown) => boolean {
  const isDeep = (value: unknown) => typeof value === 'object' && value !== null;
  const scalars = new Set(allowed.filter((value) => !isDeep(value)));
  const deep = new Set(allowed.filter(isDeep).map(canonicalJson));
  return (value) => (isDeep(value) ? deep.size > 0 && deep.has(canonicalJson(value)) : scalars.has(value));
}

/** Ajv's own keywords, but for those above; and names that are none are a fault of the schema, not of each value. */
function adaptKeywords(ajv: AnyAjv): void {
  for (const own of [uniqueItems, enumeration, constant]) {
    // Draft 4 knows no `const`.
    if (ajv.getKeyword(own.keyword) !== false) ajv.removeKeyword(own.keyword).addKeyword(own);
  }
  const required = ajv.getKeyword('required');
  if (typeof required !== 'object') throw new Error('Ajv has no definition of `required`');
  ajv.removeKeyword('required').addKeyword({ ...required, metaSchema: { type: 'array', items: { type: 'string' } } });
}

const require = createRequire(import.meta.url);

const sinceDraft6 = ['const', 'contains', 'propertyNames'];
const sinceDraft7 = ['if', 'then', 'else'];

/** Up to draft 7 nothing counts beside `$ref`. */
const olderOptions: Options = { ...options, ignoreKeywordsWithRef: true };

const makers: Readonly<Record<Draft, (allErrors: boolean) => AnyAjv>> = {
  'draft-04': (allErrors) => {
    const ajv = new draft04.default({ ...olderOptions, allErrors });
    for (const keyword of [...sinceDraft6, ...sinceDraft7]) ajv.removeKeyword(keyword);
    return ajv;
  },
  'draft-06': (allErrors) => {
    const ajv = new Ajv({ ...olderOptions, allErrors });
    for (const keyword of sinceDraft7) ajv.removeKeyword(keyword);
    // Ajv ships the meta-schema as a file of its own; Node 20 warns of imported JSON.
    const meta: AnySchemaObject = require('ajv/dist/refs/json-schema-draft-06.json');
    return ajv.addMetaSchema(meta, undefined, false);
  },
  'draft-07': (allErrors) => new Ajv({ ...olderOptions, allErrors }),
  '2019-09': (allErrors) => new Ajv2019({ ...options, allErrors }),
  '2020-12': (allErrors) => new Ajv2020({ ...options, allErrors }),
};

const drafts: Readonly<Record<string, Draft>> = {
  'json-schema.org/draft-04/schema': 'draft-04',
  'json-schema.org/draft-06/schema': 'draft-06',
  'json-schema.org/draft-07/schema': 'draft-07',
  'json-schema.org/draft/2019-09/schema': '2019-09',
  'json-schema.org/draft/2020-12/schema': '2020-12',
};

const olderDrafts: ReadonlySet<Draft> = new Set(['draft-04', 'draft-06', 'draft-07']);

/** Undefined when the schema names none. @throws SchemaUnusableError for one that cannot be used. */
function draftOf(schema: JsonSchema): Draft | undefined {
  const named: unknown = typeof schema === 'object' ? schema['$schema'] : undefined;
  if (named === undefined) return undefined;
  const key = shown(named)
    .replace(/^https?:\/\//, '')
    .replace(/#$/, '');
  if (Object.hasOwn(drafts, key)) return drafts[key];
  throw new SchemaUnusableError('the $schema of the JSON Schema is not a known draft');
}

function validator(draft: Draft, root: JsonSchema, source: SchemaSource, allErrors: boolean): ValidateFunction {
  const ajv = makers[draft](allErrors);
  adaptKeywords(ajv);
  formatsPlugin.default(ajv, { mode: 'full' });
  addReferences(ajv, draft, root, source);
  const validate = ajv.compile(withoutTypesBesideRef(root, draft));
  // Such a validator would give a promise, which always counts as true.
  if ('$async' in validate) throw new SchemaUnusableError('$async is not a keyword of JSON Schema');
  return validate;
}

/** Ajv looks at `type` even where it ignores what stands beside `$ref`. */
function withoutTypesBesideRef(schema: JsonSchema, draft: Draft): JsonSchema {
  if (typeof schema === 'boolean' || !olderDrafts.has(draft)) return schema;
  return JSON.parse(JSON.stringify(schema), (_key, value: unknown) => {
    if (!isRecord(value) || typeof value['$ref'] !== 'string') return value;
    const { type: _type, ...rest } = value;
    return rest;
  });
}

/** A reference's name is how `$ref` names it: as it stands, or relative to the `$id` of the schema that refers. */
function addReferences(ajv: AnyAjv, draft: Draft, root: JsonSchema, { references }: SchemaSource): void {
  const schemas = references.map(({ name, text }) => ({ name, schema: parseSchema(text, `the reference '${name}'`) }));
  const ids = [root, ...schemas.map(({ schema }) => schema)].flatMap((schema) => idOf(schema, draft) ?? []);
  const taken = new Set(ids);
  for (const { name, schema } of schemas) {
    if ((draftOf(schema) ?? draft) !== draft) {
      throw new SchemaUnusableError(`the reference '${name}' is of another draft than the schema`);
    }
    const cleaned = withoutTypesBesideRef(schema, draft);
    if (idOf(schema, draft) !== undefined) ajv.addSchema(cleaned);
    const relative = ids.filter((id) => URL.canParse(name, id)).map((id) => new URL(name, id).href);
    for (const alias of [name, ...relative].map(withoutHash)) {
      if (taken.has(alias)) continue;
      taken.add(alias);
      ajv.addSchema(cleaned, alias);
    }
  }
}

function parseSchema(text: string, what: string): JsonSchema {
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch (error) {
    throw new SchemaUnusableError(`${what} is not JSON`, error);
  }
  if (typeof schema === 'boolean' || (typeof schema === 'object' && schema !== null && !Array.isArray(schema))) {
    return schema;
  }
  throw new SchemaUnusableError(`${what} is neither an object nor a boolean`);
}

function idOf(schema: JsonSchema, draft: Draft): string | undefined {
  const id: unknown = typeof schema === 'object' ? schema[draft === 'draft-04' ? 'id' : '$id'] : undefined;
  return typeof id === 'string' ? withoutHash(id) : undefined;
}

function withoutHash(id: string): string {
  return id.replace(/#$/, '');
}

/** Whether strings (and null) are all that the schema takes, as far as its root says so. */
function isStringSchema(schema: JsonSchema): boolean {
  if (typeof schema !== 'object') return false;
  const type: unknown = schema['type'];
  const values: unknown = schema['enum'] ?? ('const' in schema ? [schema['const']] : undefined);
  if (type === undefined) return Array.isArray(values) && values.every((value) => typeof value === 'string');
  const types: readonly unknown[] = Array.isArray(type) ? type : [type];
  return types.includes('string') && types.every((name) => name === 'string' || name === 'null');
}
