import { RequestError } from '../../../shared/errors.ts';
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

/** Likewise, with numbers that a double might round as `NumberText`. Many times slower. */
export function parseJsonTextExactly(jsonText: string): unknown {
  return parseBy(parseExactJson, jsonText);
}

function parseBy(parser: (jsonText: string) => unknown, jsonText: string): unknown {
  try {
    return parser(jsonText);
  } catch (error) {
    const reason = error instanceof RangeError ? 'is nested too deeply' : 'is not valid JSON';
    throw new RequestError('BODY_INVALID', `The body ${reason}.`, { cause: error });
  }
}
