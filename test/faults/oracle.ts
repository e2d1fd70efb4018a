import { Agent, request } from 'node:http';
import { readTopic } from '../helpers/kafka.ts';

/** What a client was told of one numbered request. */
export interface Note {
  readonly number: number;
  /** The worker's key: its requests go out one after another, so their records must stand in that order. */
  readonly key: string;
  readonly status: number;
  /** `none`: the connection broke before an answer came; nothing was promised. */
  readonly outcome: string;
  /** The answer's code; of `none` the error's. */
  readonly code: string | null;
  readonly answerMs: number;
  /** How much of that this process's own event loop was late: it is not the node's fault. */
  readonly ownLagMs: number;
  /** When the answer came, in milliseconds since the load began. */
  readonly atMs: number;
}

export interface TopicRecord {
  readonly key: string | null;
  readonly value: string;
  readonly partition: number;
  readonly offset: string;
}

export interface Judgement {
  readonly requests: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** acked, but not in the topic, or not byte for byte. */
  readonly lost: readonly number[];
  /** not_sent or rejected, but in the topic. */
  readonly wronglyWritten: readonly number[];
  /** In the topic more than once: how many copies too many. */
  readonly duplicates: number;
  readonly duplicated: readonly number[];
  /** Pairs of acked records of one key that stand in the wrong order. */
  readonly disordered: number;
  readonly longestAnswerMs: number;
  /** The same without the lag of this process. */
  readonly longestNodeMs: number;
  /** From the first failure to the first acked answer after the last failure; null without failures. */
  readonly failingMs: number | null;
}

export interface NumberedLoad {
  readonly notes: readonly Note[];
  /** Milliseconds since the load began: the clock of `atMs`. */
  nowMs(): number;
  /** Resolves once this many further answers of that outcome are in. */
  seen(outcome: string, count: number, timeoutMs?: number): Promise<void>;
  /** No further requests; resolves when the last answer is in. */
  stop(): Promise<readonly Note[]>;
}

export interface LoadOptions {
  /** Route whose plugin takes the body as value and `?key=` as key. */
  readonly url: string;
  readonly answerTimeoutMs?: number;
}

export const bodyOf = (number: number): string => JSON.stringify({ number, pad: `record ${number} `.repeat(8) });

/** Each worker sends numbered requests with its own key, the next when the last was answered. */
export function startNumberedLoad(
  options: LoadOptions & {
    readonly workers: number;
    /** Least time between two requests of a worker. */
    readonly paceMs?: number;
  },
): NumberedLoad {
  const sender = new Sender(options, options.workers);
  const worker = async (key: string) => {
    while (!sender.stopped) {
      const note = await sender.send(key);
      // A client whose connection broke waits a moment, as real ones do.
      const pauseMs = Math.max(note.outcome === 'none' ? 20 : 0, (options.paceMs ?? 0) - note.answerMs);
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  const workers = Promise.all(Array.from({ length: options.workers }, (_, index) => worker(`worker-${index}`)));
  return sender.load(() => workers);
}

export interface OpenLoad extends NumberedLoad {
  setRate(perSecond: number): void;
}

/** Sends at a fixed rate, whether answers come or not; each request has a key of its own. */
export function startOpenLoad(options: LoadOptions & { readonly perSecond: number }): OpenLoad {
  const tickMs = 10;
  const sender = new Sender(options, Infinity);
  const open = new Set<Promise<unknown>>();
  let perSecond = options.perSecond;
  let sent = 0;
  let sinceMs = performance.now();
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - sinceMs) * perSecond) / 1000);
    for (; sent < due; sent += 1) {
      const sending = sender.send(null).finally(() => open.delete(sending));
      open.add(sending);
    }
  }, tickMs);
  return {
    ...sender.load(async () => {
      clearInterval(timer);
      await Promise.all(open);
    }),
    setRate(rate) {
      perSecond = rate;
      sent = 0;
      sinceMs = performance.now();
    },
  };
}

/** Numbers requests, sends them and notes the answers. */
class Sender {
  readonly #options: LoadOptions;
  readonly #agent: Agent;
  readonly #notes: Note[] = [];
  readonly #counts = new Map<string, number>();
  readonly #waiters = new Set<() => void>();
  readonly #startedAtMs = performance.now();
  readonly #lag = watchLag();
  #next = 0;
  stopped = false;

  constructor(options: LoadOptions, socketsMax: number) {
    this.#options = options;
    this.#agent = new Agent({ keepAlive: true, maxSockets: socketsMax, maxFreeSockets: 1_024 });
  }

  async send(key: string | null): Promise<Note> {
    const number = this.#next++;
    const ownKey = key ?? `request-${number}`;
    const sentAtMs = performance.now();
    const lagBeforeMs = this.#lag.totalMs();
    const { url, answerTimeoutMs = 60_000 } = this.#options;
    const answer = await post(`${url}?key=${ownKey}`, bodyOf(number), this.#agent, answerTimeoutMs);
    const nowMs = performance.now();
    const note = {
      number,
      key: ownKey,
      ...answer,
      answerMs: nowMs - sentAtMs,
      ownLagMs: this.#lag.totalMs() - lagBeforeMs,
      atMs: nowMs - this.#startedAtMs,
    };
    this.#notes.push(note);
    this.#counts.set(note.outcome, (this.#counts.get(note.outcome) ?? 0) + 1);
    for (const waiter of this.#waiters) waiter();
    return note;
  }

  load(settled: () => Promise<unknown>): NumberedLoad {
    return {
      notes: this.#notes,
      nowMs: () => performance.now() - this.#startedAtMs,
      seen: (outcome, count, timeoutMs = 60_000) => this.#seen(outcome, count, timeoutMs),
      stop: async () => {
        this.stopped = true;
        await settled();
        this.#agent.destroy();
        this.#lag.stop();
        return this.#notes;
      },
    };
  }

  #seen(outcome: string, count: number, timeoutMs: number): Promise<void> {
    const enough = (this.#counts.get(outcome) ?? 0) + count;
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        this.#waiters.delete(look);
        settle();
      };
      const look = () => {
        if ((this.#counts.get(outcome) ?? 0) >= enough) finish(resolve);
      };
      const timer = setTimeout(() => {
        const counts = JSON.stringify(Object.fromEntries(this.#counts));
        finish(() => reject(new Error(`no ${count} answers '${outcome}' within ${timeoutMs} ms; in all: ${counts}`)));
      }, timeoutMs);
      this.#waiters.add(look);
    });
  }
}

/** How late this process's event loop was, summed up: on a busy machine more than any answer. */
function watchLag() {
  const tickMs = 20;
  let sumMs = 0;
  let lastMs = performance.now();
  const lateMs = () => Math.max(0, performance.now() - lastMs - tickMs);
  const timer = setInterval(() => {
    sumMs += lateMs();
    lastMs = performance.now();
  }, tickMs);
  return { totalMs: () => sumMs + lateMs(), stop: () => clearInterval(timer) };
}

function post(
  url: string,
  body: string,
  agent: Agent,
  timeoutMs: number,
): Promise<{ status: number; outcome: string; code: string | null }> {
  return new Promise((resolve) => {
    const none = (error: NodeJS.ErrnoException) =>
      resolve({ status: 0, outcome: 'none', code: error.code ?? error.message });
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const outgoing = request(url, { method: 'POST', agent, headers, timeout: timeoutMs }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', none);
      response.on('end', () => {
        const answer = JSON.parse(text) as { outcome?: string; code?: string };
        resolve({ status: response.statusCode ?? 0, outcome: answer.outcome ?? 'none', code: answer.code ?? null });
      });
    });
    outgoing.on('error', none);
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')));
    outgoing.end(body);
  });
}

/** The topic as it stands, in the oracle's form. */
export async function readRecords(topic: string, brokers: string): Promise<TopicRecord[]> {
  return (await readTopic(topic, brokers)).map(({ key, value, partition, offset }) => ({
    key: key?.toString() ?? null,
    value: value?.toString() ?? '',
    partition,
    offset,
  }));
}

/**
 * Holds what clients were told against what the topic has. Where the topic was deleted and made again, an ack of a
 * request that began before `forgottenBeforeMs`, when the new one came to be, may be of the old one: it is not asked for.
 */
export function judge(
  notes: readonly Note[],
  records: readonly TopicRecord[],
  forgottenBeforeMs = -Infinity,
): Judgement {
  const held = new Map<number, TopicRecord[]>();
  for (const record of records) {
    const { number } = JSON.parse(record.value) as { number: number };
    const same = held.get(number);
    if (same === undefined) held.set(number, [record]);
    else same.push(record);
  }
  const isHeld = (note: Note) =>
    (held.get(note.number) ?? []).some((record) => record.value === bodyOf(note.number) && record.key === note.key);
  const refused = new Set(['not_sent', 'rejected']);
  const outcomes: Record<string, number> = {};
  for (const { outcome } of notes) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  const answered = notes.filter(({ outcome }) => outcome !== 'none');
  const copied = [...held].filter(([, same]) => same.length > 1);
  return {
    requests: notes.length,
    outcomes,
    lost: notes
      .filter((note) => note.outcome === 'acked' && note.atMs - note.answerMs >= forgottenBeforeMs && !isHeld(note))
      .map((note) => note.number),
    wronglyWritten: notes
      .filter((note) => refused.has(note.outcome) && held.has(note.number))
      .map((note) => note.number),
    duplicates: copied.reduce((sum, [, same]) => sum + same.length - 1, 0),
    duplicated: copied.map(([number]) => number),
    disordered: countDisordered(notes, held),
    longestAnswerMs: greatest(answered.map((note) => note.answerMs)),
    longestNodeMs: greatest(answered.map((note) => note.answerMs - note.ownLagMs)),
    failingMs: failingTime(notes),
  };
}

function failingTime(notes: readonly Note[]): number | null {
  const failures = notes.filter((note) => note.outcome !== 'acked').map((note) => note.atMs);
  const lastMs = greatest(failures);
  const recovered = notes.filter((note) => note.outcome === 'acked' && note.atMs > lastMs).map((note) => note.atMs);
  return failures.length === 0 || recovered.length === 0 ? null : least(recovered) - least(failures);
}

// Spread into Math.max, a few hundred thousand numbers overflow the stack.
function greatest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), -Infinity);
}

function least(values: readonly number[]): number {
  return values.reduce((most, value) => Math.min(most, value), Infinity);
}

/** A worker's acked records, in the order it sent them, must have rising offsets (first copies) in one partition. */
function countDisordered(notes: readonly Note[], held: ReadonlyMap<number, readonly TopicRecord[]>): number {
  const last = new Map<string, { partition: number; offset: bigint }>();
  let disordered = 0;
  for (const note of [...notes].sort((a, b) => a.number - b.number)) {
    if (note.outcome !== 'acked') continue;
    const first = held.get(note.number)?.[0];
    if (first === undefined) continue;
    const previous = last.get(note.key);
    const offset = BigInt(first.offset);
    if (previous !== undefined && (previous.partition !== first.partition || previous.offset >= offset))
      disordered += 1;
    last.set(note.key, { partition: first.partition, offset });
  }
  return disordered;
}
