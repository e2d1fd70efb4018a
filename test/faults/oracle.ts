import { Agent, request } from 'node:http';

/** What a client was told of one numbered request. */
export interface Note {
  readonly number: number;
  /** The worker's key: its requests go out one after another, so their records must stand in that order. */
  readonly key: string;
  readonly status: number;
  /** `none`: the connection broke before an answer came; nothing was promised. */
  readonly outcome: string;
  readonly code: string | null;
  readonly answerMs: number;
  /** Milliseconds since the load began. */
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
  /** In the topic more than once. */
  readonly duplicates: number;
  /** Pairs of acked records of one key that stand in the wrong order. */
  readonly disordered: number;
  readonly longestAnswerMs: number;
  /** From the first failure to the first acked answer after the last failure; null without failures. */
  readonly failingMs: number | null;
}

export interface NumberedLoad {
  readonly notes: readonly Note[];
  /** Resolves once this many answers of that outcome are in. */
  seen(outcome: string, count: number, timeoutMs?: number): Promise<void>;
  /** No further requests; resolves when the last answer is in. */
  stop(): Promise<readonly Note[]>;
}

export const bodyOf = (number: number): string => JSON.stringify({ number, pad: `record ${number} `.repeat(8) });

/** Each worker sends numbered requests with its own key, the next when the last was answered. */
export function startNumberedLoad(options: {
  /** Route whose plugin takes the body as value and `?key=` as key. */
  url: string;
  workers: number;
  /** Least time between two requests of a worker. */
  paceMs?: number;
  answerTimeoutMs?: number;
}): NumberedLoad {
  const agent = new Agent({ keepAlive: true, maxSockets: options.workers });
  const notes: Note[] = [];
  const waiters = new Set<() => void>();
  const startedAt = performance.now();
  let next = 0;
  let stopped = false;

  const worker = async (key: string) => {
    while (!stopped) {
      const number = next++;
      const sentAt = performance.now();
      const answer = await post(`${options.url}?key=${key}`, bodyOf(number), agent, options.answerTimeoutMs ?? 60_000);
      const answerMs = performance.now() - sentAt;
      notes.push({ number, key, ...answer, answerMs, atMs: performance.now() - startedAt });
      for (const waiter of waiters) waiter();
      // A client whose connection broke waits a moment, as real ones do.
      const pauseMs = Math.max(answer.outcome === 'none' ? 20 : 0, (options.paceMs ?? 0) - answerMs);
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  const workers = Promise.all(Array.from({ length: options.workers }, (_, index) => worker(`worker-${index}`)));

  return {
    notes,
    seen: (outcome, count, timeoutMs = 30_000) =>
      new Promise((resolve, reject) => {
        const from = notes.length;
        const finish = (settle: () => void) => {
          clearTimeout(timer);
          waiters.delete(look);
          settle();
        };
        const look = () => {
          const found = notes.slice(from).filter((note) => note.outcome === outcome).length;
          if (found >= count) finish(resolve);
        };
        const timer = setTimeout(
          () => finish(() => reject(new Error(`no ${count} answers '${outcome}' within ${timeoutMs} ms`))),
          timeoutMs,
        );
        waiters.add(look);
      }),
    async stop() {
      stopped = true;
      await workers;
      agent.destroy();
      return notes;
    },
  };
}

function post(
  url: string,
  body: string,
  agent: Agent,
  timeoutMs: number,
): Promise<{ status: number; outcome: string; code: string | null }> {
  return new Promise((resolve) => {
    const none = () => resolve({ status: 0, outcome: 'none', code: null });
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
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.end(body);
  });
}

/** Holds what clients were told against what the topic has. */
export function judge(notes: readonly Note[], records: readonly TopicRecord[]): Judgement {
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
  const failures = notes.filter((note) => note.outcome !== 'acked').map((note) => note.atMs);
  const lastFailure = Math.max(...failures);
  const recovered = notes
    .filter((note) => note.outcome === 'acked' && note.atMs > lastFailure)
    .map((note) => note.atMs);
  return {
    requests: notes.length,
    outcomes,
    lost: notes.filter((note) => note.outcome === 'acked' && !isHeld(note)).map((note) => note.number),
    wronglyWritten: notes
      .filter((note) => refused.has(note.outcome) && held.has(note.number))
      .map((note) => note.number),
    duplicates: [...held.values()].reduce((sum, same) => sum + same.length - 1, 0),
    disordered: countDisordered(notes, held),
    longestAnswerMs: Math.max(...notes.map((note) => note.answerMs)),
    failingMs: failures.length === 0 || recovered.length === 0 ? null : Math.min(...recovered) - Math.min(...failures),
  };
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
