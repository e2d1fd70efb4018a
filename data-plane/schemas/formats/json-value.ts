import { RequestError } from '../../../shared/errors.ts';
import { isNestedTooDeeply, jsonNestingMax } from '../../../shared/json-nesting.ts';
import { NumberText, parseExactJson } from './exact-json.ts';

/** Whether a value is a JSON object (as the parsers make them). */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof NumberText);
}

/** The value's own property: a field named like something every object inherits (`constructor`) must not find that. */
export function ownValue(value: Readonly<Record<string, unknown>>, name: string): unknown {
  const item = value[name];
  return typeof item === 'function' || item === Object.prototype ? undefined : item;
}

/** Parses the text of a value. @throws RequestError BODY_INVALID. */
export function parseJsonText(jsonText: string): unknown {
  return parseBy(JSON.parse, jsonText);
}

/** Likewise, with numbers that a double might round as `NumberText`. Many times slower, and not nested deeply. */
export function parseJsonTextExactly(jsonText: string): unknown {
  refuseDeepNesting(jsonText);
  return parseBy(parseExactJson, jsonText);
}

/** For text that code which calls itself will walk. @throws RequestError BODY_INVALID. */
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
