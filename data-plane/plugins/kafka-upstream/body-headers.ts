import { RequestError } from '../../../shared/errors.ts';
import type { RecordHeader } from '../../kafka/kafka-client.ts';
import { type BodyJson, compilePointer, kindOf } from './body-json.ts';

/** Headers of one record that come from the body. */
const bodyHeadersMax = 1_000;

/**
 * Compiles the record headers that stand in the body as an object of strings. An absent object, and null, are no headers.
 * The function throws RequestError BODY_INVALID.
 */
export function compileBodyHeaders(pointer: string): (json: BodyJson | null) => readonly RecordHeader[] {
  const partOf = compilePointer(pointer);
  return (json) => {
    const value = partOf(json)?.value ?? null;
    if (value === null) return [];
    if (typeof value !== 'object' || Array.isArray(value)) {
      throw invalid(`must be an object of strings, but the body holds ${kindOf(value)}`);
    }
    const members = Object.entries(value);
    if (members.length > bodyHeadersMax) throw invalid(`are more than ${bodyHeadersMax}`);
    return members.map(([name, text]: [string, unknown]) => {
      if (typeof text !== 'string') throw invalid(`must be strings, but the body holds ${kindOf(text)}`);
      return { name, value: text };
    });
  };
}

function invalid(reason: string): RequestError {
  return new RequestError('BODY_INVALID', `The record headers ${reason}.`);
}
