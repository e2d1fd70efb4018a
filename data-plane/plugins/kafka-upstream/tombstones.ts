import { RequestError } from '../../../shared/errors.ts';
import type { KafkaUpstreamConfig } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import { type BodyJson, compilePointer } from './body-json.ts';
import { bodyKind } from './media-type.ts';

/** Says whether the record of a request gets a null value. The body's content encoding is undone before. */
export type IsTombstone = (
  request: Pick<Exchange, 'protocol' | 'headers'>,
  body: Buffer,
  json: BodyJson | null,
) => boolean;

/** The longest JSON null that is looked for: white space beyond this is data. */
const nullBytesMax = 1024;

/**
 * Compiles which bodies make a record with a null value: an empty one, JSON null, and one with null at value_from. A body is JSON by its media type,
 * and with `takesJson` (a value schema, an element) unless it is a form. A gRPC message never is one: no bytes are a message. Null where the
 * configuration wants no tombstones.
 */
export function compileIsTombstone(config: KafkaUpstreamConfig, takesJson: boolean): IsTombstone | null {
  // In another encoding than JSON no bytes are a message too.
  if (!config.tombstones || config.body_encoding !== 'json') return null;
  const partOf = config.value_from === null ? null : compilePointer(config.value_from.body_pointer);
  return ({ protocol, headers }, body, json) => {
    if (protocol === 'grpc' || protocol === 'grpcs') return false;
    if (body.length === 0) return true;
    if (partOf?.(json)?.value === null) return true;
    if (body.length > nullBytesMax) return false;
    const kind = bodyKind(headers.get('content-type'));
    const isJson = kind === 'json' || (takesJson && kind !== 'form' && kind !== 'multipart');
    return isJson && /^\ufeff?[ \t\r\n]*null[ \t\r\n]*$/.test(body.toString('utf8'));
  };
}

/** Returns the error for a null value without a key, which says nothing of any key. */
export function noKeyOfTombstone(): RequestError {
  return new RequestError('KEY_INVALID', 'A record with a null value needs a key, and the request has none.');
}
