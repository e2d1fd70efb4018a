/** Status codes of gRPC (google.rpc.Code). */
export const grpcStatus = {
  OK: 0,
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** The statuses of answers and the codes that a stub sees for them. */
const codes: ReadonlyMap<number, number> = new Map([
  [400, grpcStatus.INVALID_ARGUMENT],
  [401, grpcStatus.UNAUTHENTICATED],
  [403, grpcStatus.PERMISSION_DENIED],
  [404, grpcStatus.NOT_FOUND],
  [408, grpcStatus.DEADLINE_EXCEEDED],
  [409, grpcStatus.ALREADY_EXISTS],
  [413, grpcStatus.RESOURCE_EXHAUSTED],
  [415, grpcStatus.UNIMPLEMENTED],
  [422, grpcStatus.INVALID_ARGUMENT],
  [426, grpcStatus.INTERNAL],
  [429, grpcStatus.RESOURCE_EXHAUSTED],
  [431, grpcStatus.RESOURCE_EXHAUSTED],
  [499, grpcStatus.CANCELLED],
  [500, grpcStatus.INTERNAL],
  [501, grpcStatus.UNIMPLEMENTED],
  [502, grpcStatus.UNAVAILABLE],
  [503, grpcStatus.UNAVAILABLE],
  [504, grpcStatus.DEADLINE_EXCEEDED],
]);

/** Returns the gRPC code of an HTTP status; those without a row are internal errors. */
export function grpcCodeOf(status: number): number {
  if (status >= 200 && status < 300) return grpcStatus.OK;
  return codes.get(status) ?? grpcStatus.INTERNAL;
}

/** Returns a text as `grpc-message` takes it: bytes of UTF-8 outside printable ASCII, and `%`, as %XX (gRPC over HTTP/2). */
export function percentEncoded(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
