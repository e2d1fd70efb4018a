import type { KafkaUpstreamConfig } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import {
  bodyMembers,
  compileEnvelope,
  formJson,
  multipartMembers,
  utf8Text,
  type EnvelopeRequest,
} from './envelope.ts';
import { bodyKind } from './media-type.ts';
import { parseMultipart } from './multipart.ts';
import { argsJson } from './query-args.ts';

/** The text of a value that is to be encoded with a schema, or the value's own bytes. */
export type ValueText = (request: EnvelopeRequest, body: Buffer) => string | Promise<string>;
export type ValueBytes = (request: EnvelopeRequest, body: Buffer) => Buffer | Promise<Buffer>;

/** The value as JSON text: the envelope, or the decoded body. The body's content encoding is undone before. */
export function compileValueText(config: KafkaUpstreamConfig): ValueText {
  if (config.record_value === 'body') return bodyText;
  const write = compileEnvelope(config);
  if (!config.forward_body) return (request) => write(request, '');
  return (request, body) => {
    const contentType = request.headers.get('content-type');
    const kind = bodyKind(contentType);
    if (kind !== 'multipart') return write(request, bodyMembers(kind, body));
    return parseMultipart(contentType ?? '', body).then((args) => write(request, multipartMembers(body, args)));
  };
}

/** The value without a schema: the envelope in UTF-8, or the body as it is. */
export function compileValueBytes(config: KafkaUpstreamConfig): ValueBytes {
  if (config.record_value === 'body') return (_request, body) => body;
  const text = compileValueText(config);
  return (request, body) => {
    const value = text(request, body);
    return typeof value === 'string' ? Buffer.from(value) : value.then((late) => Buffer.from(late));
  };
}

/** The body as the JSON text that a schema is asked about; forms count as their fields. */
function bodyText({ headers }: EnvelopeRequest, body: Buffer): string | Promise<string> {
  const contentType = headers.get('content-type');
  const kind = bodyKind(contentType);
  if (kind === 'form') return formJson(utf8Text(body));
  if (kind === 'multipart') return parseMultipart(contentType ?? '', body).then(argsJson);
  return utf8Text(body);
}
