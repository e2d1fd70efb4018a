import type { ErrorDetail } from '../../../shared/errors.ts';

/** What `grpc-status-details-bin` says, as a google.rpc.Status. */
export interface StatusDetails {
  readonly code: number;
  readonly message: string;
  /** The error code of the answer: `reason` of ErrorInfo. */
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly details: readonly ErrorDetail[];
  readonly retryAfterSeconds: number | undefined;
}

/** The details beyond it are left out: trailers have to fit into the limit of a client's header list. */
const detailsBytesMax = 4 * 1024;
const domain = 'sluice';

/** Returns the bytes of a google.rpc.Status with ErrorInfo, BadRequest and RetryInfo (google/rpc/error_details.proto). */
export function encodeStatusDetails(status: StatusDetails): Buffer {
  const infos = [any('google.rpc.ErrorInfo', errorInfo(status))];
  const violations = badRequest(status.details);
  if (violations.length > 0) infos.push(any('google.rpc.BadRequest', violations));
  const { retryAfterSeconds } = status;
  if (retryAfterSeconds !== undefined) infos.push(any('google.rpc.RetryInfo', retryInfo(retryAfterSeconds)));
  return Buffer.concat([varintField(1, status.code), text(2, status.message), ...infos.map((info) => bytes(3, info))]);
}

function errorInfo({ reason, metadata }: StatusDetails): Buffer {
  const entries = Object.entries(metadata).map(([key, value]) =>
    bytes(3, Buffer.concat([text(1, key), text(2, value)])),
  );
  return Buffer.concat([text(1, reason), text(2, domain), ...entries]);
}

function badRequest(details: readonly ErrorDetail[]): Buffer {
  const violations: Buffer[] = [];
  let size = 0;
  for (const { pointer = '', message = '' } of details) {
    // A limit is no fault of a field.
    if (pointer === '' && message === '') continue;
    const violation = bytes(1, Buffer.concat([text(1, pointer), text(2, message)]));
    size += violation.length;
    if (size > detailsBytesMax) break;
    violations.push(violation);
  }
  return Buffer.concat(violations);
}

/** RetryInfo.retry_delay, a google.protobuf.Duration. */
function retryInfo(seconds: number): Buffer {
  return bytes(1, varintField(1, Math.ceil(seconds)));
}

function any(type: string, value: Buffer): Buffer {
  return Buffer.concat([text(1, `type.googleapis.com/${type}`), bytes(2, value)]);
}

function text(field: number, value: string): Buffer {
  return bytes(field, Buffer.from(value));
}

/** A length-delimited field (wire type 2). */
function bytes(field: number, value: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(value.length), value]);
}

function varintField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

/** A non-negative number below 2 ** 31. */
function varint(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    out.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  out.push(rest);
  return Buffer.from(out);
}
