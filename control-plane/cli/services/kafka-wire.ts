import { connect } from 'node:net';

// The launcher asks brokers three questions. A Kafka client is not loaded for that: kafkajs has its place in the data
// plane alone, and a node's command line must start fast. Formats: https://kafka.apache.org/protocol.html
const metadataKey = 3;
const metadataVersion = 4;
const createTopicsKey = 19;
const createTopicsVersion = 4;
const clientId = 'sluice-cli';
const responseBytesMax = 16 * 1024 * 1024;
const topicAlreadyExists = 36;

export interface KafkaAddress {
  readonly host: string;
  readonly port: number;
}

export interface ClusterMetadata {
  /** The brokers that the cluster takes for alive. */
  readonly brokers: readonly (KafkaAddress & { readonly id: number })[];
  readonly controllerId: number;
}

/** Asks one broker (PLAINTEXT) for the cluster's brokers. */
export async function fetchMetadata(address: KafkaAddress, timeoutMs: number): Promise<ClusterMetadata> {
  // An empty list of topics: brokers only. No topic is ever made by asking.
  const body = Buffer.concat([int32(0), int8(0)]);
  const reader = await request({ address, key: metadataKey, version: metadataVersion, body, timeoutMs });
  reader.int32(); // throttle time
  const brokers = Array.from({ length: reader.int32() }, () => {
    const broker = { id: reader.int32(), host: reader.string(), port: reader.int32() };
    reader.string(); // rack
    return broker;
  });
  reader.string(); // cluster id
  return { brokers, controllerId: reader.int32() };
}

export interface CreateTopicOptions {
  readonly address: KafkaAddress;
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor?: number;
  readonly configs?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** Creates the topic; one that exists already is left as it is. Resolves to whether it was created. */
export async function createTopic(options: CreateTopicOptions): Promise<boolean> {
  const { topic, partitions, replicationFactor = 1, configs = {}, timeoutMs } = options;
  const { brokers, controllerId } = await fetchMetadata(options.address, timeoutMs);
  const address = brokers.find(({ id }) => id === controllerId) ?? options.address;
  const configEntries = Object.entries(configs).flatMap(([name, value]) => [string(name), string(value)]);
  const body = Buffer.concat([
    int32(1),
    string(topic),
    int32(partitions),
    int16(replicationFactor),
    int32(0), // no assignment by hand
    int32(configEntries.length / 2),
    ...configEntries,
    int32(timeoutMs),
    int8(0), // really create, not only validate
  ]);
  const reader = await request({ address, key: createTopicsKey, version: createTopicsVersion, body, timeoutMs });
  reader.int32(); // throttle time
  reader.int32(); // one topic
  reader.string(); // its name
  const code = reader.int16();
  if (code === topicAlreadyExists) return false;
  if (code !== 0) throw new Error(`Kafka did not create topic ${topic}: error ${code} ${reader.string()}`.trimEnd());
  return true;
}

interface Request {
  readonly address: KafkaAddress;
  readonly key: number;
  readonly version: number;
  readonly body: Buffer;
  readonly timeoutMs: number;
}

/** One request on one connection; resolves to a reader that stands after the response's header. */
function request({ address, key, version, body, timeoutMs }: Request): Promise<Reader> {
  const head = Buffer.concat([int16(key), int16(version), int32(1), string(clientId)]);
  return new Promise((resolve, reject) => {
    const socket = connect(address);
    const fail = (message: string) => {
      socket.destroy();
      reject(new Error(`${address.host}:${address.port}: ${message}`));
    };
    const timer = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
    let received = Buffer.alloc(0);
    socket.on('close', () => {
      clearTimeout(timer);
      fail('connection closed without an answer');
    });
    socket.on('error', (error) => fail(error.message));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4) return;
      const size = received.readInt32BE(0);
      if (size < 4 || size > responseBytesMax) return fail('the answer is not Kafka’s');
      if (received.length < 4 + size) return;
      resolve(new Reader(received.subarray(8, 4 + size)));
      socket.destroy();
    });
    socket.write(Buffer.concat([int32(head.length + body.length), head, body]));
  });
}

class Reader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int16(): number {
    this.#offset += 2;
    return this.#bytes.readInt16BE(this.#offset - 2);
  }

  int32(): number {
    this.#offset += 4;
    return this.#bytes.readInt32BE(this.#offset - 4);
  }

  /** A string with a 16-bit length; null (length -1) reads as ''. */
  string(): string {
    const start = this.#offset + 2;
    this.#offset = start + Math.max(0, this.int16());
    return this.#bytes.toString('utf8', start, this.#offset);
  }
}

function int8(value: number): Buffer {
  return Buffer.from([value]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function string(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([int16(bytes.length), bytes]);
}
