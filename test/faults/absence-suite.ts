import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { createTopic } from '../helpers/kafka.ts';
import type { DataPlaneProcess } from '../helpers/sluice-process.ts';
import { type OpenLoad, startOpenLoad } from './load.ts';
import { judge, readRecords } from './oracle.ts';
import { expectPromisesKept, report } from './report.ts';
import { testedClients as clients, type ClientName, isLong } from '../helpers/kafka-clients.ts';
import { deliveryTimeoutMs, openPrefix, type Rig } from './rig.ts';

const absenceMs = isLong ? 300_000 : 4_000;
/** While all is well; twice as much without Kafka. */
const perSecond = isLong ? 200 : 100;
const sampleMs = 500;
/** What a heap may grow by before it is collected; a leak of one request in the long form is far above it. */
const growthBytesMax = isLong ? 32 * 1024 * 1024 : 64 * 1024 * 1024;
const recoveryMsMax = 30_000;

interface Witness {
  readonly client: ClientName;
  readonly topic: string;
  readonly node: DataPlaneProcess;
  readonly load: OpenLoad;
  readonly residentBytes: number[];
}

/** Minutes without Kafka at twice the load: memory flat, answers in time, recovery by itself. */
export function absenceSuite(rig: () => Rig): void {
  it(`${absenceMs / 1000} s without Kafka at twice the load: memory flat, answers in time, soon back`, async () => {
    const { kafka } = rig();
    const witnesses = await Promise.all(clients.map((client) => startWitness(rig(), client)));
    const startedMs = performance.now();
    let backMs = 0;
    try {
      await Promise.all(witnesses.map(({ load }) => load.seen('acked', perSecond)));
      await Promise.all(kafka.brokers.map((broker) => broker.kill('SIGKILL')));
      for (const { load } of witnesses) load.setRate(2 * perSecond);
      for (const endMs = performance.now() + absenceMs; performance.now() < endMs; await delay(sampleMs)) {
        for (const each of witnesses) each.residentBytes.push(await residentBytes(each.node));
      }
      await Promise.all(kafka.brokers.map((broker) => broker.start()));
      backMs = performance.now();
      await Promise.all(witnesses.map(({ load }) => load.seen('acked', 2 * perSecond)));
    } finally {
      await Promise.all(witnesses.map(({ load }) => load.stop()));
    }
    const checks = await Promise.all(witnesses.map((each) => judgeWitness(rig(), each, backMs - startedMs)));
    for (const check of checks) check();
  });
}

async function startWitness(rig: Rig, client: ClientName): Promise<Witness> {
  const topic = await createTopic(`${openPrefix}absence`, {
    partitions: 6,
    replicationFactor: rig.kafka.brokers.length,
    brokers: rig.kafka.internalServers,
  });
  const name = `absence-${randomUUID()}`;
  await rig.makeRoute(name, topic);
  const node = rig.node(client);
  return { client, topic, node, load: startOpenLoad({ url: `${node.proxy}/${name}`, perSecond }), residentBytes: [] };
}

async function judgeWitness(rig: Rig, witness: Witness, backAtMs: number): Promise<() => void> {
  const { client, topic, load, residentBytes: samples } = witness;
  const { notes } = load;
  const judged = judge(notes, await readRecords(topic, rig.kafka.internalServers));
  const lastFailureMs = notes.reduce(
    (last, { outcome, atMs }) => (outcome === 'acked' ? last : Math.max(last, atMs)),
    0,
  );
  const recoveryMs = Math.max(0, lastFailureMs - backAtMs);
  report(`${absenceMs / 1000} s without Kafka`, client, judged, recoveryMs);
  // The first quarter fills queues and warms the code up.
  const quarter = Math.floor(samples.length / 4);
  const growthBytes = median(samples.slice(-quarter)) - median(samples.slice(quarter, 2 * quarter));
  console.log(
    `      ${client}: ${mebibytes(median(samples.slice(-quarter)))} MiB resident, grown by ${mebibytes(growthBytes)} MiB`,
  );
  return () => {
    expectPromisesKept(judged);
    expect(judged.outcomes['none'] ?? 0, 'requests without an answer').to.equal(0);
    expect(judged.outcomes['not_sent'] ?? 0).to.be.at.least(((absenceMs - deliveryTimeoutMs) / 1_000) * perSecond);
    expect(growthBytes, 'growth of the memory').to.be.below(growthBytesMax);
    expect(recoveryMs, 'recovery').to.be.below(recoveryMsMax);
  };
}

async function residentBytes(node: DataPlaneProcess): Promise<number> {
  const text = await (await fetch(`${node.status}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}
