import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { LoadResult } from './load.ts';

export interface Http2Load {
  readonly url: string;
  readonly body: Buffer;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Requests under way at a time, over `connectionsMax` connections at most. */
  readonly concurrency: number;
  readonly seconds: number;
  /** The answer ends with trailers; trailers alone tell of a failure. */
  readonly isGrpc: boolean;
}

const connectionsMax = 8;
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const types = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8 } as const;
const flags = { endStream: 1, ack: 1, endHeaders: 4 } as const;
const frameHeadBytes = 9;
const initialWindow = 65_535;
/** HPACK: the static table has 61 entries. */
const firstDynamic = 62;

/**
 * Closed-loop load over HTTP/2 that costs next to nothing itself: requests are copies of bytes made beforehand, and of the
 * answers only the frames are looked at. A client of node:http2 would take more CPU time than the servers.
 */
export async function loadHttp2(load: Http2Load): Promise<LoadResult> {
  const { hostname, port, pathname, search } = new URL(load.url);
  const count = Math.min(connectionsMax, load.concurrency);
  const share = Math.ceil(load.concurrency / count);
  const requests = requestBytes(load, `${hostname}:${port}`, pathname + search);
  const clients: Client[] = [];
  for (let index = 0; index < count; index++) {
    const socket = connect(Number(port), hostname);
    socket.setNoDelay();
    await once(socket, 'connect');
    clients.push(new Client(socket, requests, load.isGrpc));
  }
  const startMs = performance.now();
  for (const client of clients) client.start(share);
  await new Promise((resolve) => setTimeout(resolve, load.seconds * 1_000));
  await Promise.all(clients.map((client) => client.finish()));
  const seconds = (performance.now() - startMs) / 1_000;
  const done = clients.reduce((sum, client) => sum + client.done, 0);
  return {
    requests: done,
    requestsPerSecond: done / seconds,
    failed: clients.reduce((sum, client) => sum + client.failed, 0),
  };
}

/** A request with its stream id left open: the first of a connection fills the header table, all others refer to it. */
interface RequestBytes {
  readonly first: Buffer;
  readonly later: Buffer;
  /** Places of the stream ids. */
  readonly firstIds: readonly number[];
  readonly laterIds: readonly number[];
  readonly dataBytes: number;
}

function requestBytes({ body, headers }: Http2Load, authority: string, path: string): RequestBytes {
  // :method POST and :scheme http are entries of the static table.
  const fixed = Buffer.from([0x83, 0x86]);
  const fields = [
    [':path', path],
    [':authority', authority],
    ['content-length', String(body.length)],
    ...headers,
  ] as const;
  const literals = fields.map(([name, value]) =>
    Buffer.concat([Buffer.from([0x40]), text(name ?? ''), text(value ?? '')]),
  );
  const indexed = fields.map((_field, index) => Buffer.from([0x80 | (firstDynamic + fields.length - 1 - index)]));
  const data = frame(types.data, flags.endStream, body);
  const assemble = (block: readonly Buffer[]) => {
    const head = frame(types.headers, flags.endHeaders, Buffer.concat([fixed, ...block]));
    return { bytes: Buffer.concat([head, data]), ids: [5, head.length + 5] };
  };
  const first = assemble(literals);
  const later = assemble(indexed);
  return { first: first.bytes, later: later.bytes, firstIds: first.ids, laterIds: later.ids, dataBytes: body.length };
}

/** A string of HPACK without Huffman coding, below 127 bytes. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')]);
}

function frame(type: number, flag: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(frameHeadBytes);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flag;
  return Buffer.concat([head, payload]);
}

/** One connection, which sends its next request when it has an answer. */
class Client {
  done = 0;
  failed = 0;
  readonly #socket: Socket;
  readonly #requests: RequestBytes;
  readonly #isGrpc: boolean;
  #nextId = 1;
  #window = initialWindow;
  #waiting = 0;
  #underWay = 0;
  #isEnding = false;
  #rest: Buffer = Buffer.alloc(0);
  /** Streams whose answer has begun. */
  readonly #begun = new Set<number>();
  #out: Buffer[] = [];
  #onIdle: () => void = () => undefined;

  constructor(socket: Socket, requests: RequestBytes, isGrpc: boolean) {
    this.#socket = socket;
    this.#requests = requests;
    this.#isGrpc = isGrpc;
    // At once, since an answer to the server's SETTINGS must not come before it; with a window for all answers of a run.
    const window = frame(types.windowUpdate, 0, Buffer.from([0x7f, 0xff, 0, 0]));
    socket.write(Buffer.concat([preface, frame(types.settings, 0, Buffer.alloc(0)), window]));
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('close', () => {
      this.failed += this.#underWay;
      this.#underWay = 0;
      this.#onIdle();
    });
    socket.on('error', () => undefined);
  }

  start(share: number): void {
    for (let count = 0; count < share; count++) this.#send();
    this.#flush();
  }

  /** Begins no request any more and waits for those under way. */
  async finish(): Promise<void> {
    this.#isEnding = true;
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    this.#socket.destroy();
  }

  #send(): void {
    const { first, later, firstIds, laterIds, dataBytes } = this.#requests;
    if (this.#window < dataBytes) {
      this.#waiting++;
      return;
    }
    this.#window -= dataBytes;
    const [bytes, ids] = this.#nextId === 1 ? [first, firstIds] : [later, laterIds];
    const request = Buffer.from(bytes);
    for (const at of ids) request.writeUInt32BE(this.#nextId, at);
    this.#nextId += 2;
    this.#underWay++;
    this.#out.push(request);
  }

  #flush(): void {
    if (this.#out.length === 0) return;
    this.#socket.write(this.#out.length === 1 ? (this.#out[0] ?? '') : Buffer.concat(this.#out));
    this.#out = [];
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at + frameHeadBytes <= bytes.length) {
      const length = bytes.readUIntBE(at, 3);
      const end = at + frameHeadBytes + length;
      if (end > bytes.length) break;
      this.#take(bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, bytes.readUInt32BE(at + 5), bytes.subarray(at + 9, end));
      at = end;
    }
    this.#rest = at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
    this.#flush();
  }

  #take(type: number, flag: number, id: number, payload: Buffer): void {
    if (type === types.data || type === types.headers) {
      const isFirst = !this.#begun.has(id);
      const isLast = (flag & flags.endStream) !== 0;
      // 0x88: `:status 200` of the static table.
      if (isFirst && (payload[0] !== 0x88 || (this.#isGrpc && isLast))) this.failed++;
      if (isLast) this.#answered(id);
      else if (isFirst) this.#begun.add(id);
    } else if (type === types.settings && (flag & flags.ack) === 0) {
      this.#out.push(frame(types.settings, flags.ack, Buffer.alloc(0)));
    } else if (type === types.ping && (flag & flags.ack) === 0) {
      this.#out.push(frame(types.ping, flags.ack, payload));
    } else if (type === types.windowUpdate && id === 0) {
      this.#window += payload.readUInt32BE(0);
      for (; this.#waiting > 0 && this.#window >= this.#requests.dataBytes; this.#waiting--) this.#send();
    } else if (type === types.goaway || (type === types.reset && payload.readUInt32BE(0) !== 0)) {
      // grpc-js closes a stream without an error behind its answer.
      this.failed++;
    }
  }

  #answered(id: number): void {
    this.#begun.delete(id);
    this.done++;
    this.#underWay--;
    if (!this.#isEnding) this.#send();
    else if (this.#underWay === 0) this.#onIdle();
  }
}
