import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createTopic } from '../helpers/kafka.ts';
import { type Judgement, judge, type Note, type NumberedLoad, readRecords, startNumberedLoad } from './oracle.ts';
import { expectPromisesKept, report } from './report.ts';
import { clients, type ClientName, isLong, openPrefix, type Rig } from './rig.ts';

const workers = 24;
const ackedBetween = isLong ? 2_000 : 150;
/** A healthy answer takes a few milliseconds. */
const spikeMs = 200;

export interface Fault {
  readonly name: string;
  readonly topic?: {
    readonly partitions?: number;
    readonly replicationFactor?: number;
    readonly configs?: Readonly<Record<string, string>>;
    /** Its own name, with permissions of its own. */
    readonly prefix?: string;
  };
  /** Before the load, once its topics are there. */
  prepare?(stage: Stage): Promise<void>;
  /** Strikes, and resolves when all is well again as far as Kafka and the network go. */
  inflict(stage: Stage): Promise<void>;
  /** Code of an answer that proves that it struck; by default any failure or slow answer does. */
  readonly proof?: string;
  /** Records for other topics must not notice it. */
  readonly sparesOthers?: boolean;
  readonly rounds?: number;
}

export interface Stage {
  readonly rig: Rig;
  /** One topic for each client. */
  readonly topics: readonly string[];
  readonly loads: readonly NumberedLoad[];
  /** The topics are new from here on: what was acked before is gone with the old ones. */
  forget(): void;
}

interface Participant {
  readonly client: ClientName;
  readonly topic: string;
  readonly load: NumberedLoad;
  readonly windows: { startMs: number; healedMs: number; endMs: number }[];
  forgottenBeforeMs: number;
  readonly bystander: { readonly topic: string; readonly load: NumberedLoad } | null;
}

/** Puts numbered requests of both clients through the fault, judges their answers, and reports. */
export async function runFault(rig: Rig, fault: Fault): Promise<void> {
  const topics = await makeTopics(rig, fault);
  const participants: Participant[] = [];
  const stage: Stage = {
    rig,
    topics,
    get loads() {
      return participants.map(({ load }) => load);
    },
    forget() {
      for (const each of participants) each.forgottenBeforeMs = each.load.nowMs();
    },
  };
  await fault.prepare?.(stage);
  try {
    for (const [index, client] of clients.entries()) {
      participants.push(await startParticipant(rig, fault, client, topics[index] ?? ''));
    }
    await ackedByAll(participants);
    const rounds = isLong ? (fault.rounds ?? 3) : 1;
    for (let round = 0; round < rounds; round += 1) await runRound(fault, stage, participants);
  } finally {
    await Promise.all(participants.flatMap(({ load, bystander }) => [load.stop(), bystander?.load.stop()]));
  }
  const judged = await Promise.all(participants.map((each) => judgeParticipant(rig, fault, each)));
  for (const check of judged) check();
}

async function runRound(fault: Fault, stage: Stage, participants: readonly Participant[]): Promise<void> {
  for (const { load, windows } of participants) {
    windows.push({ startMs: load.nowMs(), healedMs: Infinity, endMs: Infinity });
  }
  await fault.inflict(stage);
  for (const { load, windows } of participants) {
    const window = windows.at(-1);
    if (window !== undefined) window.healedMs = load.nowMs();
  }
  await ackedByAll(participants);
  for (const { load, windows } of participants) {
    const window = windows.at(-1);
    if (window !== undefined) window.endMs = load.nowMs();
  }
}

async function makeTopics(rig: Rig, { topic = {} }: Fault): Promise<string[]> {
  const {
    partitions = 6,
    replicationFactor = 3,
    configs = { 'min.insync.replicas': '2' },
    prefix = openPrefix,
  } = topic;
  return Promise.all(
    clients.map(() =>
      createTopic(`${prefix}fault`, { partitions, replicationFactor, configs, brokers: rig.kafka.internalServers }),
    ),
  );
}

async function startParticipant(rig: Rig, fault: Fault, client: ClientName, topic: string): Promise<Participant> {
  const { proxy } = rig.node(client);
  const name = `fault-${randomUUID()}`;
  await rig.makeRoute(name, topic);
  const bystander = fault.sparesOthers === true ? await startBystander(rig, proxy) : null;
  return {
    client,
    topic,
    load: startNumberedLoad({ url: `${proxy}/${name}`, workers, paceMs: isLong ? 0 : 10 }),
    windows: [],
    forgottenBeforeMs: 0,
    bystander,
  };
}

async function startBystander(rig: Rig, proxy: string) {
  const topic = await createTopic(`${openPrefix}bystander`, { partitions: 2, brokers: rig.kafka.internalServers });
  const name = `bystander-${randomUUID()}`;
  await rig.makeRoute(name, topic);
  const load = startNumberedLoad({ url: `${proxy}/${name}`, workers: 2, paceMs: 10 });
  await load.seen('acked', 10);
  return { topic, load };
}

async function ackedByAll(participants: readonly Participant[]): Promise<void> {
  await Promise.all(participants.map(({ load }) => load.seen('acked', ackedBetween)));
}

/** Reads the topic, reports, and gives back the assertions, to be made when every client's row is in the report. */
async function judgeParticipant(rig: Rig, fault: Fault, participant: Participant): Promise<() => void> {
  const { client, topic, load, windows, forgottenBeforeMs, bystander } = participant;
  const { notes } = load;
  const judged = judge(notes, await readRecords(topic, rig.kafka.internalServers), forgottenBeforeMs);
  const recoveries = windows.map((window) => recoveryMs(notes, window));
  report(fault.name, client, judged, Math.max(...recoveries));
  const bystanderJudged =
    bystander && judge(bystander.load.notes, await readRecords(bystander.topic, rig.kafka.internalServers));
  return () => {
    expectPromisesKept(judged);
    expect(judged.outcomes['none'] ?? 0, 'requests without an answer').to.equal(0);
    for (const window of windows) {
      const seen = notes.some(
        (note) => note.atMs >= window.startMs && note.atMs <= window.endMs && proves(fault, note),
      );
      expect(seen, `${client} has seen the fault`).to.equal(true);
    }
    expectDuplicatesExplained(judged, notes, windows);
    if (bystanderJudged === null) return;
    expectPromisesKept(bystanderJudged);
    expect(Object.keys(bystanderJudged.outcomes), 'other topics go on').to.deep.equal(['acked']);
    expect(bystanderJudged.duplicates, 'other topics hold nothing twice').to.equal(0);
  };
}

function proves({ proof }: Fault, note: Note): boolean {
  if (proof !== undefined) return note.code === proof;
  return note.outcome !== 'acked' || note.answerMs > spikeMs;
}

function recoveryMs(notes: readonly Note[], { healedMs, endMs }: { healedMs: number; endMs: number }): number {
  let lastFailureMs = healedMs;
  for (const { outcome, atMs } of notes) {
    if (outcome !== 'acked' && atMs > lastFailureMs && atMs <= endMs) lastFailureMs = atMs;
  }
  const back = notes.find(({ outcome, atMs }) => outcome === 'acked' && atMs > lastFailureMs);
  return back === undefined ? Infinity : back.atMs - healedMs;
}

/** Without idempotence a record may stand there twice, but only one whose request met the fault. */
function expectDuplicatesExplained(
  { duplicated }: Judgement,
  notes: readonly Note[],
  windows: readonly { startMs: number; endMs: number }[],
): void {
  const twice = new Set(duplicated);
  const unexplained = notes.filter(
    ({ number, atMs, answerMs }) =>
      twice.has(number) && !windows.some(({ startMs, endMs }) => atMs >= startMs && atMs - answerMs <= endMs),
  );
  expect(unexplained, 'written twice without a fault').to.deep.equal([]);
}
