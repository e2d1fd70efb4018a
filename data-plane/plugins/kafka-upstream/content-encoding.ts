import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';
import { RequestError } from '../../../shared/errors.ts';

const decoders = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  deflateRaw: promisify(inflateRaw),
  br: promisify(brotliDecompress),
};

/**
 * Undoes a Content-Encoding; the result is bounded, whatever the input unpacks to.
 * @throws RequestError ENCODING_UNSUPPORTED, BODY_INVALID, BODY_TOO_LARGE.
 */
export async function decodeContent(encoding: string, body: Buffer, bytesMax: number): Promise<Buffer> {
  const decode = decoderOf(encoding, body);
  // A request without a body may still name an encoding.
  if (decode === undefined || body.length === 0) return body;
  try {
    return await decode(body, { maxOutputLength: bytesMax });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
      const message = `The decoded body is larger than ${bytesMax} bytes.`;
      throw new RequestError('BODY_TOO_LARGE', message, { details: [{ limit: bytesMax, unit: 'bytes' }] });
    }
    throw new RequestError('BODY_INVALID', 'The body does not fit its content encoding.', { cause: error });
  }
}

function decoderOf(encoding: string, body: Buffer): (typeof decoders)['gzip'] | undefined {
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
    default: {
      const message = 'The content encoding is not supported: only gzip, deflate and br are.';
      throw new RequestError('ENCODING_UNSUPPORTED', message);
    }
  }
}
