import { RequestError } from '../../shared/errors.ts';
import type { CompiledSchema } from './formats/format.ts';

/**
 * Encodes a record key, which comes as text (a header, a query parameter, a number's digits). A schema that takes
 * strings only gets the text as a string: `5` is then "5". Any other schema gets it as JSON, so that `5` is a number,
 * and as a string where it is not JSON. With `isJson` it is JSON for every schema: an object of the body.
 * @throws RequestError SCHEMA_VALIDATION_FAILED, KEY_INVALID.
 */
export function encodeKey(schema: CompiledSchema, text: string, prefix: Buffer, isJson = false): Buffer {
  const jsonText = isJson || (!schema.textIsString && holdsJson(text)) ? text : JSON.stringify(text);
  try {
    return schema.encode(jsonText, prefix);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    const { code, details = [], detailsTotal = details.length } = error;
    // The pointers are those of the key.
    if (code === 'SCHEMA_VALIDATION_FAILED') {
      throw new RequestError(code, 'The record key does not fit its schema.', { details, detailsTotal, cause: error });
    }
    if (code !== 'BODY_INVALID') throw error;
    throw new RequestError('KEY_INVALID', 'The record key cannot be read.', { cause: error });
  }
}

function holdsJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    // Not JSON: then it is a string.
    return false;
  }
}
