import { RequestError } from '../../../shared/errors.ts';
import { isNestedTooDeeply } from '../../../shared/json-nesting.ts';
import { schemaError } from '../schema-error.ts';
import {
  compileTimeoutMs,
  schemaBounds,
  SchemaUnusableError,
  type CompiledSchema,
  type Format,
  type FormatOptions,
  type SchemaSource,
} from './format.ts';
import { parseJsonText, refuseDeepNesting } from './json-value.ts';
import { compileAjv } from './json-schema/ajv-schema.ts';
import { traitsOf } from './json-schema/ajv-misjudges.ts';
import { compileConforming, type ConformingSchema } from './json-schema/conforming-schema.ts';
import {
  defaultDraft,
  dialectOf,
  dialectOfMetaSchema,
  draftNamed,
  isSchema,
  type Dialect,
  type JsonSchema,
} from './json-schema/dialect.ts';
import type { SchemaDocument } from './json-schema/schema-resources.ts';
import { runAtOnce, runInSlices, StepsTooSlowError, type Steps } from './steps.ts';

/** Schemas of at most this many characters are compiled at once, others in slices. */
const atOnceTextMax = 8 * 1024;
/** Ajv compiles schemas of at most so many subschemas, and branches side by side: they take it less than 20 ms. */
const ajvSubschemasMax = 100;
const ajvBranchesMax = 20;
const ajvTextMax = 32 * 1024;

/**
 * JSON Schema of the drafts 4, 6, 7, 2019-09 and 2020-12, chosen by `$schema`; without one, or with one that names no
 * known draft, it is draft 7, as for Confluent's own serializers. The payload is the text as it came: validation changes
 * nothing, and numbers keep their digits.
 *
 * Ordinary schemas are compiled by Ajv, which says whether a value fits. The conforming judge tells the faults of those
 * that do not, and judges alone where Ajv judges wrongly (`ajv-misjudges.ts`), cannot compile, or would hold up the
 * process: large schemas, and those that lead back to themselves in several ways.
 */
export const jsonSchemaFormat = {
  type: 'JSON',
  compile(source: SchemaSource, _options?: FormatOptions): CompiledSchema | Promise<CompiledSchema> {
    const length = source.references.reduce((sum, { text }) => sum + text.length, source.text.length);
    if (length > schemaBounds.text) {
      throw new SchemaUnusableError(`the JSON Schema is longer than ${schemaBounds.text} characters`);
    }
    const steps = compileSteps(source, length);
    if (length <= atOnceTextMax) return runAtOnce(steps);
    return runInSlices(steps, compileTimeoutMs).catch((error: unknown) => {
      if (!(error instanceof StepsTooSlowError)) throw error;
      throw new SchemaUnusableError(`the JSON Schema does not compile: ${error.message}`, error, false);
    });
  },
} as const satisfies Format;

function* compileSteps(source: SchemaSource, length: number): Steps<CompiledSchema> {
  const root = parseSchema(source.text, 'the JSON Schema');
  const documents: SchemaDocument[] = [{ name: undefined, schema: root }];
  for (const { name, text } of source.references) {
    yield;
    documents.push({ name, schema: parseSchema(text, `the reference '${name}'`) });
  }
  const schemas = documents.map(({ schema }) => schema);
  const { ajvMisjudges, tracks } = yield* traitsOf(schemas);
  const { dialect, isPlain } = dialectFor(documents);
  const conforming = yield* compileConforming(documents, dialect, tracks);
  yield;
  const isOrdinary =
    isPlain && !ajvMisjudges && length <= ajvTextMax && isCheapForAjv(conforming) && areAlike(schemas, dialect);
  const fits = isOrdinary ? tryAjv(documents, dialect) : undefined;
  return { textIsString: isStringSchema(root), encode: (text, prefix) => encode({ fits, conforming }, text, prefix) };
}

interface Judges {
  /** Ajv's quick answer; undefined where it is not asked. */
  readonly fits: ((value: unknown) => boolean) | undefined;
  readonly conforming: ConformingSchema;
}

function encode({ fits, conforming }: Judges, jsonText: string, prefix: Buffer): Buffer {
  refuseDeepNesting(jsonText);
  const value = parseJsonText(jsonText);
  try {
    if (fits?.(value) !== true) refuseMisfit(conforming, value);
  } catch (error) {
    throw judgingError(error);
  }
  const framed = Buffer.allocUnsafe(prefix.length + Buffer.byteLength(jsonText));
  prefix.copy(framed);
  framed.write(jsonText, prefix.length);
  return framed;
}

function refuseMisfit(conforming: ConformingSchema, value: unknown): void {
  const faults = conforming.faultsOf(value);
  if (faults !== undefined) throw faults.refusal();
}

/** A schema can lead back to itself for some values only, and a value can nest deeper than the stack has room for it. */
function judgingError(error: unknown): unknown {
  if (error instanceof SchemaUnusableError) return schemaError('SCHEMA_UNUSABLE', error.message, error);
  if (!(error instanceof RangeError)) return error;
  return new RequestError('BODY_INVALID', 'The body is nested too deeply for its schema.', { cause: error });
}

function isCheapForAjv({ shape }: ConformingSchema): boolean {
  const { size, branchesMax, branchesInCircle, mayBeEndless } = shape;
  return size <= ajvSubschemasMax && branchesMax <= ajvBranchesMax && !branchesInCircle && !mayBeEndless;
}

/** Returns true when no document names another draft than the first: Ajv reads all of them by one. */
function areAlike(schemas: readonly JsonSchema[], { draft }: Dialect): boolean {
  return schemas.every((schema) => {
    const uri: unknown = typeof schema === 'object' ? schema['$schema'] : undefined;
    return uri === undefined || (draftNamed(uri) ?? defaultDraft) === draft;
  });
}

/** Returns undefined where Ajv cannot compile what the conforming judge could. */
function tryAjv(documents: readonly SchemaDocument[], { draft }: Dialect): Judges['fits'] {
  try {
    return compileAjv(documents, draft);
  } catch {
    return undefined;
  }
}

/** Chooses the dialect by the first document's `$schema`; `isPlain`: it is one of the drafts. */
function dialectFor(documents: readonly SchemaDocument[]): { readonly dialect: Dialect; readonly isPlain: boolean } {
  const [root] = documents;
  const uri: unknown = typeof root?.schema === 'object' ? root.schema['$schema'] : undefined;
  const draft = draftNamed(uri);
  if (draft !== undefined) return { dialect: dialectOf(draft), isPlain: true };
  const metaSchema = documents.find(
    ({ name, schema }) => name === uri || (typeof schema === 'object' && schema['$id'] === uri && uri !== undefined),
  );
  const own = metaSchema === undefined || metaSchema === root ? undefined : dialectOfMetaSchema(metaSchema.schema);
  return own === undefined ? { dialect: dialectOf(defaultDraft), isPlain: true } : { dialect: own, isPlain: false };
}

function parseSchema(text: string, what: string): JsonSchema {
  if (isNestedTooDeeply(text)) throw new SchemaUnusableError(`${what} is nested too deeply`);
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch (error) {
    throw new SchemaUnusableError(`${what} is not JSON`, error);
  }
  if (isSchema(schema)) return schema;
  throw new SchemaUnusableError(`${what} is neither an object nor a boolean`);
}

/** Returns true when strings (and null) are all that the schema takes, as far as its root says so. */
function isStringSchema(schema: JsonSchema): boolean {
  if (typeof schema !== 'object') return false;
  const type: unknown = schema['type'];
  const values: unknown = schema['enum'] ?? ('const' in schema ? [schema['const']] : undefined);
  if (type === undefined) return Array.isArray(values) && values.every((value) => typeof value === 'string');
  const types: readonly unknown[] = Array.isArray(type) ? type : [type];
  return types.includes('string') && types.every((name) => name === 'string' || name === 'null');
}
