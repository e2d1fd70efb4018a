import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw, type InputType, type ZlibOptions } from 'node:zlib';
import { RequestError } from '../../../shared/errors.ts';
import type { HeaderList } from '../../plugin-api/header-list.ts';

/** With `info` the functions of node:zlib also return how much of the input they read. */
interface Decoded {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}
type Decoder = (body: Buffer, options: { readonly info: true; readonly maxOutputLength: number }) => Promise<Decoded>;

type ZlibFunction = (
  body: InputType,
  options: ZlibOptions,
  callback: (error: Error | null, result: Buffer) => void,
) => void;

function decoderOf(decode: ZlibFunction): Decoder {
  const run: (body: Buffer, options: ZlibOptions) => Promise<unknown> = promisify(decode);
  return async (body, options) => {
    const result = await run(body, options);
    if (isDecoded(result)) return result;
    throw new Error('node:zlib returned no information about the input');
  };
}

function isDecoded(result: unknown): result is Decoded {
  return typeof result === 'object' && result !== null && 'buffer' in result && 'engine' in result;
}

const decoders = {
  gzip: decoderOf(gunzip),
  deflate: decoderOf(inflate),
  deflateRaw: decoderOf(inflateRaw),
  br: decoderOf(brotliDecompress),
};

/**
 * Undoes the Content-Encoding of a body. The result is bounded, whatever the input unpacks to.
 * @throws RequestError ENCODING_UNSUPPORTED, BODY_INVALID, BODY_TOO_LARGE
 */
export async function decodeContent(headers: HeaderList, body: Buffer, bytesMax: number): Promise<Buffer> {
  const [encoding, ...more] = headers.all('content-encoding');
  if (encoding === undefined) return body;
  // Two header lines mean the same as a list (RFC 9110 section 5.3).
  const decode = more.length > 0 ? unsupported() : decoderNamed(encoding, body);
  // A request without a body may still name an encoding.
  if (decode === undefined || body.length === 0) return body;
  const { buffer, engine } = await decoded(decode, body, bytesMax);
  if (engine.bytesWritten === body.length) return buffer;
  throw new RequestError('BODY_INVALID', 'The body has bytes behind the end of its content encoding.');
}

async function decoded(decode: Decoder, body: Buffer, bytesMax: number): Promise<Decoded> {
  try {
    return await decode(body, { info: true, maxOutputLength: bytesMax });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
      const message = `The decoded body is larger than ${bytesMax} bytes.`;
      throw new RequestError('BODY_TOO_LARGE', message, { details: [{ limit: bytesMax, unit: 'bytes' }] });
    }
    throw new RequestError('BODY_INVALID', 'The body does not fit its content encoding.', { cause: error });
  }
}

function decoderNamed(encoding: string, body: Buffer): Decoder | undefined {
  switch (encoding.trim().toLowerCase()) {
    case '':
    case 'identity':
      return undefined;
    case 'gzip':
    case 'x-gzip':
      return decoders.gzip;
    case 'deflate':
      // RFC 9110 means the zlib format; some clients send the bare stream.
      return ((body[0] ?? 0) & 0x0f) === 8 ? decoders.deflate : decoders.deflateRaw;
    case 'br':
      return decoders.br;
    default:
      return unsupported();
  }
}

function unsupported(): never {
  throw new RequestError(
    'ENCODING_UNSUPPORTED',
    'The content encoding is not supported: only one of gzip, deflate and br is.',
  );
}
