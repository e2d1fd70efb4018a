import { RequestError } from '../../../../shared/errors.ts';
import type { KafkaUpstreamConfig } from '../../../../shared/plugin-schemas/kafka-upstream.ts';
import type { RecordHeader } from '../../../kafka/kafka-client.ts';
import type { HeaderList } from '../../../plugin-api/header-list.ts';
import { elementJson, parsedJson, readBodyJson } from '../body-json.ts';
import type { EventPart, RequestPart } from '../request-part.ts';
import { binaryEvent, hasEventHeaders } from './binary-event.ts';
import type { CloudEvent } from './cloud-event.ts';
import { structuredEvent } from './structured-event.ts';

const structuredType = 'application/cloudevents+json';
const batchType = 'application/cloudevents-batch+json';
const structuredContentType = 'application/cloudevents+json; charset=UTF-8';

export interface EventParts {
  /** Reads the one event of a request. @throws RequestError */
  readonly partOf: (headers: HeaderList, body: Buffer) => RequestPart;
  /** Reads an event of a batch. @throws RequestError */
  readonly elementOf: (bytes: Buffer) => RequestPart;
}

/**
 * Compiles how events become parts of records. JSON Pointers of the configuration lead into the event in the JSON format,
 * in whatever mode it came.
 */
export function compileEventParts(config: KafkaUpstreamConfig, needsJson: boolean): EventParts {
  const isStructured = config.cloudevents.mode === 'structured';
  const hasKey = config.key_query_arg !== null || config.key_from !== null;

  function part(event: CloudEvent, received: Buffer | null): RequestPart {
    const key = hasKey ? null : (event.attributes.get('partitionkey') ?? null);
    const needsText = needsJson || (isStructured && received === null);
    const text = needsText ? event.jsonText() : '';
    const json = needsJson ? parsedJson(text) : null;
    if (!isStructured) return { body: event.data ?? noBytes, json, event: binaryPart(event, key) };
    const headers = [{ name: 'content-type', value: structuredContentType }];
    return { body: received ?? Buffer.from(text), json, event: { headers, key, hasValue: true } };
  }

  return {
    partOf(headers, body) {
      const type = mediaType(headers);
      if (type === structuredType) return part(structuredEvent(bodyJson(headers, body)), body);
      if (type.startsWith('application/cloudevents')) {
        const message = `Events come in binary mode, as ${structuredType} or as ${batchType}.`;
        throw new RequestError('MEDIA_TYPE_UNSUPPORTED', message);
      }
      if (hasEventHeaders(headers)) return part(binaryEvent(headers, body), null);
      const message = `The request is no CloudEvent: it has neither ce- headers nor the media type ${structuredType}.`;
      throw new RequestError('BODY_INVALID', message);
    },
    elementOf: (bytes) => part(structuredEvent(elementJson(bytes)), bytes),
  };
}

/** Says whether the body of a request is a batch of events. */
export function isEventBatch(headers: HeaderList): boolean {
  return mediaType(headers) === batchType;
}

const noBytes = Buffer.alloc(0);

/** Returns the record headers of an event in the Kafka binding's binary mode. */
function binaryPart({ attributes, contentType, data }: CloudEvent, key: string | null): EventPart {
  const headers: RecordHeader[] = Array.from(attributes, ([name, value]) => ({ name: `ce_${name}`, value }));
  if (contentType !== null) headers.push({ name: 'content-type', value: contentType });
  return { headers, key, hasValue: data !== null };
}

function bodyJson(headers: HeaderList, body: Buffer): ReturnType<typeof elementJson> | null {
  const json = readBodyJson(headers, body);
  // Only multipart bodies are read later.
  if (json instanceof Promise) throw new Error('the body of a structured event is JSON');
  return json;
}

function mediaType(headers: HeaderList): string {
  const [type = ''] = (headers.get('content-type') ?? '').split(';', 1);
  return type.trim().toLowerCase();
}
