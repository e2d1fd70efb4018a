import { isRecord } from '../../../../shared/schema/is-record.ts';
import { allOfChecks, countOf, faulty, namesOf, patternOf, requiredCheck, whereMember } from './assertions.ts';
import { isSchema, type Dialect, type JsonSchema, type JsonSchemaObject } from './dialect.ts';
import { Seen, type Check, type SchemaNode } from './evaluation.ts';

/** How a schema is applied: to the same value in any case, perhaps to the same value, or to a part of it. */
export type Application = 'same' | 'perhaps' | 'part';

export interface ApplicatorContext {
  readonly dialect: Dialect;
  /** Some schema asks for what others have seen: branches may then not be left out. */
  readonly tracks: boolean;
  /** Returns the node of a schema within this one. */
  node(schema: JsonSchema, application: Application): SchemaNode;
}

export type Applicator = (value: unknown, schema: JsonSchemaObject, context: ApplicatorContext) => Check | undefined;

/** Keywords that hold schemas, in the order in which their faults are told; those of `unevaluated.ts` come last. */
export const applicators: readonly (readonly [keyword: string, applicator: Applicator])[] = [
  ['properties', properties],
  ['patternProperties', patternProperties],
  ['additionalProperties', additionalProperties],
  ['propertyNames', propertyNames],
  ['prefixItems', (value, _schema, context) => tuple('prefixItems', value, context)],
  ['items', items],
  ['additionalItems', additionalItems],
  ['contains', contains],
  ['dependencies', dependencies],
  ['dependentSchemas', dependentSchemas],
  ['allOf', allOf],
  ['anyOf', anyOf],
  ['oneOf', oneOf],
  ['not', not],
  ['if', condition],
];

/** Returns the node of the schema that a keyword holds. */
export function one(keyword: string, value: unknown, context: ApplicatorContext, application: Application): SchemaNode {
  if (!isSchema(value)) throw faulty(keyword);
  return context.node(value, application);
}

function list(keyword: string, value: unknown, context: ApplicatorContext, application: Application): SchemaNode[] {
  if (!Array.isArray(value) || value.length === 0) throw faulty(keyword);
  return value.map((schema: unknown) => one(keyword, schema, context, application));
}

function map(keyword: string, value: unknown, context: ApplicatorContext): [name: string, node: SchemaNode][] {
  if (!isRecord(value)) throw faulty(keyword);
  return Object.entries(value).map(([name, schema]) => [name, one(keyword, schema, context, 'part')]);
}

function properties(value: unknown, _schema: JsonSchemaObject, context: ApplicatorContext): Check {
  const entries = map('properties', value, context);
  const nodes = new Map(entries);
  return (object, place, evaluation, seen) => {
    if (!isRecord(object)) return true;
    let isValid = true;
    for (const name of Object.keys(object)) {
      const node = nodes.get(name);
      if (node === undefined) continue;
      if (!evaluation.child(node, object[name], place, name)) isValid = false;
      if (context.tracks) seen.addProperty(name);
      if (!isValid && evaluation.isSilent) break;
    }
    return isValid;
  };
}

function patternProperties(value: unknown, _schema: JsonSchemaObject, context: ApplicatorContext): Check {
  const entries = map('patternProperties', value, context).map(([pattern, node]) => ({
    pattern: patternOf(pattern),
    node,
  }));
  return (object, place, evaluation, seen) => {
    if (!isRecord(object)) return true;
    let isValid = true;
    for (const name of Object.keys(object)) {
      for (const { pattern, node } of entries) {
        if (!pattern.test(name)) continue;
        if (!evaluation.child(node, object[name], place, name)) isValid = false;
        if (context.tracks) seen.addProperty(name);
      }
    }
    return isValid;
  };
}

export const noSuchProperty = { expected: 'no such property', message: 'must not be there' };

function additionalProperties(value: unknown, schema: JsonSchemaObject, context: ApplicatorContext): Check {
  const node = one('additionalProperties', value, context, 'part');
  const { properties: known, patternProperties: patterns } = schema;
  const names = new Set(isRecord(known) && context.dialect.keywords.has('properties') ? Object.keys(known) : []);
  const tests = (isRecord(patterns) ? Object.keys(patterns) : []).map(patternOf);
  return (object, place, evaluation, seen) => {
    if (!isRecord(object)) return true;
    let isValid = true;
    for (const name of Object.keys(object)) {
      if (names.has(name) || tests.some((pattern) => pattern.test(name))) continue;
      if (value === false) {
        isValid = evaluation.fault({ outer: place, key: name }, { rule: 'additionalProperties', ...noSuchProperty });
      } else if (!evaluation.child(node, object[name], place, name)) isValid = false;
      if (context.tracks) seen.addProperty(name);
    }
    return isValid;
  };
}

function propertyNames(value: unknown, _schema: JsonSchemaObject, context: ApplicatorContext): Check {
  const node = one('propertyNames', value, context, 'part');
  const misfit = { rule: 'propertyNames', expected: 'propertyNames', message: 'must have a name that fits' };
  return (object, place, evaluation) => {
    if (!isRecord(object)) return true;
    let isValid = true;
    for (const name of Object.keys(object)) {
      if (evaluation.child(node, name, place, name)) continue;
      isValid = evaluation.fault({ outer: place, key: name }, misfit);
    }
    return isValid;
  };
}

function items(value: unknown, schema: JsonSchemaObject, context: ApplicatorContext): Check {
  if (Array.isArray(value) && context.dialect.draft !== '2020-12') return tuple('items', value, context);
  const { prefixItems } = schema;
  const before = Array.isArray(prefixItems) && context.dialect.keywords.has('prefixItems') ? prefixItems.length : 0;
  return rest('items', before, value, context);
}

function additionalItems(value: unknown, schema: JsonSchemaObject, context: ApplicatorContext): Check | undefined {
  const { items: before } = schema;
  return Array.isArray(before) ? rest('additionalItems', before.length, value, context) : undefined;
}

function tuple(keyword: string, value: unknown, context: ApplicatorContext): Check {
  if (!Array.isArray(value)) throw faulty(keyword);
  const nodes = value.map((schema: unknown) => one(keyword, schema, context, 'part'));
  return (array, place, evaluation, seen) => {
    if (!Array.isArray(array)) return true;
    let isValid = true;
    for (const [index, node] of nodes.entries()) {
      if (index < array.length && !evaluation.child(node, array[index], place, index)) isValid = false;
    }
    if (context.tracks) seen.addItemsBelow(nodes.length);
    return isValid;
  };
}

/** All items from a position on. */
function rest(rule: string, from: number, value: unknown, context: ApplicatorContext): Check {
  const node = one(rule, value, context, 'part');
  const misfit = { rule, expected: `${rule} ${from}`, message: `must have at most ${from} items` };
  return (array, place, evaluation, seen) => {
    if (!Array.isArray(array) || array.length <= from) return true;
    if (value === false) return evaluation.fault(place, misfit);
    let isValid = true;
    for (let index = from; index < array.length; index++) {
      if (!evaluation.child(node, array[index], place, index)) isValid = false;
      if (!isValid && evaluation.isSilent) break;
    }
    if (context.tracks) seen.addItemsBelow(array.length);
    return isValid;
  };
}

function contains(value: unknown, schema: JsonSchemaObject, context: ApplicatorContext): Check {
  const node = one('contains', value, context, 'part');
  const { keywords, draft } = context.dialect;
  const limitOf = (keyword: string, absent: number): number =>
    keywords.has(keyword) && schema[keyword] !== undefined ? countOf(keyword, schema[keyword]) : absent;
  const [min, max] = [limitOf('minContains', 1), limitOf('maxContains', Number.POSITIVE_INFINITY)];
  const range = max === Number.POSITIVE_INFINITY ? `at least ${min}` : `${min} to ${max}`;
  const misfit = { rule: 'contains', expected: `${range} such items`, message: `must contain ${range} items that fit` };
  return (array, place, evaluation, seen) => {
    if (!Array.isArray(array)) return true;
    const forget = evaluation.mark();
    let found = 0;
    for (const [index, item] of array.entries()) {
      if (!evaluation.child(node, item, place, index)) continue;
      found++;
      if (draft === '2020-12') seen.addItem(index);
    }
    if (found >= min) forget();
    return (found >= min && found <= max) || evaluation.fault(place, misfit);
  };
}

function dependencies(value: unknown, _schema: JsonSchemaObject, context: ApplicatorContext): Check {
  if (!isRecord(value)) throw faulty('dependencies');
  const checks = Object.entries(value).map(([name, dependency]) =>
    Array.isArray(dependency)
      ? whereMember(name, requiredCheck('dependencies', namesOf('dependencies', dependency)))
      : dependentSchema('dependencies', name, dependency, context),
  );
  return allOfChecks(checks);
}

function dependentSchemas(value: unknown, _schema: JsonSchemaObject, context: ApplicatorContext): Check {
  if (!isRecord(value)) throw faulty('dependentSchemas');
  const entries = Object.entries(value);
  return allOfChecks(entries.map(([name, schema]) => dependentSchema('dependentSchemas', name, schema, context)));
}

function dependentSchema(keyword: string, name: string, schema: unknown, context: ApplicatorContext): Check {
  return whereMember(name, inPlace(one(keyword, schema, context, 'perhaps')));
}

/** Judges the same value by another schema too. */
export function inPlace(node: SchemaNode): Check {
  return (value, place, evaluation, seen) => evaluation.judge(node, value, place, seen);
}

function allOf(value: unknown, _schema: JsonSchemaObject, context: ApplicatorContext): Check {
  return allOfChecks(list('allOf', value, context, 'same').map(inPlace));
}

function anyOf(value: unknown, _schema: JsonSchemaObject, context: ApplicatorContext): Check {
  const nodes = list('anyOf', value, context, 'perhaps');
  const misfit = { rule: 'anyOf', expected: 'anyOf', message: 'must fit at least one of the schemas' };
  return (item, place, evaluation, seen) => {
    const forget = evaluation.mark();
    let isValid = false;
    for (const node of nodes) {
      const own = new Seen();
      if (!evaluation.judge(node, item, place, own)) continue;
      isValid = true;
      seen.addAll(own);
      if (!context.tracks) break;
    }
    if (isValid) forget();
    return isValid || evaluation.fault(place, misfit);
  };
}

function oneOf(value: unknown, _schema: JsonSchemaObject, context: ApplicatorContext): Check {
  const nodes = list('oneOf', value, context, 'perhaps');
  const none = { rule: 'oneOf', expected: 'oneOf', message: 'must fit one of the schemas' };
  return (item, place, evaluation, seen) => {
    const forget = evaluation.mark();
    const fitting: number[] = [];
    for (const [index, node] of nodes.entries()) {
      const own = new Seen();
      if (!evaluation.judge(node, item, place, own)) continue;
      if (fitting.push(index) > 1) break;
      seen.addAll(own);
    }
    if (fitting.length === 0) return evaluation.fault(place, none);
    forget();
    const message = `must fit one of the schemas, but fits number ${fitting[0]} and ${fitting[1]} (from 0)`;
    return fitting.length === 1 || evaluation.fault(place, { ...none, message });
  };
}

function not(value: unknown, _schema: JsonSchemaObject, context: ApplicatorContext): Check {
  const node = one('not', value, context, 'perhaps');
  const misfit = { rule: 'not', expected: 'not', message: 'must not fit the schema' };
  return (item, place, evaluation) =>
    !evaluation.silently(() => evaluation.judge(node, item, place, new Seen())) || evaluation.fault(place, misfit);
}

function condition(value: unknown, schema: JsonSchemaObject, context: ApplicatorContext): Check {
  const test = one('if', value, context, 'perhaps');
  const branch = (keyword: 'then' | 'else'): SchemaNode | undefined =>
    schema[keyword] === undefined || !context.dialect.keywords.has(keyword)
      ? undefined
      : one(keyword, schema[keyword], context, 'perhaps');
  const [yes, no] = [branch('then'), branch('else')];
  const misfits = {
    yes: { rule: 'if', expected: 'if', message: 'must fit the schema of "then"' },
    no: { rule: 'if', expected: 'if', message: 'must fit the schema of "else"' },
  };
  return (item, place, evaluation, seen) => {
    const own = new Seen();
    const fits = evaluation.silently(() => evaluation.judge(test, item, place, own));
    if (fits) seen.addAll(own);
    const node = fits ? yes : no;
    if (node === undefined || evaluation.judge(node, item, place, seen)) return true;
    return evaluation.fault(place, fits ? misfits.yes : misfits.no);
  };
}
