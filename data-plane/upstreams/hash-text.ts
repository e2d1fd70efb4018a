/** Returns a 32-bit hash of a text: FNV-1a over its UTF-16 units, then MurmurHash3's finalizer. Not for secrets. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return finalize(hash);
}

/** Returns a 32-bit hash of two 32-bit hashes. */
export function mixHashes(first: number, second: number): number {
  return finalize(Math.imul(first, 0x9e3779b1) ^ second);
}

/** Spreads hashes that differ in one bit over all bits (MurmurHash3's fmix32). */
function finalize(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
