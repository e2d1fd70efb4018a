import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { expect } from 'chai';
import type {
  ClientStatus,
  KafkaClient,
  KafkaRecord,
  ProduceRequest,
  ProduceResult,
  SequenceStamp,
  TopicMetadata,
} from '../../data-plane/kafka/kafka-client.ts';
import { KafkaError } from '../../data-plane/kafka/kafka-error.ts';
import type { KafkaClientOptions } from '../../data-plane/kafka/clients/kafkajs-client.ts';
import type { ClusterSettings } from '../../data-plane/kafka/producer-types.ts';
import { silentLogger } from '../../shared/log.ts';
import { countRecords, createTopic, readTopic, readWithConsoleConsumer, testKafka } from '../helpers/kafka.ts';
import { waitFor } from '../helpers/wait-for.ts';

interface Opened {
  readonly client: KafkaClient;
  readonly statuses: ClientStatus[];
}

/** What every KafkaClient must do, against the real brokers of the run. */
export function kafkaClientContract(name: string, create: (options: KafkaClientOptions) => KafkaClient): void {
  describe(`KafkaClient: ${name}`, function () {
    this.timeout(30_000);
    const clients: KafkaClient[] = [];
    const closers: (() => Promise<void>)[] = [];
    afterEach(async () => {
      await Promise.all(clients.splice(0).map((client) => client.close()));
      await Promise.all(closers.splice(0).map((close) => close()));
    });

    function open(settings: Partial<ClusterSettings> = {}): Opened {
      const statuses: ClientStatus[] = [];
      const client = create({
        cluster: { ...clusterSettings(testKafka()), ...settings },
        logger: silentLogger(),
        events: { onReady: () => undefined, onStatus: (status) => statuses.push(status) },
      });
      clients.push(client);
      return { client, statuses };
    }

    async function openConnected(settings: Partial<ClusterSettings> = {}): Promise<KafkaClient> {
      const { client } = open(settings);
      await client.connect(soon());
      return client;
    }

    it('connects, and reports it once', async () => {
      const { client, statuses } = open();
      await client.connect(soon());
      expect(statuses).to.deep.equal([{ state: 'connected', error: null, loginRefused: false }]);
    });

    it('writes records byte for byte and reports their offsets', async () => {
      const client = await openConnected();
      const topic = await createTopic('contract', { partitions: 3 });
      const records: KafkaRecord[] = [
        { key: Buffer.from('k'), value: Buffer.from([0, 255, 128]), headers: [{ name: 'ä', value: 'ö' }] },
        { key: null, value: Buffer.from('b'), headers: [{ name: 'raw', value: Buffer.from([1, 0, 2]) }] },
        { key: Buffer.alloc(0), value: null, headers: [] },
      ];
      expect(await produce(client, topic, 1, records)).to.equal(0n);
      expect(await produce(client, topic, 1, records.slice(0, 1))).to.equal(3n);
      const read = await readTopic(topic);
      expect(read.map(({ partition, key, value }) => ({ partition, key, value }))).to.deep.equal(
        [...records, ...records.slice(0, 1)].map(({ key, value }) => ({ partition: 1, key, value })),
      );
      expect(String(read[0]?.headers['ä'])).to.equal('ö');
      expect(read[1]?.headers['raw']).to.deep.equal(Buffer.from([1, 0, 2]));
    });

    it('has requests for several partitions in flight at once', async () => {
      const client = await openConnected();
      const topic = await createTopic('contract', { partitions: 8 });
      await ready(client, await metadataOf(client, topic));
      const offsets = await Promise.all(
        [0, 1, 2, 3, 4, 5, 6, 7].map((id) => produce(client, topic, id, [record('v')])),
      );
      expect(offsets).to.deep.equal(Array.from({ length: 8 }, () => 0n));
    });

    for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
      it(`compresses by ${compression}`, async () => {
        const client = await openConnected({ compression });
        const topic = await createTopic('contract');
        await produce(client, topic, 0, [record('x'.repeat(5000)), record('y')]);
        // Kafka's own consumer: kafkajs reads neither snappy nor lz4.
        expect(await readWithConsoleConsumer(topic, 2)).to.deep.equal([`null\t${'x'.repeat(5000)}`, 'null\ty']);
      });
    }

    it('reports the record size and the timestamps that a topic accepts', async () => {
      const client = await openConnected();
      const configs = {
        'max.message.bytes': '4321',
        'message.timestamp.type': 'LogAppendTime',
        'message.timestamp.before.max.ms': '1000',
        'message.timestamp.after.max.ms': '2000',
      };
      const topic = await createTopic('contract', { configs });
      expect(await client.topicLimits(topic, soon())).to.deep.equal({
        recordBytesMax: 4321,
        timestamps: { isAppendTime: true, beforeMaxMs: 1000, afterMaxMs: 2000 },
      });
      const unknown = await client.topicLimits(`${topic}-unknown`, soon());
      expect(unknown).to.deep.equal({ recordBytesMax: null, timestamps: null });
    });

    it('probes the leaders of partitions that failed, and leaves out partitions that no longer exist', async () => {
      const client = await openConnected();
      const topic = await createTopic('contract', { partitions: 2 });
      await metadataOf(client, topic);
      const partitions = new Map([
        [topic, new Set([0, 1, 7])],
        [`${topic}-unknown`, new Set([0])],
      ]);
      await client.probe(partitions, soon());
    });

    it('reports no offset with acks 0', async () => {
      const client = await openConnected({ acks: 0 });
      const topic = await createTopic('contract');
      expect(await produce(client, topic, 0, [record('a')])).to.equal(null);
      await waitFor(async () => (await countRecords(topic)) === 1, { what: 'the record', timeoutMs: 10_000 });
    });

    it('does not create an unknown topic, and holds up no other topic', async () => {
      const client = await openConnected();
      const topic = await createTopic('contract');
      const unknown = `${topic}-unknown`;
      expect((await failure(metadataOf(client, unknown))).kafkaName).to.equal('UNKNOWN_TOPIC_OR_PARTITION');
      expect(await listTopics()).to.not.include(unknown);
      expect(await produce(client, topic, 0, [record('a')])).to.equal(0n);
    });

    it('reports an invalid topic name', async () => {
      const client = await openConnected();
      expect((await failure(metadataOf(client, 'no spaces'))).kafkaName).to.equal('INVALID_TOPIC_EXCEPTION');
    });

    it('reports a deleted topic as a verdict, and other topics are not affected', async () => {
      const client = await openConnected();
      const doomed = await createTopic('contract');
      const other = await createTopic('contract');
      const metadata = await metadataOf(client, doomed);
      await produce(client, doomed, 0, [record('a')]);
      await deleteTopic(doomed);
      const error = await failure(
        waitForFailure(() =>
          produceOne(client, {
            ...requestOf(metadata, 0, [record('b')]),
            leader: metadata.partitions[0]?.leader ?? -1,
          }),
        ),
      );
      expect(error.kafkaName).to.be.oneOf(['UNKNOWN_TOPIC_ID', 'UNKNOWN_TOPIC_OR_PARTITION', 'NOT_LEADER_OR_FOLLOWER']);
      expect(error.wire).to.equal('verdict');
      await waitFor(
        async () => (await failure(metadataOf(client, doomed))).kafkaName === 'UNKNOWN_TOPIC_OR_PARTITION',
        {
          what: 'the topic to be gone',
          timeoutMs: 10_000,
        },
      );
      expect(await produce(client, other, 0, [record('c')])).to.equal(0n);
    });

    it('writes several partitions by one request, each with its own outcome', async () => {
      const client = await openConnected();
      const topic = await createTopic('contract', { partitions: 3, configs: { 'max.message.bytes': '2000' } });
      // Each partition takes records from here on, whatever the brokers had heard before.
      for (const partition of [0, 1, 2]) await produce(client, topic, partition, [record('first')]);
      const metadata = await metadataOf(client, topic);
      const request = requestOf(metadata, 0, []);
      const batches = [
        [2, 'b'],
        [1, 'x'.repeat(5000)],
        [7, 'nowhere'],
        [0, 'a'],
      ] as const;
      const outcomes = await client.produce({
        ...request,
        batches: batches.map(([partition, value]) => ({ partition, records: [record(value)], stamp: null })),
      });
      expect(outcomes.map((each) => (each instanceof KafkaError ? each.kafkaName : each.baseOffset))).to.deep.equal([
        1n,
        'MESSAGE_TOO_LARGE',
        'UNKNOWN_TOPIC_OR_PARTITION',
        1n,
      ]);
      const read = await readTopic(topic);
      expect(read.map(({ partition, value }) => `${partition} ${value?.toString()}`)).to.deep.equal([
        '0 first',
        '0 a',
        '1 first',
        '2 first',
        '2 b',
      ]);
    });

    it('never writes records of a deleted topic to a new topic of the same name', async () => {
      const client = await openConnected();
      const topic = await createTopic('contract');
      await produce(client, topic, 0, [record('old')]);
      const before = await metadataOf(client, topic);
      await deleteTopic(topic);
      await waitFor(async () => !(await listTopics()).includes(topic), { what: 'its end', timeoutMs: 10_000 });
      await createTopic('', { name: topic });
      const error = await failure(produceOne(client, requestOf(before, 0, [record('stale')])));
      expect(error).to.include({ kafkaName: 'UNKNOWN_TOPIC_ID', wire: 'verdict', retriable: true });
      expect(await produce(client, topic, 0, [record('new')])).to.equal(0n);
      expect((await metadataOf(client, topic)).id).to.not.equal(before.id);
    });

    it('writes a batch with the same sequence numbers once, and reports its offset each time', async () => {
      const client = await openConnected({ idempotent: true });
      const topic = await createTopic('contract');
      // Brokers that have just started give none for a moment.
      const producer = await waitFor(() => client.producerId(soon()), { what: 'a producer id', timeoutMs: 30_000 });
      expect((await client.producerId(soon())).id).to.not.equal(producer.id);
      const first = { producer, sequence: 0, createdAtMs: Date.now() };
      expect(await produce(client, topic, 0, [record('a'), record('b')], first)).to.equal(0n);
      expect(await produce(client, topic, 0, [record('a'), record('b')], first)).to.equal(0n);
      const gap = await failure(produce(client, topic, 0, [record('d')], { ...first, sequence: 3 }));
      expect(gap).to.include({ kafkaName: 'OUT_OF_ORDER_SEQUENCE_NUMBER', wire: 'verdict' });
      expect(await produce(client, topic, 0, [record('c')], { ...first, sequence: 2 })).to.equal(2n);
      expect((await readTopic(topic)).map(({ value }) => value?.toString())).to.deep.equal(['a', 'b', 'c']);
    });

    it('reports a missing partition as a verdict', async () => {
      const client = await openConnected();
      const topic = await createTopic('contract');
      const metadata = await metadataOf(client, topic);
      const error = await failure(
        produceOne(client, { ...requestOf(metadata, 5, [record('a')]), leader: metadata.partitions[0]?.leader ?? -1 }),
      );
      expect(error).to.include({ kafkaName: 'UNKNOWN_TOPIC_OR_PARTITION', wire: 'verdict', retriable: true });
    });

    it('reports a record that is too large as a final verdict, and writes the next', async () => {
      const client = await openConnected();
      const topic = await createTopic('contract', { configs: { 'max.message.bytes': '2000' } });
      const error = await failure(produce(client, topic, 0, [record('x'.repeat(5000))]));
      expect(error).to.include({ kafkaName: 'MESSAGE_TOO_LARGE', wire: 'verdict', retriable: false });
      expect(await produce(client, topic, 0, [record('small')])).to.equal(0n);
    });

    it('reports that a compacted topic refuses a record without a key', async () => {
      const client = await openConnected();
      const topic = await createTopic('contract', { configs: { 'cleanup.policy': 'compact' } });
      const error = await failure(produce(client, topic, 0, [record('a')]));
      expect(error).to.include({ kafkaName: 'INVALID_RECORD', wire: 'verdict', retriable: false });
    });

    it('fails without a connection, with nothing sent', async () => {
      const { client, statuses } = open({ bootstrapServers: [{ host: '127.0.0.1', port: await unusedPort() }] });
      const error = await failure(client.connect(performance.now() + 1500));
      expect(error).to.include({ kafkaName: 'CONNECTION_FAILED', wire: 'untouched' });
      expect(statuses.at(-1)?.state).to.equal('failing');
      const refused = await failure(
        produceOne(client, requestOf({ topic: 't', id: null, partitions: [] }, 0, [record('a')])),
      );
      expect(refused).to.include({ kafkaName: 'CONNECTION_FAILED', wire: 'untouched' });
    });

    it('tries the seeds in turn', async () => {
      const { client } = open({
        bootstrapServers: [
          { host: '127.0.0.1', port: await unusedPort() },
          ...clusterSettings(testKafka()).bootstrapServers,
        ],
      });
      await client.connect(soon());
    });

    it('reports a broker that accepts and never answers as failing within the connect time-out', async () => {
      const silent = await listen(() => undefined);
      closers.push(() => silent.close());
      const { client, statuses } = open({
        bootstrapServers: [silent.address],
        connectTimeoutMs: 200,
        requestTimeoutMs: 100,
      });
      await failure(client.connect(performance.now() + 800));
      expect(statuses.at(-1)).to.include({ state: 'failing', loginRefused: false });
    });

    it('closes at once, and the outcome of a request in flight is unknown', async () => {
      const client = await openConnected();
      const topic = await createTopic('contract');
      const metadata = await metadataOf(client, topic);
      await ready(client, metadata);
      const inFlight = failure(produceOne(client, requestOf(metadata, 0, [record('a')])));
      await client.close();
      expect((await inFlight).wire).to.equal('unknown');
    });
  });
}

function clusterSettings(brokers: string): ClusterSettings {
  const bootstrapServers = brokers.split(',').map((address) => {
    const colon = address.lastIndexOf(':');
    return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
  });
  return {
    bootstrapServers,
    connectTimeoutMs: 5000,
    requestTimeoutMs: 5000,
    acks: -1,
    compression: 'none',
    idempotent: false,
    partitioner: 'murmur2',
    sasl: null,
    tls: null,
  };
}

function soon(): number {
  return performance.now() + 10_000;
}

function record(value: string): KafkaRecord {
  return { key: null, value: Buffer.from(value), headers: [] };
}

function requestOf(
  { topic, id, partitions }: TopicMetadata,
  partition: number,
  records: readonly KafkaRecord[],
  stamp: SequenceStamp | null = null,
): ProduceRequest {
  const leader = partitions[partition]?.leader ?? -1;
  return { topic, topicId: id, leader, batches: [{ partition, records, stamp }], timeoutMs: 5000 };
}

/** What became of the one batch of the request. */
async function produceOne(client: KafkaClient, request: ProduceRequest): Promise<ProduceResult> {
  const [outcome] = await client.produce(request);
  if (outcome === undefined) throw new Error('no outcome');
  if (outcome instanceof KafkaError) throw outcome;
  return outcome;
}

/** Waits for the leader's connection. */
async function produce(
  client: KafkaClient,
  topic: string,
  partition: number,
  records: readonly KafkaRecord[],
  stamp: SequenceStamp | null = null,
): Promise<bigint | null> {
  while (true) {
    const metadata = await metadataOf(client, topic);
    await ready(client, metadata);
    try {
      return (await produceOne(client, requestOf(metadata, partition, records, stamp))).baseOffset;
    } catch (error) {
      // A broker may learn of a new topic after another has told of it.
      const young =
        error instanceof KafkaError &&
        ['NOT_LEADER_OR_FOLLOWER', 'UNKNOWN_TOPIC_ID', 'UNKNOWN_TOPIC_OR_PARTITION'].includes(error.kafkaName);
      if (!young) throw error;
      await delay(20);
    }
  }
}

async function ready(client: KafkaClient, metadata: { partitions: readonly { leader: number }[] }): Promise<void> {
  await waitFor(() => metadata.partitions.every(({ leader }) => client.isReady(leader)), {
    what: 'the leaders',
    timeoutMs: 5000,
  });
}

async function failure(promise: Promise<unknown>): Promise<KafkaError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof KafkaError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

/** Repeats until it fails. */
async function waitForFailure(run: () => Promise<unknown>): Promise<void> {
  const untilMs = performance.now() + 10_000;
  while (performance.now() < untilMs) await run();
}

async function withAdmin<T>(run: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> {
  const admin = new Kafka({ brokers: testKafka().split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await run(admin);
  } finally {
    await admin.disconnect();
  }
}

function listTopics(): Promise<string[]> {
  return withAdmin((admin) => admin.listTopics());
}

function deleteTopic(topic: string): Promise<void> {
  return withAdmin((admin) => admin.deleteTopics({ topics: [topic] }));
}

interface Listening {
  readonly address: { readonly host: string; readonly port: number };
  readonly close: () => Promise<void>;
}

async function listen(onConnection: (socket: Socket) => void): Promise<Listening> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    address: { host: '127.0.0.1', port: address.port },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** A port on which nobody listens now. */
async function unusedPort(): Promise<number> {
  const { address, close } = await listen(() => undefined);
  await close();
  // Nobody else took it in between, or the test would say so.
  await new Promise<void>((resolve, reject) => {
    connect(address.port, address.host)
      .on('connect', () => reject(new Error('the port is taken')))
      .on('error', () => resolve());
  });
  return address.port;
}

/** Returns the metadata of one topic. @throws KafkaError for the topic or for the request */
async function metadataOf(client: KafkaClient, topic: string): Promise<TopicMetadata> {
  const found = (await client.metadata([topic], soon())).get(topic);
  if (found === undefined) throw new Error('the client left the topic out');
  if (found instanceof KafkaError) throw found;
  return found;
}
