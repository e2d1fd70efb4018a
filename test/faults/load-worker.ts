import { parentPort, workerData } from 'node:worker_threads';
import { GrpcLoadClient } from './grpc-load-client.ts';
import { LeanClient } from './lean-client.ts';
import type { LoadCommand, LoadPlan, LoadReport } from './load.ts';
import { bodyOf, type Note } from './oracle.ts';

const reportEveryMs = 20;
/** Far beyond every delivery time-out. */
const answerTimeoutMs = 60_000;
const lagTickMs = 20;
const openTickMs = 10;
/** A client whose connection broke waits a moment, as real ones do. */
const brokenPauseMs = 20;

// A border: load.ts started this thread with a plan.
const plan = workerData as LoadPlan;
const url = new URL(plan.url);
const protocol = plan.kind === 'closed' ? plan.protocol : 'http';
const grpc = protocol === 'http' ? undefined : new GrpcLoadClient(url, answerTimeoutMs);
const client = grpc ?? new LeanClient(url, answerTimeoutMs);
/** Messages of a streaming call. */
const streamed = 5;
const lag = watchLag();
const open = new Set<Promise<unknown>>();
let notes: Note[] = [];
let next = 0;
let stopped = false;

const reporting = setInterval(report, reportEveryMs);
const setRate = plan.kind === 'open' ? startOpen(plan.perSecond) : startClosed(plan);
parentPort?.on('message', (command: LoadCommand) => {
  if (command.kind === 'rate') setRate(command.perSecond);
  else void end();
});

async function end(): Promise<void> {
  stopped = true;
  setRate(0);
  while (open.size > 0) await Promise.all(open);
  clearInterval(reporting);
  lag.stop();
  client.close();
  report();
  parentPort?.postMessage({ kind: 'ended' } satisfies LoadReport);
  parentPort?.close();
}

function report(): void {
  if (notes.length === 0) return;
  parentPort?.postMessage({ kind: 'notes', notes } satisfies LoadReport);
  notes = [];
}

/** Each worker sends with its own key, the next when the last was answered. */
function startClosed({ workers, paceMs }: { workers: number; paceMs: number }): (perSecond: number) => void {
  const work = async (key: string): Promise<void> => {
    while (!stopped) {
      const note = protocol === 'grpc-stream' ? await sendStream(key) : await send(key);
      const pauseMs = Math.max(note.outcome === 'none' ? brokenPauseMs : 0, paceMs - note.answerMs);
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  for (let index = 0; index < workers; index += 1) track(work(`worker-${index}`));
  return () => undefined;
}

/** Sends at a fixed rate, whether answers come or not; each request has a key of its own. */
function startOpen(first: number): (perSecond: number) => void {
  let perSecond = first;
  let sent = 0;
  let sinceMs = performance.now();
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - sinceMs) * perSecond) / 1000);
    for (; sent < due; sent += 1) track(send(null));
  }, openTickMs);
  return (rate) => {
    perSecond = rate;
    sent = 0;
    sinceMs = performance.now();
    if (rate === 0) clearInterval(timer);
  };
}

function track(work: Promise<unknown>): void {
  open.add(work);
  void work.finally(() => open.delete(work));
}

async function send(key: string | null): Promise<Note> {
  const number = next++;
  const ownKey = key ?? `request-${number}`;
  let sentAtMs = performance.now();
  let lagBeforeMs = lag.totalMs();
  const { status, body } = await client.post(`${url.pathname}?key=${ownKey}`, bodyOf(number), () => {
    sentAtMs = performance.now();
    lagBeforeMs = lag.totalMs();
  });
  const nowMs = performance.now();
  const note = {
    number,
    key: ownKey,
    ...readAnswer(status, body),
    answerMs: nowMs - sentAtMs,
    ownLagMs: lag.totalMs() - lagBeforeMs,
    atMs: performance.timeOrigin + nowMs - plan.startedAtEpochMs,
  };
  notes.push(note);
  return note;
}

/** Sends a call of several messages and notes the answer to each; returns the last note. */
async function sendStream(key: string): Promise<Note> {
  const numbers = Array.from({ length: streamed }, () => next++);
  let sentAtMs = performance.now();
  let lagBeforeMs = lag.totalMs();
  const answers =
    (await grpc?.send(`${url.pathname}?key=${key}`, numbers.map(bodyOf), () => {
      sentAtMs = performance.now();
      lagBeforeMs = lag.totalMs();
    })) ?? [];
  const nowMs = performance.now();
  const noted = numbers.map((number, index): Note => {
    const { status, body } = answers[index] ?? { status: 0, body: 'no answer' };
    return {
      number,
      key,
      ...readAnswer(status, body),
      answerMs: nowMs - sentAtMs,
      ownLagMs: lag.totalMs() - lagBeforeMs,
      atMs: performance.timeOrigin + nowMs - plan.startedAtEpochMs,
    };
  });
  notes.push(...noted);
  return noted.at(-1) ?? Promise.reject(new Error('a call without messages'));
}

function readAnswer(status: number, body: string): Pick<Note, 'status' | 'outcome' | 'code'> {
  if (status === 0) return { status, outcome: 'none', code: body };
  const { outcome = 'none', code = null } = JSON.parse(body) as { outcome?: string; code?: string };
  return { status, outcome, code };
}

/** How late this thread's event loop was, summed up: on a busy machine more than any answer. */
function watchLag() {
  let sumMs = 0;
  let lastMs = performance.now();
  const lateMs = () => Math.max(0, performance.now() - lastMs - lagTickMs);
  const timer = setInterval(() => {
    sumMs += lateMs();
    lastMs = performance.now();
  }, lagTickMs);
  return { totalMs: () => sumMs + lateMs(), stop: () => clearInterval(timer) };
}
