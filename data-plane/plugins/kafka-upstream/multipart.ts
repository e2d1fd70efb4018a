import { isUtf8 } from 'node:buffer';
import { MIMEType } from 'node:util';
import { Busboy, type BusboyInstance, Dicer } from '@fastify/busboy';
import { RequestError } from '../../../shared/errors.ts';
import { ArgMap, argumentsMax } from '../../plugin-api/query-args.ts';

/**
 * Reads the parts of a multipart/form-data body by name, repeated names as arrays. A part that is not valid UTF-8 is
 * given in base64. @throws RequestError BODY_INVALID when the body is broken or a part is no form field (RFC 7578).
 */
export async function parseMultipart(contentType: string, body: Buffer): Promise<ArgMap> {
  try {
    const { args, count } = await readFields(contentType, body);
    // Busboy skips a part without a disposition `form-data`, and says nothing.
    if ((await countParts(contentType, body)) !== count) throw new Error('a part has no form-data disposition');
    return args;
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unreadable';
    throw new RequestError('BODY_INVALID', `The multipart body is broken: ${reason}.`, { cause: error });
  }
}

interface Fields {
  readonly args: ArgMap;
  readonly count: number;
}

function readFields(contentType: string, body: Buffer): Promise<Fields> {
  return new Promise((resolve, reject) => {
    const args = new ArgMap();
    let count = 0;
    const parser: BusboyInstance = new Busboy({
      headers: { 'content-type': contentType },
      limits: { parts: argumentsMax, fieldSize: body.length + 1, fileSize: body.length + 1 },
      // Every part is read as a file, so that its bytes are not decoded.
      isPartAFile: () => true,
    });
    // The library's types promise a name, but a part need not have one.
    parser.on('file', (name: string | undefined, stream) => {
      count += 1;
      if (name === undefined) reject(new Error('a part has no name'));
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', reject);
      stream.on('end', () => {
        const bytes = Buffer.concat(chunks);
        args.add(name ?? '', bytes.toString(isUtf8(bytes) ? 'utf8' : 'base64'));
      });
    });
    parser.on('partsLimit', () => reject(new Error(`more than ${argumentsMax} parts`)));
    parser.on('error', reject);
    parser.on('finish', () => resolve({ args, count }));
    parser.end(body);
  });
}

/** Counts the parts, whatever their headers are. */
function countParts(contentType: string, body: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    let count = 0;
    const parser = new Dicer({ boundary: new MIMEType(contentType).params.get('boundary') ?? '' });
    parser.on('part', (part) => {
      count += 1;
      part.on('error', reject);
      part.resume();
    });
    parser.on('error', reject);
    parser.on('finish', () => resolve(count));
    parser.end(body);
  });
}
