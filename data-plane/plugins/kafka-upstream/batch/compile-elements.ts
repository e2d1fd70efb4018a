import { RequestError } from '../../../../shared/errors.ts';
import type { KafkaUpstreamConfig } from '../../../../shared/plugin-schemas/kafka-upstream.ts';
import type { Exchange } from '../../../plugin-api/exchange.ts';
import { bodyKind } from '../media-type.ts';
import { arrayElements, lineElements, type Elements } from './elements.ts';

/** Finds the elements of a body. @throws RequestError MEDIA_TYPE_UNSUPPORTED, BODY_INVALID */
export type ElementsOf = (request: Pick<Exchange, 'protocol' | 'headers'>, body: Buffer) => Elements;

const lineTypes: ReadonlySet<string> = new Set(['application/x-ndjson', 'application/ndjson', 'application/jsonl']);

/** Compiles how a body is split into elements. A gRPC message is no body of several records, whatever it holds. */
export function compileElements(config: Pick<KafkaUpstreamConfig, 'records_from' | 'records_pointer'>): ElementsOf {
  if (config.records_from === 'ndjson') {
    return ({ protocol, headers }, body) => {
      const type = mediaType(headers.get('content-type'));
      if (isGrpc(protocol) || !lineTypes.has(type)) throw unsupported([...lineTypes].join(', '));
      return lineElements(body);
    };
  }
  const pointer = config.records_pointer;
  return ({ protocol, headers }, body) => {
    if (isGrpc(protocol) || bodyKind(headers.get('content-type')) !== 'json') {
      throw unsupported('application/json or a type that ends in +json');
    }
    return arrayElements(body, pointer);
  };
}

function mediaType(contentType = ''): string {
  const end = contentType.indexOf(';');
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}

function isGrpc(protocol: Exchange['protocol']): boolean {
  return protocol === 'grpc' || protocol === 'grpcs';
}

function unsupported(expected: string): RequestError {
  return new RequestError('MEDIA_TYPE_UNSUPPORTED', `The media type of the records must be ${expected}.`);
}
