/** Bytes of the frame before a payload. */
export const frameBytes = 5;

/**
 * Confluent's framing of an encoded value: a zero byte, the schema's id in 4 bytes, big endian, then the payload. This
 * is what stands before the payload.
 */
export function wirePrefix(schemaId: number): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(schemaId, 1);
  return prefix;
}
