import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { expect } from 'chai';
import { Registry } from 'prom-client';
import type { KafkaClient } from '../../data-plane/kafka/kafka-client.ts';
import { createKafkajsClient } from '../../data-plane/kafka/clients/kafkajs-client.ts';
import { LogicalProducer } from '../../data-plane/kafka/logical-producer.ts';
import { TopicLabels } from '../../data-plane/kafka/topic-labels.ts';
import { createProducerMetrics } from '../../data-plane/kafka/producer-metrics.ts';
import type { ClusterSettings } from '../../data-plane/kafka/producer-types.ts';
import { createLogger } from '../../shared/log.ts';
import { bootstrapServers } from '../helpers/admin.ts';
import { createTopic } from '../helpers/kafka.ts';
import { type NumberedLoad, startNumberedLoad } from './load.ts';
import { type Judgement, judge, readRecords } from './oracle.ts';
import { ownMemory } from '../../data-plane/kafka/queue-bounds.ts';
import { expectPromisesKept } from './report.ts';
import { openPrefix, password, type Rig, user } from './rig.ts';
import { describeTogether } from './together.ts';

/** What a liar answers, and what it hands on to the data plane (null: nothing). */
interface Lie {
  readonly name: string;
  readonly found: keyof Judgement & ('lost' | 'wronglyWritten' | 'duplicates' | 'disordered');
  handle(body: string, number: number, forward: (body: string) => Promise<string>): Promise<string>;
}

const everyNth = 20;
const isChosen = (number: number) => number % everyNth === everyNth - 1;
const acked = '{"message":"message sent","outcome":"acked"}';
const notSent = '{"outcome":"not_sent","code":"KAFKA_UNAVAILABLE"}';

const lies: readonly Lie[] = [
  {
    name: 'acks without sending',
    found: 'lost',
    handle: (body, number, forward) => (isChosen(number) ? Promise.resolve(acked) : forward(body)),
  },
  {
    name: 'acks what it has changed',
    found: 'lost',
    handle: (body, number, forward) => forward(isChosen(number) ? body.replace('record', 'rec0rd') : body),
  },
  {
    name: 'sends and says that it did not',
    found: 'wronglyWritten',
    handle: async (body, number, forward) => {
      const answer = await forward(body);
      return isChosen(number) ? notSent : answer;
    },
  },
  {
    name: 'sends later what it said it had not sent',
    found: 'wronglyWritten',
    handle: async (body, number, forward) => {
      if (!isChosen(number)) return forward(body);
      void forward(body);
      return notSent;
    },
  },
];

/** The harness proves itself: where the data plane would be stands one that lies, and the oracle must see it. */
export function liesSuite(rig: () => Rig): void {
  describeTogether('the oracle against liars', [
    ...lies.map((lie) => ({ name: `finds one that ${lie.name}`, run: () => findsLiar(rig(), lie) })),
    { name: 'finds a lane that acks early', run: () => findsEarlyAcker(rig()) },
    {
      name: 'finds nothing when nobody lies',
      async run() {
        const honest: Lie = {
          name: 'tells the truth',
          found: 'lost',
          handle: (body, _number, forward) => forward(body),
        };
        expectPromisesKept(await judgeLiar(rig(), honest));
      },
    },
  ]);
}

async function findsLiar(rig: Rig, lie: Lie): Promise<void> {
  const judged = await judgeLiar(rig, lie);
  expect(judged.requests).to.be.above(everyNth);
  expect(() => expectPromisesKept(judged)).to.throw(/in the topic/);
  expect(judged[lie.found]).to.have.length.above(0);
}

async function findsEarlyAcker(rig: Rig): Promise<void> {
  const topic = await createTopic(`${openPrefix}early`, { partitions: 4, brokers: rig.kafka.internalServers });
  const early = await startEarlyAcker(rig, topic);
  try {
    const judged = await judgeLoad(rig, topic, early.url, async (load) => {
      await load.seen('acked', 100);
      // What was acked before it arrived meets a connection that ends.
      for (const proxy of rig.proxies) proxy.setRule(topic, { action: 'cut_before', times: 3 });
      await load.seen('acked', 100);
    });
    expect(() => expectPromisesKept(judged)).to.throw(/acked but not in the topic/);
  } finally {
    for (const proxy of rig.proxies) proxy.setRule(topic, null);
    await early.close();
  }
}

async function judgeLiar(rig: Rig, lie: Lie): Promise<Judgement> {
  const topic = await createTopic(`${openPrefix}lies`, { partitions: 4, brokers: rig.kafka.internalServers });
  const name = `lies-${randomUUID()}`;
  await rig.makeRoute(name, topic);
  const liar = await startLiar(`${rig.node('kafkajs').proxy}/${name}`, lie);
  try {
    return await judgeLoad(rig, topic, liar.url, (load) => load.seen('acked', 100), liar.settled);
  } finally {
    await liar.close();
  }
}

async function judgeLoad(
  rig: Rig,
  topic: string,
  url: string,
  run: (load: NumberedLoad) => Promise<void>,
  settled: () => Promise<unknown> = () => Promise.resolve(),
): Promise<Judgement> {
  const load = startNumberedLoad({ url, workers: 8 });
  try {
    await run(load);
  } finally {
    await load.stop();
  }
  await settled();
  return judge(load.notes, await readRecords(topic, rig.kafka.internalServers));
}

async function startLiar(target: string, lie: Lie) {
  const open = new Set<Promise<unknown>>();
  const forward = (query: string) => (body: string) => {
    const sending = fetch(`${target}${query}`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    }).then((response) => response.text());
    open.add(sending);
    return sending.finally(() => open.delete(sending));
  };
  const front = await startFront(async (body, query) => {
    const { number } = JSON.parse(body) as { number: number };
    return lie.handle(body, number, forward(query));
  });
  return { ...front, settled: () => Promise.all(open) };
}

/** The producer of the data plane over a client that acks what it has not heard of yet. */
async function startEarlyAcker(rig: Rig, topic: string) {
  const bootstrap = bootstrapServers(rig.proxies.map(({ address }) => address).join(','));
  const cluster: ClusterSettings = {
    bootstrapServers: bootstrap,
    connectTimeoutMs: 1_000,
    requestTimeoutMs: 1_000,
    acks: -1,
    compression: 'none',
    idempotent: false,
    partitioner: 'murmur2',
    sasl: { mechanism: 'PLAIN', username: user, password },
    tls: null,
  };
  const logger = createLogger({ level: 'error', format: 'json', write: () => undefined });
  const producer = new LogicalProducer({
    label: () => 'early',
    cluster,
    limits: {
      batchRecordsMax: 200,
      batchBytesMax: 1_048_576,
      lingerMs: 0,
      queueRecordsMax: 1_000,
      queueBytesMax: 1_048_576,
      attemptsMax: 10,
      retryBackoffMs: 100,
    },
    memory: ownMemory(1_048_576),
    logger,
    metrics: createProducerMetrics(new Registry(), () => [], ownMemory(1_048_576)),
    topicLabels: new TopicLabels(),
    createClient: (events) => ackingEarly(createKafkajsClient({ cluster, logger, events })),
  });
  const front = await startFront(async (body, query) => {
    const key = new URLSearchParams(query).get('key');
    const record = { key: key === null ? null : Buffer.from(key), value: Buffer.from(body), headers: [] };
    return JSON.stringify(await producer.publish(topic, record, performance.now() + 2_000));
  });
  return {
    url: front.url,
    async close() {
      await front.close();
      await producer.close(performance.now() + 1_000);
    },
  };
}

function ackingEarly(client: KafkaClient): KafkaClient {
  return {
    connect: (deadlineMs) => client.connect(deadlineMs),
    probe: (partitions, deadlineMs) => client.probe(partitions, deadlineMs),
    topicLimits: (topic, deadlineMs) => client.topicLimits(topic, deadlineMs),
    metadata: (topics, deadlineMs) => client.metadata(topics, deadlineMs),
    isReady: (brokerId) => client.isReady(brokerId),
    produce(request) {
      client.produce(request).catch(() => undefined);
      return Promise.resolve(request.batches.map(() => ({ baseOffset: 0n })));
    },
    producerId: (deadlineMs) => client.producerId(deadlineMs),
    close: () => client.close(),
  };
}

/** A server whose every answer is what the function makes of the body and the query (`?…`). */
async function startFront(answer: (body: string, query: string) => Promise<string>) {
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
    response.end(await answer(body, new URL(request.url ?? '', 'http://front').search));
  };
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not bound to a port');
  return {
    url: `http://127.0.0.1:${address.port}/`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
