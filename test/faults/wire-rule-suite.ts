import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { createTopic, readTopic } from '../helpers/kafka.ts';
import { revoke, allow, setTopicConfig } from '../helpers/kafka-admin.ts';
import { post, type PostAnswer } from '../helpers/post.ts';
import type { NetworkState, ProduceAction } from '../helpers/tcp-proxy.ts';
import { testedClients as clients, type ClientName, isLong } from '../helpers/kafka-clients.ts';
import { openPrefix, type Rig, user } from './rig.ts';
import { describeTogether } from './together.ts';

const deadlineMs = 2_000;
const requestTimeoutMs = 100;
const connectTimeoutMs = 1_000;
/** A broker's answer may take its time-out and a second for the way before the node gives up waiting. */
const givesUpMs = requestTimeoutMs + 1_000;
/** On a busy machine. */
const lateMs = 1_500;

const timeouts = {
  delivery_timeout: deadlineMs,
  producer_request_timeout: requestTimeoutMs,
  producer_request_retries_max_attempts: 100,
};

/** A topic of one partition behind spoiled connections. */
interface Scene {
  readonly topic: string;
  /** The node's proxy. */
  readonly proxy: string;
  send(id: string): Promise<PostAnswer>;
  /** For this topic's Produce requests, on the way to every broker. */
  readonly spoil: (action: ProduceAction, times?: number) => void;
  /** Resolves when this many Produce requests came by. */
  produced(count: number): Promise<void>;
  readonly network: (state: NetworkState) => void;
  /** Resolves when the scenes of all clients have come so far: the network is one for all. */
  readonly meet: () => Promise<void>;
  /** How often the topic holds the record. */
  copies(id: string): Promise<number>;
}

interface Case {
  readonly name: string;
  readonly prefix?: string;
  /** Further configuration of the plugin. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly run: (scene: Scene, rig: Rig) => Promise<void>;
}

const unknown = { status: 504, code: 'DELIVERY_UNKNOWN', outcome: 'unknown', retryable: true } as const;

function expectAnswer(answer: PostAnswer, expected: object): void {
  expect({ status: answer.status, ...answer.body }, JSON.stringify(answer.body)).to.deep.include(expected);
  expect(answer.ms, 'answered in time').to.be.below(deadlineMs + lateMs);
}

/** Once: the next attempt brings a verdict. For good: nothing is known at the deadline. */
function spoiled(
  action: ProduceAction,
  copiesOnce: readonly number[],
  copiesForGood: 'none' | 'some' | 'any' | 'not tried',
): Case[] {
  const name = typeof action === 'string' ? action : `response late by ${action.delayResponseMs} ms`;
  const once: Case[] = [
    {
      name: `${name}, once: acked by the next attempt`,
      async run(scene) {
        scene.spoil(action, 1);
        expectAnswer(await scene.send('once'), { status: 200, outcome: 'acked' });
        expect(await scene.copies('once')).to.be.oneOf([...copiesOnce]);
      },
    },
  ];
  if (copiesForGood === 'not tried') return once;
  return [
    ...once,
    {
      name: `${name}, every time: unknown at the deadline`,
      async run(scene) {
        scene.spoil(action);
        const answer = await scene.send('always');
        expectAnswer(answer, unknown);
        expect(answer.ms).to.be.at.least(deadlineMs - 100);
        const copies = await scene.copies('always');
        if (copiesForGood === 'none') expect(copies).to.equal(0);
        if (copiesForGood === 'some') expect(copies).to.be.at.least(1);
      },
    },
  ];
}

/** With numbered records a broker takes what it has already for what it is, however its answer was lost. */
function spoiledIdempotent(action: ProduceAction): Case {
  const name = typeof action === 'string' ? action : `response late by ${action.delayResponseMs} ms`;
  return {
    name: `${name}, once, idempotent: acked by the next attempt, written once`,
    config: { producer_idempotent: true },
    async run(scene) {
      scene.spoil(action, 1);
      expectAnswer(await scene.send('once'), { status: 200, outcome: 'acked' });
      expect(await scene.copies('once')).to.equal(1);
      // The numbers go on where they were.
      expectAnswer(await scene.send('then'), { status: 200, outcome: 'acked' });
      expect(await scene.copies('then')).to.equal(1);
    },
  };
}

/** First an attempt whose answer is lost, then this: the outcome may only become acked or unknown. */
function afterLostAnswer(name: string, then: Case['run'], more: Pick<Case, 'prefix'> = {}): Case {
  return {
    name: `${name} after an attempt without an answer: unknown, not refused`,
    ...more,
    async run(scene, rig) {
      scene.spoil('swallow', 1);
      const sending = scene.send('first');
      await scene.produced(1);
      await then(scene, rig);
      const answer = await sending;
      expect(answer.body.outcome, JSON.stringify(answer.body)).to.equal('unknown');
      expect(answer.status).to.be.oneOf([503, 504]);
      expect(answer.ms).to.be.below(deadlineMs + lateMs);
      expect(await scene.copies('first')).to.equal(1);
    },
  };
}

const cases: readonly Case[] = [
  ...spoiled('cut_before', [1], isLong ? 'none' : 'not tried'),
  ...spoiled('cut_half', [1], 'none'),
  ...spoiled('cut_after', [1, 2], isLong ? 'any' : 'not tried'),
  ...spoiled('cut_response', [2], isLong ? 'some' : 'not tried'),
  ...spoiled('swallow', [2], isLong ? 'some' : 'not tried'),
  ...spoiled({ delayResponseMs: givesUpMs + 200 }, [2], isLong ? 'some' : 'not tried'),
  ...(['cut_half', 'cut_after', 'cut_response', 'swallow'] as const).map(spoiledIdempotent),
  spoiledIdempotent({ delayResponseMs: givesUpMs + 200 }),
  {
    name: 'no answer to any attempt, idempotent: unknown, and written once at the most',
    config: { producer_idempotent: true },
    async run(scene) {
      scene.spoil('cut_response');
      expectAnswer(await scene.send('always'), unknown);
      expect(await scene.copies('always')).to.equal(1);
      scene.spoil('cut_response', 0);
      expectAnswer(await scene.send('then'), { status: 200, outcome: 'acked' });
      expect(await scene.copies('then')).to.equal(1);
    },
  },
  {
    name: 'a late response within the time-out: acked, written once',
    async run(scene) {
      scene.spoil({ delayResponseMs: givesUpMs - 700 });
      const answer = await scene.send('late');
      expectAnswer(answer, { status: 200, outcome: 'acked' });
      expect(answer.ms).to.be.at.least(givesUpMs - 750);
      expect(await scene.copies('late')).to.equal(1);
    },
  },
  {
    name: 'a record that waits behind one without an answer: not_sent, and never written',
    async run(scene) {
      scene.spoil('swallow');
      const first = scene.send('first');
      await scene.produced(1);
      const second = await scene.send('second');
      expectAnswer(second, { status: 503, code: 'KAFKA_UNAVAILABLE', outcome: 'not_sent', retryable: true });
      expectAnswer(await first, unknown);
      // Past every time-out, so that a late attempt would show.
      await delay(givesUpMs - requestTimeoutMs);
      expect(await scene.copies('second')).to.equal(0);
      expect(await scene.copies('first')).to.be.at.least(1);
    },
  },
  {
    name: 'two topics, one without an answer: 500, partial',
    async run({ topic, proxy, spoil }, rig) {
      const other = await createTopic(`${openPrefix}wire`, { brokers: rig.kafka.internalServers });
      const name = `wire-${randomUUID()}`;
      await rig.makeRoute(name, other, { ...timeouts, topics_query_arg: 'topics', allowed_topics: [topic] });
      spoil('swallow');
      const answer = await post(`${proxy}/${name}?topics=${other},${topic}`, { id: 'both' });
      expectAnswer(answer, { status: 500, code: 'PARTIAL', outcome: 'partial', retryable: false });
      const records = answer.body.records?.map(({ topic, outcome, code }) => ({ topic, outcome, code }));
      expect(records).to.deep.equal([
        { topic: other, outcome: 'acked', code: undefined },
        { topic, outcome: 'unknown', code: 'DELIVERY_UNKNOWN' },
      ]);
    },
  },
  afterLostAnswer(
    'permission revoked',
    (scene, rig) => revoke({ user, topic: scene.topic }, rig.kafka.internalServers),
    { prefix: 'private-' },
  ),
  afterLostAnswer('a smaller limit', (scene, rig) =>
    setTopicConfig(scene.topic, { 'max.message.bytes': '10' }, rig.kafka.internalServers),
  ),
];

/** This one breaks the network for all. */
const outOfReach = afterLostAnswer('brokers out of reach', async ({ meet, network }) => {
  await meet();
  network('closed');
});

/** Once an attempt was on the wire without a verdict, the outcome is acked or unknown. */
export function wireRuleSuite(rig: () => Rig): void {
  describeTogether(
    'the rule across attempts',
    cases.map((each, index) => ({ name: each.name, run: () => runCase(rig(), each, index) })),
  );
  it(`the rule across attempts: ${outOfReach.name}`, async () => {
    await runCase(rig(), outOfReach, cases.length).finally(() => {
      for (const proxy of rig().proxies) proxy.setNetwork('open');
    });
  });
}

/** With both clients at once: most of the time is waiting. */
async function runCase(rig: Rig, { prefix = openPrefix, config = {}, run }: Case, index: number): Promise<void> {
  const meet = createMeeting(clients.length);
  // A time-out of its own makes a producer of its own: what spoils one request breaks its connection for all that share it.
  const own = { ...config, timeout: connectTimeoutMs + index };
  const scenes = await Promise.all(clients.map((client) => makeScene(rig, client, { prefix, config: own, meet })));
  // One that failed keeps nobody waiting.
  const results = await Promise.allSettled(scenes.map((scene) => run(scene, rig).finally(() => void meet())));
  for (const proxy of rig.proxies) {
    for (const { topic } of scenes) proxy.setRule(topic, null);
  }
  results.forEach((result, index) => {
    if (result.status === 'rejected') throw new Error(`with ${clients[index]}`, { cause: result.reason });
  });
}

/** A function that resolves when it was called this often. */
function createMeeting(count: number): () => Promise<void> {
  let missing = count;
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return () => {
    missing -= 1;
    if (missing <= 0) open();
    return opened;
  };
}

async function makeScene(
  rig: Rig,
  client: ClientName,
  { prefix, config, meet }: Required<Pick<Case, 'prefix' | 'config'>> & Pick<Scene, 'meet'>,
): Promise<Scene> {
  const { proxies, kafka } = rig;
  const topic = await createTopic(`${prefix}wire`, { brokers: kafka.internalServers });
  if (prefix !== openPrefix) await allow({ user, topic }, kafka.internalServers);
  const name = `wire-${randomUUID()}`;
  await rig.makeRoute(name, topic, { ...timeouts, ...config });
  const count = () => proxies.reduce((sum, each) => sum + each.produced(topic), 0);
  const { proxy } = rig.node(client);
  const send = (id: string) => post(`${proxy}/${name}`, { id });
  // The connection is up and the topic known, so that the first attempt goes out at once.
  await untilAcked(send);
  const before = count();
  return {
    topic,
    proxy,
    meet,
    send,
    spoil: (action, times) => {
      for (const each of proxies) each.setRule(topic, times === undefined ? { action } : { action, times });
    },
    async produced(wanted) {
      const giveUpMs = performance.now() + deadlineMs;
      while (count() - before < wanted) {
        if (performance.now() > giveUpMs) throw new Error('no Produce request came by');
        await delay(2);
      }
    },
    network: (state) => proxies.forEach((each) => each.setNetwork(state)),
    copies: async (id) =>
      (await readTopic(topic, kafka.internalServers)).filter(
        ({ value }) => value?.toString().includes(`"${id}"`) === true,
      ).length,
  };
}

async function untilAcked(send: (id: string) => Promise<PostAnswer>): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    if ((await send('warm')).status === 200) return;
    await delay(100);
  }
  throw new Error('no record was acked before the case began');
}
