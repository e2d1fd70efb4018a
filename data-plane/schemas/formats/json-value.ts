import { RequestError } from '../../../shared/errors.ts';
import { isNestedTooDeeply, jsonNestingMax } from '../../../shared/json-nesting.ts';
import { NumberText, parseExactJson } from './exact-json.ts';

/** Returns true for a JSON object, as the parsers make it. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof NumberText);
}

/** Returns the value's own property: a field named `constructor` must not find what every object inherits. */
export function ownValue(value: Readonly<Record<string, unknown>>, name: string): unknown {
  const item = value[name];
  return typeof item === 'function' || item === Object.prototype ? undefined : item;
}

/** Parses the text of a value. @throws RequestError BODY_INVALID. */
export function parseJsonText(jsonText: string): unknown {
  return parseBy(JSON.parse, jsonText);
}

/** Parses the text of a value; numbers that a double might round become `NumberText`. It is many times slower. */
export function parseJsonTextExactly(jsonText: string): unknown {
  refuseDeepNesting(jsonText);
  return parseBy(parseExactJson, jsonText);
}

/** Refuses text that recursive code could not walk. @throws RequestError BODY_INVALID */
export function refuseDeepNesting(jsonText: string): void {
  if (!isNestedTooDeeply(jsonText)) return;
  throw new RequestError('BODY_INVALID', `The body is nested deeper than ${jsonNestingMax}.`);
}

function parseBy(parser: (jsonText: string) => unknown, jsonText: string): unknown {
  try {
    return parser(jsonText);
  } catch (error) {
    throw new RequestError('BODY_INVALID', 'The body is not valid JSON.', { cause: error });
  }
}
