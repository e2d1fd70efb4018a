import { isRecord } from '../../../../shared/schema/is-record.ts';
import { SchemaUnusableError } from '../format.ts';
import { linearPattern } from '../linear-pattern.ts';
import type { Dialect, JsonSchemaObject } from './dialect.ts';
import { equalItems, equalTo } from './equality.ts';
import type { Check } from './evaluation.ts';
import { formatTest } from './format-test.ts';
import { multipleOf } from './multiple-of.ts';
import { cutText, jsonShown } from '../fault-text.ts';

/** Compiles the value of a keyword that looks at the value alone; undefined where it asks for nothing. */
export type Assertion = (value: unknown, schema: JsonSchemaObject, dialect: Dialect) => Check | undefined;

/** Keywords that hold no schemas, in the order in which their faults are told. */
export const assertions: Readonly<Record<string, Assertion>> = {
  type: (value) => typeCheck(value),
  const: (value) => {
    const misfit = { rule: 'const', expected: jsonShown(value), message: 'must be equal to the constant' };
    const isAllowed = equalTo([value]);
    return (item, place, evaluation) => isAllowed(item) || evaluation.fault(place, misfit);
  },
  enum: (value) => {
    if (!Array.isArray(value) || value.length === 0) throw faulty('enum');
    const expected = cutText(`one of ${jsonShown(value)}`);
    const misfit = { rule: 'enum', expected, message: 'must be equal to one of the allowed values' };
    const isAllowed = equalTo(value);
    return (item, place, evaluation) => isAllowed(item) || evaluation.fault(place, misfit);
  },
  multipleOf: (value) => {
    const divisor = numberOf('multipleOf', value);
    if (divisor <= 0) throw faulty('multipleOf');
    const isMultiple = multipleOf(divisor);
    return ofNumber('multipleOf', `multipleOf ${divisor}`, `must be a multiple of ${divisor}`, isMultiple);
  },
  minimum: (value, schema, dialect) => limitCheck('minimum', value, schema, dialect),
  maximum: (value, schema, dialect) => limitCheck('maximum', value, schema, dialect),
  exclusiveMinimum: (value, _schema, { draft }) => {
    if (draft === 'draft-04') return booleanOnly('exclusiveMinimum', value);
    const limit = numberOf('exclusiveMinimum', value);
    return ofNumber('exclusiveMinimum', `> ${limit}`, `must be > ${limit}`, (item) => item > limit);
  },
  exclusiveMaximum: (value, _schema, { draft }) => {
    if (draft === 'draft-04') return booleanOnly('exclusiveMaximum', value);
    const limit = numberOf('exclusiveMaximum', value);
    return ofNumber('exclusiveMaximum', `< ${limit}`, `must be < ${limit}`, (item) => item < limit);
  },
  minLength: (value) => {
    const limit = countOf('minLength', value);
    return ofString('minLength', limit, `must have at least ${limit} characters`, (text) => hasLength(text, limit));
  },
  maxLength: (value) => {
    const limit = countOf('maxLength', value);
    return ofString(
      'maxLength',
      limit,
      `must have at most ${limit} characters`,
      (text) => text.length <= limit || !hasLength(text, limit + 1),
    );
  },
  pattern: (value) => {
    if (typeof value !== 'string') throw faulty('pattern');
    const pattern = patternOf(value);
    return ofString('pattern', value, 'must match the pattern', (text) => pattern.test(text));
  },
  format: (value) => {
    if (typeof value !== 'string') return undefined;
    const test = formatTest(value);
    if (test === undefined) return undefined;
    const misfit = {
      rule: 'format',
      expected: cutText(`format ${value}`),
      message: cutText(`must match the format ${value}`),
    };
    return (item, place, evaluation) => test(item) || evaluation.fault(place, misfit);
  },
  minItems: (value) => {
    const limit = countOf('minItems', value);
    return ofArray('minItems', limit, `must have at least ${limit} items`, ({ length }) => length >= limit);
  },
  maxItems: (value) => {
    const limit = countOf('maxItems', value);
    return ofArray('maxItems', limit, `must have at most ${limit} items`, ({ length }) => length <= limit);
  },
  uniqueItems: (value) => {
    if (typeof value !== 'boolean') throw faulty('uniqueItems');
    if (!value) return undefined;
    return (items, place, evaluation) => {
      const equal = Array.isArray(items) ? equalItems(items) : undefined;
      if (equal === undefined) return true;
      const message = `must have each item once, but items ${equal[0]} and ${equal[1]} are equal`;
      return evaluation.fault(place, { rule: 'uniqueItems', expected: 'uniqueItems', message });
    };
  },
  minProperties: (value) => {
    const limit = countOf('minProperties', value);
    return ofObject('minProperties', limit, `must have at least ${limit} members`, (count) => count >= limit);
  },
  maxProperties: (value) => {
    const limit = countOf('maxProperties', value);
    return ofObject('maxProperties', limit, `must have at most ${limit} members`, (count) => count <= limit);
  },
  required: (value) => requiredCheck('required', namesOf('required', value)),
  dependentRequired: (value) => {
    if (!isRecord(value)) throw faulty('dependentRequired');
    return allOfChecks(
      Object.entries(value).map(([name, names]) =>
        whereMember(name, requiredCheck('dependentRequired', namesOf('dependentRequired', names))),
      ),
    );
  },
};

/** Makes a check that only looks at objects with a member of this name. */
export function whereMember(name: string, check: Check): Check {
  return (value, place, evaluation, seen) =>
    !isRecord(value) || !Object.hasOwn(value, name) || check(value, place, evaluation, seen);
}

export function allOfChecks(checks: readonly Check[]): Check {
  return (value, place, evaluation, seen) => {
    let isValid = true;
    for (const check of checks) if (!check(value, place, evaluation, seen)) isValid = false;
    return isValid;
  };
}

export function requiredCheck(rule: string, names: readonly string[]): Check {
  const misfit = { rule, expected: 'a value', message: 'must be there' };
  return (value, place, evaluation) => {
    if (!isRecord(value)) return true;
    let isValid = true;
    for (const name of names) {
      if (!Object.hasOwn(value, name)) isValid = evaluation.fault({ outer: place, key: name }, misfit);
    }
    return isValid;
  };
}

export function namesOf(keyword: string, value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw faulty(keyword);
  return value.map((name: unknown) => {
    if (typeof name !== 'string') throw faulty(keyword);
    return name;
  });
}

/** @throws SchemaUnusableError */
export function patternOf(pattern: string): { test(text: string): boolean } {
  try {
    return linearPattern(pattern, 'u');
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new SchemaUnusableError(`the JSON Schema is faulty: ${cutText(error.message)}`, error);
  }
}

export function countOf(keyword: string, value: unknown): number {
  const count = numberOf(keyword, value);
  if (!Number.isInteger(count) || count < 0) throw faulty(keyword);
  return count;
}

export function faulty(keyword: string): SchemaUnusableError {
  return new SchemaUnusableError(`the JSON Schema is faulty: the value of '${keyword}' is not one that it may have`);
}

function numberOf(keyword: string, value: unknown): number {
  if (typeof value !== 'number') throw faulty(keyword);
  return value;
}

/** Draft 4's exclusive limits are flags of the limits beside them. */
function booleanOnly(keyword: string, value: unknown): undefined {
  if (typeof value !== 'boolean') throw faulty(keyword);
}

function limitCheck(
  keyword: 'minimum' | 'maximum',
  value: unknown,
  schema: JsonSchemaObject,
  { draft }: Dialect,
): Check {
  const limit = numberOf(keyword, value);
  const isMinimum = keyword === 'minimum';
  const isExclusive = draft === 'draft-04' && schema[isMinimum ? 'exclusiveMinimum' : 'exclusiveMaximum'] === true;
  const expected = `${isMinimum ? '>' : '<'}${isExclusive ? '' : '='} ${limit}`;
  const fits = (item: number): boolean => (!isExclusive && item === limit) || (isMinimum ? item > limit : item < limit);
  return ofNumber(keyword, expected, `must be ${expected}`, fits);
}

const types: Readonly<Record<string, (value: unknown) => boolean>> = {
  null: (value) => value === null,
  boolean: (value) => typeof value === 'boolean',
  integer: (value) => Number.isInteger(value),
  number: (value) => typeof value === 'number',
  string: (value) => typeof value === 'string',
  array: (value) => Array.isArray(value),
  object: isRecord,
};

function typeCheck(value: unknown): Check {
  const names = Array.isArray(value) ? namesOf('type', value) : namesOf('type', [value]);
  if (names.length === 0) throw faulty('type');
  const tests = names.map((name) => {
    const test = Object.hasOwn(types, name) ? types[name] : undefined;
    if (test === undefined) throw faulty('type');
    return test;
  });
  const expected = Array.isArray(value) ? jsonShown(value) : names.join('');
  const misfit = { rule: 'type', expected, message: cutText(`must be ${names.join(' or ')}`) };
  return (item, place, evaluation) => tests.some((test) => test(item)) || evaluation.fault(place, misfit);
}

/** True when the text has at least so many characters: pairs of surrogates count as one. */
function hasLength(text: string, count: number): boolean {
  if (text.length < count) return false;
  if (text.length >= count * 2) return true;
  let found = 0;
  for (const _character of text) if (++found >= count) return true;
  return found >= count;
}

function ofNumber(rule: string, expected: string, message: string, fits: (value: number) => boolean): Check {
  const misfit = { rule, expected, message };
  return (value, place, evaluation) => typeof value !== 'number' || fits(value) || evaluation.fault(place, misfit);
}

function ofString(rule: string, limit: string | number, message: string, fits: (value: string) => boolean): Check {
  const misfit = { rule, expected: cutText(`${rule} ${limit}`), message };
  return (value, place, evaluation) => typeof value !== 'string' || fits(value) || evaluation.fault(place, misfit);
}

function ofArray(rule: string, limit: number, message: string, fits: (value: readonly unknown[]) => boolean): Check {
  const misfit = { rule, expected: `${rule} ${limit}`, message };
  return (value, place, evaluation) => !Array.isArray(value) || fits(value) || evaluation.fault(place, misfit);
}

function ofObject(rule: string, limit: number, message: string, fits: (members: number) => boolean): Check {
  const misfit = { rule, expected: `${rule} ${limit}`, message };
  return (value, place, evaluation) =>
    !isRecord(value) || fits(Object.keys(value).length) || evaluation.fault(place, misfit);
}
