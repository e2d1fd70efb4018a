import { hash, timingSafeEqual } from 'node:crypto';

/** Returns the SHA-256 of a text or of bytes. */
export function digestOf(secret: string | Buffer): Buffer {
  return hash('sha256', secret, 'buffer');
}

/** Compares what `digestOf` returned. */
export function isSameDigest(a: Buffer, b: Buffer): boolean {
  return timingSafeEqual(a, b);
}

/** Compares secrets, keys or signatures. The time depends on the length of `given` alone: digests are compared. */
export function isSameSecret(given: string | Buffer, expected: string | Buffer): boolean {
  return isSameDigest(digestOf(given), digestOf(expected));
}
