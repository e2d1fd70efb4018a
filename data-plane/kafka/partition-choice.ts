import { crc32 } from '@node-rs/crc32';

/**
 * The partition of a key as Kafka's Java client chooses it: murmur2 (Austin Appleby's, seed 0x9747b28c, 32 bits) with
 * the sign cut off. Our own because kafkajs's stands on 64-bit number objects and @platformatic/kafka's on BigInt: both
 * cost more than the rest of a record's way.
 */
export function murmur2Partition(key: Buffer, partitions: number): number {
  return (murmur2(key) & 0x7fff_ffff) % partitions;
}

/** Unsigned CRC-32 of the key, modulo the number of partitions. */
export function crc32Partition(key: Buffer, partitions: number): number {
  return crc32(key) % partitions;
}

/** Kafka's murmur2 over bytes, as a signed 32-bit number. */
export function murmur2(data: Buffer): number {
  const multiplier = 0x5bd1e995;
  const length = data.length;
  let hash = 0x9747b28c ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    let word = Math.imul(data.readInt32LE(at), multiplier);
    word = Math.imul(word ^ (word >>> 24), multiplier);
    hash = Math.imul(hash, multiplier) ^ word;
  }
  const rest = length - at;
  if (rest > 0) {
    if (rest === 3) hash ^= (data[at + 2] ?? 0) << 16;
    if (rest >= 2) hash ^= (data[at + 1] ?? 0) << 8;
    hash = Math.imul(hash ^ (data[at] ?? 0), multiplier);
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return hash ^ (hash >>> 15);
}
