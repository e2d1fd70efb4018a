/** What the first bytes of a TLS connection tell; `incomplete`: more of them are needed. */
export type HelloName =
  | { readonly kind: 'incomplete' }
  /** `''`: the client named no server, or what it sent is no ClientHello, as the TLS library will say. */
  | { readonly kind: 'name'; readonly name: string };

const recordHeadBytes = 5;
const handshakeHeadBytes = 4;
const handshakeRecord = 22;
const clientHello = 1;
const serverNameExtension = 0;
const hostName = 0;

const incomplete: HelloName = { kind: 'incomplete' };
const noName: HelloName = { kind: 'name', name: '' };

/** Finds the server name in a ClientHello (RFC 8446, 4.1.2; RFC 6066, 3), in lower case. It may come in several records. */
export function serverNameOf(bytes: Buffer): HelloName {
  const parts: Buffer[] = [];
  let gathered = 0;
  for (let at = 0; ;) {
    if (bytes.length > at && bytes[at] !== handshakeRecord) return noName;
    if (bytes.length < at + recordHeadBytes) return incomplete;
    const length = bytes.readUInt16BE(at + 3);
    const part = bytes.subarray(at + recordHeadBytes, at + recordHeadBytes + length);
    parts.push(part);
    gathered += part.length;
    if (gathered >= handshakeHeadBytes) {
      const message = parts.length === 1 ? part : Buffer.concat(parts);
      if (message[0] !== clientHello) return noName;
      const end = handshakeHeadBytes + message.readUIntBE(1, 3);
      if (gathered >= end) return { kind: 'name', name: nameIn(message.subarray(handshakeHeadBytes, end)) };
    }
    if (part.length < length) return incomplete;
    at += recordHeadBytes + length;
  }
}

/** Returns the name in the body of a ClientHello; '' where it has none or is malformed. */
function nameIn(hello: Buffer): string {
  const legacyVersionAndRandom = 2 + 32;
  let at = legacyVersionAndRandom;
  // Session id, cipher suites, compression methods: each behind its length.
  for (const lengthBytes of [1, 2, 1]) {
    if (hello.length < at + lengthBytes) return '';
    at += lengthBytes + hello.readUIntBE(at, lengthBytes);
  }
  for (at += 2; hello.length >= at + 4;) {
    const type = hello.readUInt16BE(at);
    const length = hello.readUInt16BE(at + 2);
    if (type === serverNameExtension) return firstHostName(hello.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return '';
}

/** The list has one entry in practice: a host name behind the list's length, its type and its own length. */
function firstHostName(list: Buffer): string {
  if (list.length < 5 || list[2] !== hostName) return '';
  const length = list.readUInt16BE(3);
  return list.length < 5 + length ? '' : list.toString('latin1', 5, 5 + length).toLowerCase();
}
