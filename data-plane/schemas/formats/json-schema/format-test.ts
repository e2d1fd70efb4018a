import { fullFormats } from 'ajv-formats/dist/formats.js';
import { isRecord } from '../../../../shared/schema/is-record.ts';

export type FormatTest = (value: unknown) => boolean;

/** Returns the test of a format by its name; undefined for a name that is not known, which is then an annotation. */
export function formatTest(name: string): FormatTest | undefined {
  if (!Object.hasOwn(fullFormats, name)) return undefined;
  const format: unknown = Reflect.get(fullFormats, name);
  if (!isRecord(format) || format instanceof RegExp) return testOf(format, 'string');
  return testOf(format['validate'], format['type'] === 'number' ? 'number' : 'string');
}

/** Formats look at values of one type; all others fit. */
function testOf(format: unknown, type: 'string' | 'number'): FormatTest | undefined {
  if (format instanceof RegExp) return (value) => typeof value !== 'string' || format.test(value);
  if (typeof format !== 'function') return undefined;
  return (value) => typeof value !== type || Reflect.apply(format, undefined, [value]) === true;
}
