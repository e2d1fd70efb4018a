import { Busboy } from '@fastify/busboy';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isNestedTooDeeply, jsonNestingMax } from '../../shared/json-nesting.ts';
import { isRecord } from '../../shared/schema/is-record.ts';
import { plainError } from './admin-error.ts';
import type { FormEntry } from './form.ts';

export const bodyBytesMax = 8 * 1024 * 1024;
const formPartsMax = 10_000;

/** A parsed body. Forms are typed later, by the schema of their entity. */
export type Body =
  | { readonly kind: 'json'; readonly value: Readonly<Record<string, unknown>> }
  | { readonly kind: 'form'; readonly entries: readonly FormEntry[] };

/** Adds parsers of JSON, form and multipart; fastify answers 415 for the rest. */
export function addBodyParsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const options = { parseAs: 'buffer', bodyLimit: bodyBytesMax } as const;
  app.addContentTypeParser<Buffer>('application/json', options, async (_request: FastifyRequest, body: Buffer) =>
    parseJson(body),
  );
  app.addContentTypeParser<Buffer>(
    'application/x-www-form-urlencoded',
    options,
    async (_request: FastifyRequest, body: Buffer) => parseForm(body),
  );
  app.addContentTypeParser<Buffer>('multipart/form-data', options, (request: FastifyRequest, body: Buffer) =>
    parseMultipart(request.headers['content-type'] ?? '', body),
  );
}

/** A body that its resource reads itself. */
export class RawBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly json: boolean;

  constructor(bytes: Uint8Array<ArrayBuffer>, json: boolean) {
    this.bytes = bytes;
    this.json = json;
  }
}

const yamlTypes = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml'];

/** Adds parsers that keep JSON and YAML as they came, up to `bodyLimit` bytes; forms are read as everywhere. */
export function addDocumentParsers(app: FastifyInstance, bodyLimit: number): void {
  app.removeContentTypeParser('application/json');
  const raw = (types: string | string[], json: boolean) =>
    app.addContentTypeParser<Buffer<ArrayBuffer>>(
      types,
      { parseAs: 'buffer', bodyLimit },
      async (_request: FastifyRequest, body: Buffer<ArrayBuffer>) => new RawBody(body, json),
    );
  raw('application/json', true);
  raw(yamlTypes, false);
}

function parseForm(bytes: Buffer): Body {
  return { kind: 'form', entries: [...new URLSearchParams(bytes.toString('utf8'))] };
}

function parseJson(bytes: Buffer): Body {
  // Clients send an empty body with this type on DELETE and on PUT without fields.
  if (bytes.length === 0) return { kind: 'json', value: {} };
  let value: unknown;
  try {
    const jsonText = text(bytes);
    if (isNestedTooDeeply(jsonText)) throw new SyntaxError(`nested deeper than ${jsonNestingMax}`);
    value = JSON.parse(jsonText);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) throw plainError(400, 'Cannot parse JSON body');
    throw error;
  }
  if (!isRecord(value)) throw plainError(400, 'Cannot parse JSON body');
  return { kind: 'json', value };
}

/** Throws TypeError when the bytes are not UTF-8. */
function text(bytes: Buffer): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}

/** Reads the parts as fields of the entity; the content of a file is a field's text. */
function parseMultipart(contentType: string, bytes: Buffer): Promise<Body> {
  return new Promise((resolve, reject) => {
    const fail = () => reject(plainError(400, 'Cannot parse multipart body'));
    const entries: FormEntry[] = [];
    try {
      const parser = new Busboy({
        headers: { 'content-type': contentType },
        limits: { parts: formPartsMax, fieldSize: bodyBytesMax, fieldNameSize: 1000 },
      });
      // The parser leaves out or cuts what is over a limit: the whole form is refused, so that nothing is lost unseen.
      parser.on('partsLimit', () =>
        reject(plainError(413, `Too many parts in the form: the limit is ${formPartsMax}`)),
      );
      parser.on('field', (name, value, isNameCut, isCut) => {
        if (isNameCut || isCut) fail();
        entries.push([name, value]);
      });
      parser.on('file', (name, stream) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => entries.push([name, Buffer.concat(chunks).toString('utf8')]));
        stream.on('error', fail);
      });
      parser.on('error', fail);
      parser.on('finish', () => resolve({ kind: 'form', entries }));
      parser.end(bytes);
    } catch {
      // The constructor throws on a type without a boundary.
      fail();
    }
  });
}
