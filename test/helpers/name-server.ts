import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';

/** Types of DNS records (RFC 1035 section 3.2.2, RFC 3596, RFC 2782). */
const types = { A: 1, AAAA: 28, SRV: 33 } as const;

export type NameRecord =
  | { readonly type: 'A'; readonly address: string; readonly ttl: number }
  | {
      readonly type: 'SRV';
      readonly name: string;
      readonly port: number;
      readonly weight: number;
      readonly ttl: number;
    };

export interface NameServer {
  /** `address:port` for a resolver. */
  readonly address: string;
  /** How often each name was asked for, all types together. */
  readonly asked: ReadonlyMap<string, number>;
  set(name: string, records: readonly NameRecord[]): void;
  close(): Promise<void>;
}

/** Starts a name server on loopback that knows the names that it is told; all others do not exist (NXDOMAIN). */
export async function startNameServer(): Promise<NameServer> {
  const names = new Map<string, readonly NameRecord[]>();
  const asked = new Map<string, number>();
  const socket = createSocket('udp4');
  socket.on('message', (query: Buffer, from: RemoteInfo) => {
    const { name, type, end } = readQuestion(query);
    asked.set(name, (asked.get(name) ?? 0) + 1);
    const records = names.get(name);
    const fitting = records?.filter((record) => types[record.type] === type) ?? [];
    socket.send(answerTo(query, end, fitting, records !== undefined), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    set: (name, records) => void names.set(name, records),
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function readQuestion(query: Buffer): { readonly name: string; readonly type: number; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function answerTo(query: Buffer, end: number, records: readonly NameRecord[], isKnown: boolean): Buffer {
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  // A response that was recursively found; RCODE 3 says that the name does not exist.
  head.writeUInt16BE(0x8180 | (isKnown ? 0 : 3), 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(records.length, 6);
  return Buffer.concat([head, query.subarray(12, end), ...records.map(recordBytes)]);
}

function recordBytes(record: NameRecord): Buffer {
  const data = record.type === 'A' ? addressBytes(record.address) : serviceBytes(record);
  const head = Buffer.alloc(12);
  // The name is that of the question, at offset 12.
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(types[record.type], 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(record.ttl, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function addressBytes(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number));
}

function serviceBytes({ name, port, weight }: Extract<NameRecord, { type: 'SRV' }>): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt16BE(weight, 2);
  head.writeUInt16BE(port, 4);
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([head, ...labels, Buffer.from([0])]);
}
