import { isUtf8 } from 'node:buffer';
import { Busboy, type BusboyInstance } from '@fastify/busboy';
import { RequestError } from '../../../shared/errors.ts';
import { addArg, type Arg } from '../../plugin-api/query-args.ts';

const partsMax = 1_000;

/**
 * The parts of a multipart/form-data body by name, repeated names as arrays. A part that is not valid UTF-8 stands in
 * base64.
 * @throws RequestError BODY_INVALID when the body is broken.
 */
export function parseMultipart(contentType: string, body: Buffer): Promise<Map<string, Arg>> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      const reason = error instanceof Error ? error.message : 'unreadable';
      reject(new RequestError('BODY_INVALID', `The multipart body is broken: ${reason}.`, { cause: error }));
    };
    const args = new Map<string, Arg>();
    let parser: BusboyInstance;
    try {
      parser = new Busboy({
        headers: { 'content-type': contentType },
        limits: { parts: partsMax, fieldSize: body.length + 1, fileSize: body.length + 1 },
        // Every part comes as a file, so that its bytes come undecoded.
        isPartAFile: () => true,
      });
    } catch (error) {
      fail(error);
      return;
    }
    // The library's types promise a name, but a part need not have one.
    parser.on('file', (name: string | undefined, stream) => {
      if (name === undefined) fail(new Error('a part has no name'));
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', fail);
      stream.on('end', () => {
        const bytes = Buffer.concat(chunks);
        addArg(args, name ?? '', bytes.toString(isUtf8(bytes) ? 'utf8' : 'base64'));
      });
    });
    parser.on('partsLimit', () => fail(new Error(`more than ${partsMax} parts`)));
    parser.on('error', fail);
    parser.on('finish', () => resolve(args));
    parser.end(body);
  });
}
