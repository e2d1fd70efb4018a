import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { decodeMetadataResponse } from '../../data-plane/kafka/wire/metadata-request.ts';

const produceKey = 0;
const metadataKey = 3;
/** The versions that the data plane speaks with brokers of today; older ones of Produce name the topic. */
const produceById = 13;
const metadataWithIds = { apiKey: metadataKey, apiVersion: 12, flexible: true } as const;
const frameBytesMax = 64 * 1024 * 1024;

/**
 * The fault that a Produce request meets. `cut_before`: no byte of it reaches the broker. `cut_half`: half of it does.
 * `cut_after`: all of it does, and the connection ends at once. `cut_response`: the broker has answered, and the
 * connection ends instead of handing that on. `swallow`: the same, and the connection stays open and silent.
 */
export type ProduceAction =
  'cut_before' | 'cut_half' | 'cut_after' | 'cut_response' | 'swallow' | { readonly delayResponseMs: number };

export interface ProduceRule {
  readonly action: ProduceAction;
  /** How many requests; all by default. */
  readonly times?: number;
}

/**
 * open: bytes pass. closed: connections are cut and new ones end at once. stalled: connections stay up, no byte passes;
 * what was held back passes when it opens again. slow: every frame is late by this much in each direction.
 */
export type NetworkState = 'open' | 'closed' | 'stalled' | { readonly delayMs: number };

export interface TcpProxy {
  /** `host:port` to be advertised. */
  readonly address: string;
  /** Sets the address that connections are passed on to; before it is set they end at once. */
  setTarget(address: string): void;
  setNetwork(state: NetworkState): void;
  /** The rule for Produce requests for this topic, or none any more. */
  setRule(topic: string, rule: ProduceRule | null): void;
  /** Produce requests for the topic that came in, whatever became of them. */
  produced(topic: string): number;
  close(): Promise<void>;
}

/** Produce requests bear ids of topics; the names come by in metadata, maybe through another proxy. */
const topicNames = new Map<string, string>();

/** A proxy on a free loopback port that knows Kafka's framing (not TLS), to spoil the network between node and broker. */
export async function startTcpProxy(): Promise<TcpProxy> {
  const proxy = new FrameProxy();
  await proxy.listen();
  return proxy;
}

interface LiveRule extends ProduceRule {
  left: number;
}

class FrameProxy implements TcpProxy {
  readonly #server: Server = createServer((client) => this.#accept(client));
  readonly #links = new Set<Link>();
  readonly #produced = new Map<string, number>();
  readonly #rules = new Map<string, LiveRule>();
  #target: { host: string; port: number } | null = null;
  #network: NetworkState = 'open';
  address = '';

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy is not bound to a port');
    this.address = `127.0.0.1:${address.port}`;
  }

  setTarget(address: string): void {
    const colon = address.lastIndexOf(':');
    this.#target = { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
  }

  setNetwork(state: NetworkState): void {
    this.#network = state;
    for (const link of this.#links) {
      if (state === 'closed') link.cut();
      else link.resume();
    }
  }

  setRule(topic: string, rule: ProduceRule | null): void {
    if (rule === null) this.#rules.delete(topic);
    else this.#rules.set(topic, { ...rule, left: rule.times ?? Infinity });
  }

  produced(topic: string): number {
    return this.#produced.get(topic) ?? 0;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const link of this.#links) link.cut();
    await closed;
  }

  #accept(client: Socket): void {
    if (this.#network === 'closed' || this.#target === null) {
      client.on('error', () => undefined).destroy();
      return;
    }
    const link = new Link(client, connect(this.#target), {
      network: () => this.#network,
      actionFor: (frame) => this.#actionFor(frame),
      onEnd: () => this.#links.delete(link),
    });
    this.#links.add(link);
  }

  #actionFor(frame: Buffer): ProduceAction | null {
    const topic = produceTopic(frame);
    this.#produced.set(topic, (this.#produced.get(topic) ?? 0) + 1);
    const rule = this.#rules.get(topic);
    if (rule === undefined || rule.left <= 0) return null;
    rule.left -= 1;
    return rule.action;
  }
}

interface LinkOwner {
  network(): NetworkState;
  actionFor(frame: Buffer): ProduceAction | null;
  onEnd(): void;
}

/** One connection through the proxy: both sockets end together. */
class Link {
  readonly #client: Socket;
  readonly #broker: Socket;
  readonly #owner: LinkOwner;
  readonly #up: FrameQueue;
  readonly #down: FrameQueue;
  /** The faults that answers of Produce requests meet, by correlation id. */
  readonly #answers = new Map<number, ProduceAction>();
  /** Topics that metadata was asked of, by correlation id. */
  readonly #askedTopics = new Set<number>();

  constructor(client: Socket, broker: Socket, owner: LinkOwner) {
    this.#client = client;
    this.#broker = broker;
    this.#owner = owner;
    this.#up = new FrameQueue(broker, () => owner.network());
    this.#down = new FrameQueue(client, () => owner.network());
    client.setNoDelay(true).on(
      'data',
      framed((frame) => this.#request(frame)),
    );
    broker.setNoDelay(true).on(
      'data',
      framed((frame) => this.#response(frame)),
    );
    for (const socket of [client, broker]) socket.on('error', () => this.cut()).on('close', () => this.cut());
  }

  cut(): void {
    this.#up.clear();
    this.#down.clear();
    this.#client.destroy();
    this.#broker.destroy();
    this.#owner.onEnd();
  }

  resume(): void {
    this.#up.pump();
    this.#down.pump();
  }

  #request(frame: Buffer): void {
    const apiKey = frame.readInt16BE(4);
    if (apiKey === metadataKey) this.#noteMetadata(frame);
    const action = apiKey === produceKey ? this.#owner.actionFor(frame) : null;
    if (action === 'cut_before') return this.cut();
    if (action === 'cut_half' || action === 'cut_after') {
      const bytes = action === 'cut_half' ? frame.subarray(0, frame.length >> 1) : frame;
      // The bytes are with the broker's kernel before the end of the connection is.
      this.#broker.write(bytes, () => this.#broker.end(() => this.cut()));
      return;
    }
    if (action !== null) this.#answers.set(frame.readInt32BE(8), action);
    this.#up.push(frame);
  }

  #noteMetadata(frame: Buffer): void {
    if (frame.readInt16BE(6) !== metadataWithIds.apiVersion) return;
    const at = bodyAt(frame, true);
    // The number of topics, one more than it is: without topics the answer tells no ids.
    if (frame.readUInt8(at) > 1) this.#askedTopics.add(frame.readInt32BE(8));
  }

  #response(frame: Buffer): void {
    const correlationId = frame.readInt32BE(4);
    if (this.#askedTopics.delete(correlationId)) {
      for (const { id, name } of decodeMetadataResponse(frame.subarray(9), metadataWithIds).topics.values()) {
        if (id !== null) topicNames.set(id, name);
      }
    }
    const action = this.#answers.get(correlationId);
    this.#answers.delete(correlationId);
    if (action === 'cut_response') return this.cut();
    if (action === 'swallow') return;
    this.#down.push(frame, typeof action === 'object' ? action.delayResponseMs : 0);
  }
}

/** Frames on their way to one socket, in order, each not before its time. */
class FrameQueue {
  readonly #socket: Socket;
  readonly #network: () => NetworkState;
  readonly #queue: { readonly frame: Buffer; readonly dueMs: number }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, network: () => NetworkState) {
    this.#socket = socket;
    this.#network = network;
  }

  push(frame: Buffer, extraDelayMs = 0): void {
    const network = this.#network();
    const delayMs = extraDelayMs + (typeof network === 'object' ? network.delayMs : 0);
    this.#queue.push({ frame, dueMs: performance.now() + delayMs });
    this.pump();
  }

  pump(): void {
    clearTimeout(this.#timer);
    if (this.#network() === 'stalled') return;
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      const waitMs = head.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.pump(), Math.ceil(waitMs));
        return;
      }
      this.#queue.shift();
      this.#socket.write(head.frame);
    }
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }
}

/** Calls `take` with each whole frame, its length of four bytes included. */
function framed(take: (frame: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 4) {
      const end = 4 + rest.readUInt32BE(0);
      if (end > frameBytesMax) throw new Error(`a frame of ${end} bytes: this is not Kafka's protocol`);
      if (rest.length < end) return;
      const frame = rest.subarray(0, end);
      rest = rest.subarray(end);
      take(frame);
    }
  };
}

/** Returns the offset of a request's body, behind length, key, version, correlation id, client id and tagged fields. */
function bodyAt(frame: Buffer, flexible: boolean): number {
  return 14 + Math.max(0, frame.readInt16BE(12)) + (flexible ? 1 : 0);
}

/** The (first) topic of a Produce request: behind transactional id (null), acks, time-out and number of topics. */
function produceTopic(frame: Buffer): string {
  if (frame.readInt16BE(6) >= produceById) {
    const at = bodyAt(frame, true) + 1 + 2 + 4 + 1;
    return topicNames.get(frame.toString('hex', at, at + 16)) ?? '';
  }
  const at = bodyAt(frame, false) + 2 + 2 + 4 + 4;
  return frame.toString('utf8', at + 2, at + 2 + frame.readInt16BE(at));
}
