import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createTopic } from '../helpers/kafka.ts';
import { type LoadProtocol, type NumberedLoad, startNumberedLoad } from './load.ts';
import { type Judgement, judge, type Note, readRecords } from './oracle.ts';
import { expectPromisesKept, report } from './report.ts';
import { testedClients as clients, type ClientName, isLong } from '../helpers/kafka-clients.ts';
import { brokerCount, openPrefix, type Rig } from './rig.ts';

const workers = isLong ? 60 : 16;
/** Leaves the processors to the brokers that start again. */
const paceMs = isLong ? 20 : 60;
const ackedBetween = isLong ? 2_000 : 100;
/** A healthy answer takes a few milliseconds. */
const spikeMs = 200;

/** A topic for each client, and what its requests must show. */
export interface Subject {
  /** Name in the report; the fault's own by default. */
  readonly name?: string;
  readonly partitions?: number;
  readonly replicationFactor?: number;
  readonly configs?: Readonly<Record<string, string>>;
  /** Of the topic's name: with another one it needs permissions of its own. */
  readonly prefix?: string;
  /** Numbered records: nothing may stand there twice, whatever the fault. */
  readonly idempotent?: boolean;
  /** How requests are sent; over HTTP/1.1 by default. */
  readonly protocol?: LoadProtocol;
  /** Code of an answer that proves that the fault struck; by default any failure or slow answer does. */
  readonly proof?: string;
}

export interface Fault {
  readonly name: string;
  /** `inflict` fails unless the fault took place; a quick one may be felt by nobody. */
  readonly showsItself?: boolean;
  /** One ordinary subject by default. */
  readonly subjects?: readonly Subject[];
  /** Before the load, once its topics are there. */
  readonly prepare?: (stage: Stage) => Promise<void>;
  /** Strikes, and resolves when all is well again as far as Kafka and the network go. */
  readonly inflict: (stage: Stage) => Promise<void>;
  /** Records for other topics must not notice it. */
  readonly sparesOthers?: boolean;
  readonly rounds?: number;
}

export interface Stage {
  readonly rig: Rig;
  /** From 0. */
  readonly round: number;
  /** All topics, or those of one subject: one for each client. */
  readonly topics: (subject?: number) => readonly string[];
  readonly loads: (subject?: number) => readonly Pick<NumberedLoad, 'seen'>[];
  /** The subject's topics are new from here on: what was acked before is gone with the old ones. */
  readonly forget: (subject: number) => void;
}

interface Planned {
  readonly index: number;
  readonly subject: Subject;
  readonly client: ClientName;
  readonly topic: string;
}

interface Participant extends Planned {
  readonly topic: string;
  readonly load: NumberedLoad;
  readonly windows: { startMs: number; healedMs: number; endMs: number }[];
  forgottenBeforeMs: number;
  readonly bystander: { readonly topic: string; readonly load: NumberedLoad } | null;
}

/** Puts numbered requests of both clients through the fault, judges their answers, and reports. */
export async function runFault(rig: Rig, fault: Fault): Promise<void> {
  const planned = await makeTopics(rig, fault);
  const participants: Participant[] = [];
  const of = <T extends Planned>(all: readonly T[], subject?: number) =>
    all.filter(({ index }) => subject === undefined || index === subject);
  const stage: Stage = {
    rig,
    round: 0,
    topics: (subject) => of(planned, subject).map(({ topic }) => topic),
    loads: (subject) => of(participants, subject).map(({ load }) => load),
    forget(subject) {
      for (const each of of(participants, subject)) each.forgottenBeforeMs = each.load.nowMs();
    },
  };
  await fault.prepare?.(stage);
  try {
    const started = await Promise.allSettled(
      planned.map(async (each) => participants.push(await startParticipant(rig, fault, each))),
    );
    for (const each of started) if (each.status === 'rejected') throw each.reason;
    await ackedByAll(participants);
    const rounds = isLong ? (fault.rounds ?? 2) : 1;
    for (let round = 0; round < rounds; round += 1) {
      await runRound(fault, { ...stage, round }, participants);
    }
  } finally {
    await Promise.all(participants.map(({ load }) => load.stop()));
    for (const { bystander } of participants) await bystander?.load.stop();
  }
  const checks = await Promise.all(participants.map((each) => judgeParticipant(rig, fault, each)));
  for (const check of checks) check();
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

async function makeTopics(rig: Rig, { subjects = [{}] }: Fault): Promise<Planned[]> {
  const planned = subjects.flatMap((subject, index) => clients.map((client) => ({ index, subject, client })));
  return Promise.all(
    planned.map(async (each) => {
      const { partitions = 6, replicationFactor = brokerCount, prefix = openPrefix } = each.subject;
      const { configs = { 'min.insync.replicas': String(brokerCount - 1) } } = each.subject;
      const brokers = rig.kafka.internalServers;
      return {
        ...each,
        topic: await createTopic(`${prefix}fault`, { partitions, replicationFactor, configs, brokers }),
      };
    }),
  );
}

async function startParticipant(rig: Rig, fault: Fault, planned: Planned): Promise<Participant> {
  const { proxy } = rig.node(planned.client);
  const name = `fault-${randomUUID()}`;
  await rig.makeRoute(name, planned.topic, { producer_idempotent: planned.subject.idempotent === true });
  const bystander = fault.sparesOthers === true && planned.index === 0 ? await startBystander(rig, proxy) : null;
  const load = startNumberedLoad({
    url: `${proxy}/${name}`,
    workers,
    paceMs,
    ...(planned.subject.protocol !== undefined && { protocol: planned.subject.protocol }),
  });
  return { ...planned, load, windows: [], forgottenBeforeMs: -Infinity, bystander };
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
  const { client, subject, topic, load, windows, forgottenBeforeMs, bystander } = participant;
  const { notes } = load;
  const judged = judge(notes, await readRecords(topic, rig.kafka.internalServers), forgottenBeforeMs);
  const recoveries = windows.map((window) => recoveryMs(notes, window));
  report(subject.name ?? fault.name, client, judged, Math.max(...recoveries));
  const bystanderJudged =
    bystander && judge(bystander.load.notes, await readRecords(bystander.topic, rig.kafka.internalServers));
  return () => {
    expectPromisesKept(judged);
    expect(judged.outcomes['none'] ?? 0, 'requests without an answer').to.equal(0);
    for (const window of fault.showsItself === true ? [] : windows) {
      const seen = notes.some(
        (note) => note.atMs >= window.startMs && note.atMs <= window.endMs && proves(subject, note),
      );
      expect(seen, `${client} has seen the fault (${subject.proof ?? 'failures or slow answers'})`).to.equal(true);
    }
    if (subject.idempotent === true) expect(judged.duplicated, 'written twice').to.deep.equal([]);
    else expectDuplicatesExplained(judged, notes, windows);
    if (bystanderJudged === null) return;
    expectPromisesKept(bystanderJudged);
    expect(Object.keys(bystanderJudged.outcomes), 'other topics go on').to.deep.equal(['acked']);
    expect(bystanderJudged.duplicates, 'other topics hold nothing twice').to.equal(0);
  };
}

function proves({ proof }: Subject, note: Note): boolean {
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
