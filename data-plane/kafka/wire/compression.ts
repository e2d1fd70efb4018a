import zlib from 'node:zlib';
import { compressFrameSync } from 'lz4-napi';
import { compressSync as snappyCompressSync } from 'snappy';
import type { Compression } from '../producer-types.ts';

interface Codec {
  /** Bits 0 to 2 of a record batch's attributes (KIP-98, KIP-110). */
  readonly attribute: number;
  readonly compress: ((records: Buffer) => Buffer) | null;
}

/** The most bytes that the WebAssembly codec is given: it does not notice when its memory (2 GiB) ends. */
const wasmBytesMax = 256 * 1024 * 1024;
/** zstd's own default, and Kafka's. */
const zstdLevel = 3;

const zstdCompress = runtimeZstd() ?? (await loadWasmZstd());

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
  zstd: { attribute: 4, compress: zstdCompress },
};

export function codecOf(compression: Compression): Codec {
  return codecs[compression];
}

/**
 * Returns the zstd of Node.js, whose types for Node 20 do not know it. Node 22 has one too, but holds 350 kB of each call
 * until a collection that it has no reason to run: 700 MB after 2,000 batches.
 */
function runtimeZstd(): ((records: Buffer) => Buffer) | null {
  if (Number.parseInt(process.versions.node, 10) < 24) return null;
  const compress: unknown = Reflect.get(zlib, 'zstdCompressSync');
  return isCompress(compress) ? (records) => compress(records) : null;
}

function isCompress(value: unknown): value is (records: Buffer) => Buffer {
  return typeof value === 'function';
}

/** Loaded once with this module, so that a batch never waits for it. */
async function loadWasmZstd(): Promise<(records: Buffer) => Buffer> {
  const { compress, init } = await import('@bokuweb/zstd-wasm');
  await init();
  return (records) => {
    if (records.length > wasmBytesMax) throw new RangeError(`zstd takes at most ${wasmBytesMax} bytes of a batch`);
    const packed = compress(records, zstdLevel);
    return Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  };
}
