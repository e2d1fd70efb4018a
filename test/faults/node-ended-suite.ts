import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { countRecords, createTopic } from '../helpers/kafka.ts';
import type { DataPlaneProcess } from '../helpers/sluice-process.ts';
import { waitFor } from '../helpers/wait-for.ts';
import { startNumberedLoad } from './load.ts';
import { judge, readRecords } from './oracle.ts';
import { expectPromisesKept, report } from './report.ts';
import { testedClients as clients, type ClientName, isLong } from '../helpers/kafka-clients.ts';
import { openPrefix, type Rig } from './rig.ts';
import { describeTogether } from './together.ts';

const workers = 32;
const acked = isLong ? 5_000 : 300;
/** So many accepted records must be in the topic before the network is cut. */
const workedOff = 2 * acked - 100;
/** A worker whose connection is refused tries again: enough of that proves that the node is gone. */
const goneAnswers = 50;

/** Data planes that are told to end, or are killed, under numbered requests. */
export function nodeEndedSuite(rig: () => Rig): void {
  describeTogether(
    'a data plane that ends under load',
    [
      {
        name: 'SIGTERM: what is in flight is answered, the rest refused, exit code 0',
        run: () => withEveryClient((client) => runEnd(rig(), client, 'SIGTERM')),
      },
      {
        name: 'SIGKILL: every answer given before holds',
        run: () => withEveryClient((client) => runEnd(rig(), client, 'SIGKILL')),
      },
      {
        name: 'SIGKILL of one of two workers: every answer given before holds, and the node serves on',
        run: () => withEveryClient((client) => runWorkerEnd(rig(), client)),
      },
    ],
    () => openNetwork(rig()),
  );
  it('SIGTERM, async: what was accepted is in the topic, or counted and logged as lost', async () => {
    await runAsyncEnds(rig()).finally(() => openNetwork(rig()));
  });
}

function openNetwork({ proxies }: Rig): void {
  for (const proxy of proxies) proxy.setNetwork('open');
}

async function withEveryClient(run: (client: ClientName) => Promise<void>): Promise<void> {
  const ended = await Promise.allSettled(clients.map(run));
  ended.forEach((result, index) => {
    if (result.status === 'rejected') throw new Error(`with ${clients[index]}`, { cause: result.reason });
  });
}

async function runEnd(rig: Rig, client: ClientName, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const name = `end-${randomUUID()}`;
  const topic = await createTopic(`${openPrefix}end`, { partitions: 4, brokers: rig.kafka.internalServers });
  const node = await rig.startNode(client, name);
  await rig.makeRoute(name, topic);
  const load = startNumberedLoad({ url: `${node.proxy}/${name}`, workers });
  let signalledAtMs = Infinity;
  try {
    await load.seen('acked', acked);
    // Requests are on their way to Kafka and back when the signal comes.
    for (const proxy of rig.proxies) proxy.setNetwork({ delayMs: 50 });
    await load.seen('acked', workers);
    signalledAtMs = load.nowMs();
    node.kill(signal);
    const code = await node.exited;

    if (signal === 'SIGTERM') expect(code, node.output()).to.equal(0);
    await load.seen('none', goneAnswers);
  } finally {
    await load.stop();
  }
  // A batch that was on its way when the node was killed may still arrive.
  await delay(500);
  const { notes } = load;
  const judged = judge(notes, await readRecords(topic, rig.kafka.internalServers));

  report(`the data plane ended by ${signal}`, client, judged, null);
  expectPromisesKept(judged);
  expect(judged.duplicates, 'written twice').to.equal(0);
  if (signal === 'SIGKILL') return;
  const unanswered = notes.filter(
    ({ outcome, atMs, answerMs }) => outcome === 'none' && atMs - answerMs < signalledAtMs,
  );
  expect(unanswered, 'in flight at the signal and without an answer').to.deep.equal([]);
  expect(
    notes.some(({ outcome, atMs, answerMs }) => outcome === 'acked' && atMs > signalledAtMs && answerMs > 50),
    'answers after the signal',
  ).to.equal(true);
}

async function runWorkerEnd(rig: Rig, client: ClientName): Promise<void> {
  const name = `worker-end-${randomUUID()}`;
  const topic = await createTopic(`${openPrefix}worker-end`, { partitions: 4, brokers: rig.kafka.internalServers });
  const node = await rig.startNode(client, name, ['--workers=2']);
  await rig.makeRoute(name, topic);
  const load = startNumberedLoad({ url: `${node.proxy}/${name}`, workers });
  const lost: number[] = [];
  try {
    await load.seen('acked', acked);
    // Requests are on their way to Kafka and back when the worker is killed.
    for (const proxy of rig.proxies) proxy.setNetwork({ delayMs: 50 });
    for (const number of [1, 2]) {
      await load.seen('acked', workers);
      lost.push(await killWorker(node, number));
      const replaced = await node.line((line) => line.event === 'worker_replaced' && line['worker'] === number);
      expect(replaced['pid']).not.to.equal(lost.at(-1));
    }
    await load.seen('acked', acked);
  } finally {
    await load.stop();
  }
  await delay(500);
  const judged = judge(load.notes, await readRecords(topic, rig.kafka.internalServers));
  report('workers ended by SIGKILL', client, judged, null);
  expectPromisesKept(judged);
  expect(judged.duplicates, 'written twice').to.equal(0);
  expect(new Set(lost).size, 'workers killed').to.equal(2);
}

/** Kills a worker of a node and returns its process id. */
async function killWorker({ status }: DataPlaneProcess, number: number): Promise<number> {
  const response = await fetch(`${status}/status`);
  // A border: the status of a node of several workers lists them.
  const { workers: listed } = (await response.json()) as { workers: readonly { number: number; pid: number }[] };
  const worker = listed.find((each) => each.number === number);
  if (worker === undefined) throw new Error(`no worker ${number}`);
  process.kill(worker.pid, 'SIGKILL');
  return worker.pid;
}

/** Waits until the topic has as many records; fails when the queue is not worked off. */
async function untilHeld(rig: Rig, topic: string, count: number): Promise<void> {
  const enough = async () => (await countRecords(topic, rig.kafka.internalServers)) >= count;
  await waitFor(enough, { what: `${count} records in ${topic}`, timeoutMs: 30_000, pollMs: 200 });
}

/** First the network is only slow, and the queue is worked off; then there is none, and what waits is lost. */
async function runAsyncEnds(rig: Rig): Promise<void> {
  const started = await Promise.all(
    clients.map(async (client) => {
      const name = `async-${randomUUID()}`;
      const topic = await createTopic(`${openPrefix}async`, { partitions: 4, brokers: rig.kafka.internalServers });
      const node = await rig.startNode(client, name);
      await rig.makeRoute(name, topic, { producer_async: true });
      return { client, topic, node, load: startNumberedLoad({ url: `${node.proxy}/${name}`, workers: 8, paceMs: 5 }) };
    }),
  );
  try {
    await Promise.all(started.map(({ load }) => load.seen('accepted', acked)));
    for (const proxy of rig.proxies) proxy.setNetwork({ delayMs: 50 });
    await Promise.all(started.map(({ load }) => load.seen('accepted', acked)));
    // Accepted is not yet written: how much lies between the two depends on the machine.
    await Promise.all(started.map(({ topic }) => untilHeld(rig, topic, workedOff)));
    for (const proxy of rig.proxies) proxy.setNetwork('closed');
    await Promise.all(started.map(({ load }) => load.seen('accepted', 50)));
  } finally {
    await Promise.all(started.map(({ load }) => load.stop()));
  }
  await withEveryClient(async (client) => {
    const own = started.find((each) => each.client === client);
    if (own === undefined) throw new Error(`no node with ${client}`);
    const { node, topic, load } = own;
    expect(await node.stop(), node.output()).to.equal(0);
    const records = await readRecords(topic, rig.kafka.internalServers);
    const judged = judge(load.notes, records);
    report('an async data plane ended without Kafka', client, judged, null);
    expect(Object.keys(judged.outcomes)).to.deep.equal(['accepted']);
    const held = new Set(records.map(({ value }) => value)).size;
    const losses = node.lines.filter(({ event }) => event === 'records_lost');
    const count = (kinds: readonly string[]) =>
      losses
        .filter(({ outcome }) => kinds.includes(String(outcome)))
        .reduce((sum, line) => sum + Number(line['count']), 0);
    expect(held, 'worked off').to.be.at.least(workedOff);
    expect(judged.requests - held, 'lost without a word').to.be.at.most(count(['not_sent', 'unknown']));
    expect(count(['not_sent']), 'counted as not sent').to.be.within(1, judged.requests - held);
    expect(losses.every((line) => line['topic'] === topic)).to.equal(true);
  });
}
