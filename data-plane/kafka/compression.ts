import zlib from 'node:zlib';
import { compressFrameSync } from 'lz4-napi';
import { compressSync as snappyCompressSync } from 'snappy';
import type { Compression } from './producer.ts';

interface Codec {
  /** Bits 0 to 2 of a record batch's attributes (KIP-98, KIP-110). */
  readonly attribute: number;
  readonly compress: ((records: Buffer) => Buffer) | null;
}

// The types of Node 20 know nothing of zstd; later runtimes have it.
const zstd: unknown = Reflect.get(zlib, 'zstdCompressSync');

function isCompress(value: unknown): value is (records: Buffer) => Buffer {
  return typeof value === 'function';
}

/**
 * Compression of a batch's records, for both clients: batches are encoded by us, so the codecs are too. Synchronous: a
 * batch is at most a few hundred kilobytes, and a turn through the thread pool would let a later batch overtake.
 */
const codecs: Readonly<Record<Compression, Codec>> = {
  none: { attribute: 0, compress: null },
  gzip: { attribute: 1, compress: (records) => zlib.gzipSync(records) },
  // Raw snappy in one block: Kafka's Java reader takes it as well as the framing of snappy-java.
  snappy: { attribute: 2, compress: (records) => snappyCompressSync(records) },
  lz4: { attribute: 3, compress: (records) => compressFrameSync(records) },
  zstd: { attribute: 4, compress: isCompress(zstd) ? zstd : null },
};

export function codecOf(compression: Compression): Codec {
  return codecs[compression];
}

/** Why this compression cannot be used here; null when it can. */
export function unsupportedCompression(compression: Compression): string | null {
  if (compression === 'zstd' && codecs.zstd.compress === null) {
    return `zstd needs a Node.js runtime with zstd (22.15 or newer); this one is ${process.version}`;
  }
  return null;
}
