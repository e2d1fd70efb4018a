/**
 * The messages within a message of a node, by the number of their field in proto/config_sync.proto. A table of its own,
 * because the bounds must hold before a decoder makes objects.
 */
interface Shape {
  readonly [field: number]: Shape;
}

const leaf: Shape = {};
const latency: Shape = { 1: leaf, 2: leaf };
const routeTraffic: Shape = { 3: leaf, 4: leaf, 5: latency, 6: leaf };
const reject: Shape = { 2: leaf };
const nodeMessage: Shape = {
  1: { 5: leaf, 6: leaf, 8: reject, 10: leaf },
  2: leaf,
  3: reject,
  4: { 2: leaf, 3: { 2: leaf }, 10: { 1: routeTraffic, 2: latency }, 11: { 1: { 3: leaf } } },
  5: leaf,
  10: leaf,
};

/** Bound of a message of a node in bytes. */
export const nodeMessageBytesMax = 4 * 1024 * 1024;
/** Bound of a heartbeat in bytes. */
const heartbeatBytesMax = 64 * 1024;
const heartbeatField = 4;
/** Bound of the fields of a message of a node, those of inner messages included: each becomes an object or a text. */
const fieldsMax = 50_000;

/**
 * Says which bound an encoded message of a node exceeds; undefined when none. It reads the message in place, so that a
 * message of many empty parts costs no memory. What is no valid encoding is left to the decoder.
 */
export function nodeMessageFault(bytes: Buffer): string | undefined {
  if (bytes.length > nodeMessageBytesMax) return `A message of a node may have ${nodeMessageBytesMax} bytes`;
  const scan = { bytes, fields: 0, heartbeatBytes: 0 };
  scanMessage(scan, 0, bytes.length, nodeMessage, true);
  if (scan.fields > fieldsMax) return `A message of a node may have ${fieldsMax} fields`;
  if (scan.heartbeatBytes > heartbeatBytesMax) return `A heartbeat of a node may have ${heartbeatBytesMax} bytes`;
  return undefined;
}

interface Scan {
  readonly bytes: Buffer;
  fields: number;
  heartbeatBytes: number;
}

/** Counts the fields between two offsets; stops at the first byte that is no valid encoding, and above the bound. */
function scanMessage(scan: Scan, start: number, end: number, shape: Shape, isOuter: boolean): void {
  let offset = start;
  while (offset < end && scan.fields <= fieldsMax) {
    const tag = readVarint(scan.bytes, offset, end);
    if (tag === undefined) return;
    scan.fields += 1;
    const field = Math.floor(tag.value / 8);
    const body = bodyOf(scan.bytes, tag.next, end, tag.value % 8);
    if (body === undefined) return;
    const inner = shape[field];
    if (body.isBytes && inner !== undefined) scanMessage(scan, body.start, body.end, inner, false);
    if (isOuter && field === heartbeatField) scan.heartbeatBytes += body.end - body.start;
    offset = body.end;
  }
}

interface Body {
  readonly start: number;
  readonly end: number;
  readonly isBytes: boolean;
}

/** Finds the end of a field by its wire type; undefined when it does not end within the message. */
function bodyOf(bytes: Buffer, start: number, end: number, wireType: number): Body | undefined {
  const within = (bodyStart: number, bodyEnd: number, isBytes = false): Body | undefined =>
    bodyEnd <= end ? { start: bodyStart, end: bodyEnd, isBytes } : undefined;
  switch (wireType) {
    case 0: {
      const number = readVarint(bytes, start, end);
      return number && within(start, number.next);
    }
    case 1:
      return within(start, start + 8);
    case 2: {
      const length = readVarint(bytes, start, end);
      return length && within(length.next, length.next + length.value, true);
    }
    case 5:
      return within(start, start + 4);
    default:
      return undefined;
  }
}

function readVarint(bytes: Buffer, start: number, end: number): { value: number; next: number } | undefined {
  let value = 0;
  for (let offset = start, factor = 1; offset < end && offset < start + 10; offset += 1, factor *= 128) {
    const byte = bytes[offset] ?? 0;
    value += (byte % 128) * factor;
    if (byte < 128) return { value, next: offset + 1 };
  }
  return undefined;
}
