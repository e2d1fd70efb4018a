import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { createTopic } from '../helpers/kafka.ts';
import { makeAgain } from '../helpers/kafka-admin.ts';
import { type OpenLoad, startOpenLoad } from './load.ts';
import { type Judgement, judge, readRecords } from './oracle.ts';
import { expectPromisesKept, report } from './report.ts';
import { testedClients as clients, type ClientName, isLong } from '../helpers/kafka-clients.ts';
import { openPrefix, type Rig } from './rig.ts';

const rounds = isLong ? 6 : 1;
/** Many: the brokers take their time to delete and to make them. */
const partitions = 60;
const perSecond = 100;
/** Requests that begin while the broker sleeps wait for it, and go out as soon as it has answered the one before. */
const asleepMs = 400;

/**
 * A topic deleted and made again at once, while one of its brokers has not heard of either: asleep for a moment, it wakes
 * with its clients' requests in hand and the old topic's log. What it takes then for the new topic must not be acked.
 * Judged are all requests that began when another broker already named the new topic.
 */
export function madeAgainSuite(rig: () => Rig): void {
  for (let round = 1; round <= rounds; round += 1) {
    it(`loses nothing of a topic made again that a broker has not heard of (${round})`, async () => {
      const scenes = await Promise.all(clients.map((client) => startScene(rig(), client)));
      try {
        await Promise.all(scenes.map(({ load }) => load.seen('acked', 100)));
        await fallBehind(rig(), scenes);
        await Promise.all(scenes.map(({ load }) => load.seen('acked', 100)));
      } finally {
        await Promise.all(scenes.map(({ load }) => load.stop()));
      }
      const judged = await Promise.all(scenes.map((scene) => judgeScene(rig(), scene)));
      for (const each of judged) {
        expectPromisesKept(each);
        expect(each.outcomes['none'] ?? 0, 'requests without an answer').to.equal(0);
      }
    });
  }
}

interface Scene {
  readonly client: ClientName;
  readonly topic: string;
  readonly load: OpenLoad;
  /** When the new topic came to be. */
  existsMs: number;
}

async function startScene(rig: Rig, client: ClientName): Promise<Scene> {
  const topic = await createTopic(`${openPrefix}again`, { partitions, brokers: rig.kafka.internalServers });
  const name = `again-${randomUUID()}`;
  await rig.makeRoute(name, topic);
  const load = startOpenLoad({ url: `${rig.node(client).proxy}/${name}`, perSecond });
  return { client, topic, load, existsMs: Infinity };
}

async function fallBehind(rig: Rig, scenes: readonly Scene[]): Promise<void> {
  const [first = ''] = rig.kafka.internalServers.split(',');
  const sleeper = rig.kafka.brokers.at(-1);
  if (sleeper === undefined) throw new Error('no broker');
  await sleeper.kill('SIGSTOP');
  try {
    await Promise.all(
      scenes.map(async (scene) => {
        await makeAgain(scene.topic, partitions, first);
        scene.existsMs = scene.load.nowMs();
      }),
    );
    await delay(asleepMs);
  } finally {
    await sleeper.kill('SIGCONT');
  }
}

async function judgeScene(rig: Rig, { client, topic, load, existsMs }: Scene): Promise<Judgement> {
  const records = await readRecords(topic, rig.kafka.internalServers);
  const judged = judge(load.notes, records, existsMs);
  report('a topic made again at once, a broker behind', client, judged, null);
  const asked = load.notes.filter(({ outcome, atMs, answerMs }) => outcome === 'acked' && atMs - answerMs >= existsMs);
  expect(asked, `${client} was judged`).to.have.length.above(50);
  return judged;
}
