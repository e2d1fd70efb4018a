import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { Readable } from 'node:stream';
import {
  jsonValue,
  responseTransformerSchema,
  type ResponseTransformerConfig,
} from '../../../shared/plugin-schemas/response-transformer.ts';
import { splitPair } from '../../../shared/plugin-schemas/transformer-fields.ts';
import type { Answer, Exchange } from '../../plugin-api/exchange.ts';
import { HeaderList } from '../../plugin-api/header-list.ts';
import type { PluginDefinition } from '../../plugin-api/plugin-definition.ts';
import { plainAnswer } from '../../plugin-api/standard-answers.ts';
import { applyChanges, isEmpty, type Changes, type NamedChange } from '../transforms/changes.ts';
import { headerValues } from '../transforms/header-values.ts';
import { JsonObject } from '../transforms/json-object.ts';

/** Changes answers before clients see them: those of services, those of plugins, and refusals. */
export const responseTransformer: PluginDefinition<ResponseTransformerConfig> = {
  version: responseTransformerSchema.version,
  priority: responseTransformerSchema.priority,
  publishes: false,
  isTriable: true,
  create(config, { requestBodyMaxBytes }) {
    const changeHeaders = compileHeaders(config);
    const changeBody = compileBody(config, requestBodyMaxBytes);
    return {
      kind: 'created',
      instance: {
        response(exchange, answer) {
          const changed = changeBody(exchange, answer);
          return changed instanceof Promise ? changed.then(changeHeaders) : changeHeaders(changed);
        },
      },
    };
  },
};

function namedChanges(texts: readonly string[], toValue: (text: string, index: number) => string) {
  return texts.flatMap((text, index): NamedChange<string, undefined>[] => {
    const pair = splitPair(text);
    if (pair === undefined) return [];
    const value = toValue(pair[1], index);
    return [{ name: pair[0], make: () => value }];
  });
}

function pairsOf(texts: readonly string[]) {
  return texts.flatMap((text) => {
    const pair = splitPair(text);
    return pair === undefined ? [] : [pair];
  });
}

function compileHeaders({
  remove,
  rename,
  replace,
  add,
  append,
}: ResponseTransformerConfig): (answer: Answer) => Answer {
  const asIs = (text: string): string => text;
  const changes: Changes<string, undefined> = {
    remove: remove.headers,
    rename: pairsOf(rename.headers),
    replace: namedChanges(replace.headers, asIs),
    add: namedChanges(add.headers, asIs),
    append: namedChanges(append.headers, asIs),
  };
  if (isEmpty(changes)) return (answer) => answer;
  return (answer) => {
    const headers = new HeaderList([...answer.headers]);
    applyChanges(headerValues(headers), changes, undefined);
    return { ...answer, headers: headers.flat() };
  };
}

/** Changes the body where it is a JSON object. One that is larger than the node reads is not let pass unchanged. */
function compileBody(
  { remove, rename, replace, add, append }: ResponseTransformerConfig,
  bytesMax: number,
): (exchange: Exchange, answer: Answer) => Answer | Promise<Answer> {
  const typed = ({ json, json_types: types }: ResponseTransformerConfig['add']) =>
    namedChanges(json, (text, index) => jsonValue(text, types[index] ?? 'string') ?? 'null');
  const changes: Changes<string, undefined> = {
    remove: remove.json,
    rename: pairsOf(rename.json),
    replace: typed(replace),
    add: typed(add),
    append: typed(append),
  };
  if (isEmpty(changes)) return (_exchange, answer) => answer;

  function change(answer: Answer, body: Buffer | string): Answer {
    const object = JsonObject.parse(body.toString());
    if (object === undefined) return { ...answer, body };
    applyChanges(object, changes, undefined);
    return { ...answer, body: object.toString() };
  }

  return (exchange, answer) => {
    const { body } = answer;
    if (!isJson(answer) || exchange.method === 'HEAD' || answer.status === 204 || answer.status === 304) return answer;
    if (typeof body === 'string') return body === '' ? answer : change(answer, body);
    return readWhole(answer, bytesMax).then((whole) =>
      whole === undefined
        ? plainAnswer(exchange, 502, 'The answer of the service cannot be read whole')
        : change(withoutFraming(answer), whole),
    );
  };
}

function isJson({ headers }: Answer): boolean {
  const [type = ''] = (new HeaderList([...headers]).get('content-type') ?? '').split(';');
  const mediaType = type.trim().toLowerCase();
  return mediaType === 'application/json' || mediaType.endsWith('+json');
}

/** The body is written anew: its length and its encoding are other ones, and its trailers are gone. */
function withoutFraming(answer: Answer): Answer {
  const headers = new HeaderList([...answer.headers]);
  for (const name of ['content-length', 'content-encoding', 'etag', 'digest', 'content-digest']) headers.remove(name);
  const { status, closeConnection, result } = answer;
  return {
    status,
    headers: headers.flat(),
    body: '',
    ...(closeConnection === undefined ? {} : { closeConnection }),
    ...(result === undefined ? {} : { result }),
  };
}

const decoders: Readonly<Record<string, (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

/** Reads and decodes a body; undefined where it is too large, breaks off or has an unknown encoding. */
async function readWhole({ body, headers }: Answer, bytesMax: number): Promise<Buffer | undefined> {
  const encoding = new HeaderList([...headers]).get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  const decode = Object.hasOwn(decoders, encoding) ? decoders[encoding] : undefined;
  const mayDecode = encoding === 'identity' || decode !== undefined;
  try {
    const bytes = body instanceof Readable ? await gather(body, mayDecode ? bytesMax : -1) : Buffer.from(body);
    if (bytes === undefined || !mayDecode || bytes.length > bytesMax) return undefined;
    return decode === undefined ? bytes : await decode(bytes, { maxOutputLength: bytesMax });
  } catch {
    return undefined;
  }
}

async function gather(body: Readable, bytesMax: number): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  const chunks: AsyncIterable<Buffer> = body;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    // Leaving the loop destroys the stream.
    if (bytes > bytesMax) return undefined;
    pieces.push(chunk);
  }
  return Buffer.concat(pieces, bytes);
}
