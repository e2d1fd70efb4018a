import { crc32c } from '@node-rs/crc32';
import { codecOf } from './compression.ts';
import type { KafkaRecord, SequenceStamp } from '../kafka-client.ts';
import type { Compression } from '../producer-types.ts';

/** Bytes of a record batch before its records (KIP-98, magic 2). */
export const batchHeaderBytes = 61;
/** Offset in the batch of the part that the CRC covers. */
const crcCoversFrom = 21;

/** A record batch whose size is known and whose bytes are yet to be written. */
export interface PreparedBatch {
  readonly bytes: number;
  /** @returns the position after it */
  writeTo(buffer: Buffer, at: number): number;
}

/**
 * Encodes records as one record batch of magic 2 (KIP-98), in two steps so that a whole request is one allocation.
 *
 * Our own because the libraries' encoders took 15 % of the process (growing buffers, a buffer object for each record,
 * CRC-32C in JavaScript): sizes are summed first, then all is written in one pass. Records without a
 * timestamp bear the time of encoding, or the stamp's, where a batch that is sent again has to be the same bytes.
 */
export function prepareRecordBatch(options: {
  records: readonly KafkaRecord[];
  compression: Compression;
  nowMs: number;
  stamp: SequenceStamp | null;
}): PreparedBatch {
  const { records } = options;
  const codec = codecOf(options.compression);
  const nowMs = options.stamp?.createdAtMs ?? options.nowMs;
  let latestMs = -1;
  const bodies: number[] = [];
  let recordsBytes = 0;
  for (let index = 0; index < records.length; index++) {
    const record = records[index];
    if (record === undefined) continue;
    const body = recordBodyBytes(record, index, nowMs);
    const timestampMs = record.timestampMs ?? nowMs;
    if (timestampMs > latestMs) latestMs = timestampMs;
    bodies.push(body);
    recordsBytes += varintBytes(body) + body;
  }
  const { attribute: attributes } = codec;
  const header = { attributes, count: records.length, nowMs, latestMs, stamp: options.stamp };
  if (codec.compress === null) {
    return {
      bytes: batchHeaderBytes + recordsBytes,
      writeTo(buffer, at) {
        writeRecords(buffer, at + batchHeaderBytes, records, bodies, nowMs);
        return writeBatchHeader(buffer, at, batchHeaderBytes + recordsBytes, header);
      },
    };
  }
  const plain = Buffer.allocUnsafe(recordsBytes);
  writeRecords(plain, 0, records, bodies, nowMs);
  const packed = codec.compress(plain);
  return {
    bytes: batchHeaderBytes + packed.length,
    writeTo(buffer, at) {
      packed.copy(buffer, at + batchHeaderBytes);
      return writeBatchHeader(buffer, at, batchHeaderBytes + packed.length, header);
    },
  };
}

/** Returns the bytes of a batch, not compressed, that holds one record alone. */
export function loneBatchBytes(record: KafkaRecord): number {
  const body = recordBodyBytes(record, 0, record.timestampMs ?? 0);
  return batchHeaderBytes + varintBytes(body) + body;
}

/** Bytes that a record takes in a batch, about: what limits are counted in. */
export function recordBytes(record: KafkaRecord): number {
  let bytes = 16 + (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const { name, value } of record.headers) bytes += 4 + name.length + value.length;
  return bytes;
}

interface BatchHeader {
  readonly attributes: number;
  readonly count: number;
  /** The timestamp that those of the records are counted from. */
  readonly nowMs: number;
  /** The latest timestamp of a record. */
  readonly latestMs: number;
  readonly stamp: SequenceStamp | null;
}

/** @returns the position after the batch */
function writeBatchHeader(
  buffer: Buffer,
  at: number,
  bytes: number,
  { attributes, count, nowMs, latestMs, stamp }: BatchHeader,
): number {
  buffer.writeInt32BE(0, at);
  buffer.writeInt32BE(0, at + 4);
  buffer.writeInt32BE(bytes - 12, at + 8);
  buffer.writeInt32BE(-1, at + 12);
  buffer.writeInt8(2, at + 16);
  buffer.writeInt16BE(attributes, at + 21);
  buffer.writeInt32BE(count - 1, at + 23);
  writeTimestamp(buffer, at + 27, nowMs);
  writeTimestamp(buffer, at + 35, latestMs);
  buffer.writeBigInt64BE(stamp?.producer.id ?? -1n, at + 43);
  buffer.writeInt16BE(stamp?.producer.epoch ?? -1, at + 51);
  buffer.writeInt32BE(stamp?.sequence ?? -1, at + 53);
  buffer.writeInt32BE(count, at + 57);
  buffer.writeUInt32BE(crc32c(buffer.subarray(at + crcCoversFrom, at + bytes)), at + 17);
  return at + bytes;
}

function writeTimestamp(buffer: Buffer, at: number, ms: number): void {
  buffer.writeUInt32BE(Math.floor(ms / 0x1_0000_0000), at);
  buffer.writeUInt32BE(ms >>> 0, at + 4);
}

function writeRecords(
  buffer: Buffer,
  at: number,
  records: readonly KafkaRecord[],
  bodies: readonly number[],
  nowMs: number,
): void {
  for (let index = 0; index < records.length; index++) {
    const record = records[index];
    if (record === undefined) continue;
    at = writeVarint(buffer, at, bodies[index] ?? 0);
    buffer[at++] = 0; // attributes
    at =
      record.timestampMs === undefined
        ? writeVarint(buffer, at, 0)
        : writeVarlong(buffer, at, record.timestampMs - nowMs);
    at = writeVarint(buffer, at, index);
    at = writeBytes(buffer, at, record.key);
    at = writeBytes(buffer, at, record.value);
    at = writeVarint(buffer, at, record.headers.length);
    for (const { name, value } of record.headers) {
      at = writeText(buffer, at, name);
      at = typeof value === 'string' ? writeText(buffer, at, value) : writeBytes(buffer, at, value);
    }
  }
}

function recordBodyBytes(record: KafkaRecord, offsetDelta: number, nowMs: number): number {
  const { key, value, headers, timestampMs } = record;
  let bytes = 1 + (timestampMs === undefined ? 1 : varlongBytes(timestampMs - nowMs));
  bytes += varintBytes(offsetDelta) + bytesBytes(key) + bytesBytes(value) + varintBytes(headers.length);
  for (const header of headers) {
    const nameBytes = Buffer.byteLength(header.name);
    const valueBytes = typeof header.value === 'string' ? Buffer.byteLength(header.value) : header.value.length;
    bytes += varintBytes(nameBytes) + nameBytes + varintBytes(valueBytes) + valueBytes;
  }
  return bytes;
}

function bytesBytes(bytes: Buffer | null): number {
  return bytes === null ? 1 : varintBytes(bytes.length) + bytes.length;
}

/** Bytes of a number ≥ 0 as a zigzag varint. */
function varintBytes(value: number): number {
  if (value < 0x40) return 1;
  if (value < 0x2000) return 2;
  if (value < 0x10_0000) return 3;
  if (value < 0x800_0000) return 4;
  return 5;
}

/** Writes a number ≥ 0 and < 2^30 as a zigzag varint; returns the position after it. */
function writeVarint(buffer: Buffer, at: number, value: number): number {
  let rest = value * 2;
  while (rest >= 0x80) {
    buffer[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[at++] = rest;
  return at;
}

/** The zigzag of a number between -2^51 and 2^51. Beyond 32 bits, bit operations would lose digits. */
function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

/** Bytes of a number between -2^51 and 2^51 as a zigzag varint. */
function varlongBytes(value: number): number {
  let bytes = 1;
  for (let rest = zigzag(value); rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

/** Writes a number between -2^51 and 2^51 as a zigzag varint; returns the position after it. */
function writeVarlong(buffer: Buffer, at: number, value: number): number {
  let rest = zigzag(value);
  while (rest >= 0x80) {
    buffer[at++] = (rest % 0x80) + 0x80;
    rest = Math.floor(rest / 0x80);
  }
  buffer[at++] = rest;
  return at;
}

function writeBytes(buffer: Buffer, at: number, bytes: Buffer | null): number {
  if (bytes === null) {
    buffer[at] = 1; // zigzag of -1
    return at + 1;
  }
  at = writeVarint(buffer, at, bytes.length);
  buffer.set(bytes, at);
  return at + bytes.length;
}

function writeText(buffer: Buffer, at: number, text: string): number {
  at = writeVarint(buffer, at, Buffer.byteLength(text));
  return at + buffer.write(text, at);
}
