/** Units of header `grpc-timeout` in milliseconds (gRPC over HTTP/2). */
const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 };

/** Returns the time that a `grpc-timeout` header gives a call, in milliseconds; undefined when there is none or it is malformed. */
export function callTimeoutMs(header: string | undefined): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(header ?? '') ?? [];
  return digits === undefined ? undefined : Number(digits) * (unitMs[unit] ?? 1);
}
