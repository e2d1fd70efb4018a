import { Socket } from 'node:net';
import { endSignals } from '../shared/lifecycle.ts';
import { createLogger } from '../shared/log.ts';
import { withinTime } from '../shared/within-time.ts';
import { drain } from './drain.ts';
import { loadKafkaClient } from './kafka/producers.ts';
import { listen } from './listen.ts';
import { nodeFacts } from './node-facts.ts';
import type { NodeOptions } from './node-options.ts';
import { assembleNode, type NodeParts } from './node-parts.ts';
import { loadTracing } from './tracing/load-tracing.ts';
import type { KeyClaim } from './plugin-api/answered-keys.ts';
import { LeasedMemory } from './workers/leased-memory.ts';
import {
  type Answer,
  type FromWorker,
  type PortName,
  type Question,
  sentError,
  type ToWorker,
} from './workers/messages.ts';
import { createParentKeys } from './workers/shared-keys.ts';
import { createParentSource, type ParentSource } from './workers/parent-source.ts';

/** How often the parent is told what has changed. */
const factsMs = 200;
/** How long a lease of memory may take. */
const leaseMs = 1_000;
/** How long the parent may take to decide over an idempotency key. */
const claimMs = 1_000;

/** What a parent gives: the node's options without functions, and what is this worker's own. */
type WorkerOptions = Omit<NodeOptions, 'logger'> & { readonly nodeId: string; readonly worker: number };

interface RunningWorker {
  readonly parts: NodeParts;
  readonly source: ParentSource;
  readonly memory: LeasedMemory;
}

let running: RunningWorker | undefined;
let ending: Promise<void> | undefined;
/** Leases that the parent has not answered yet. */
const wanted = new Map<number, (bytes: number) => void>();
let lastWanted = 0;

function send(message: FromWorker): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

function lease(bytes: number): Promise<number> {
  lastWanted += 1;
  const id = lastWanted;
  const granted = new Promise<number>((resolve) => wanted.set(id, resolve));
  send({ wanted: id, bytes });
  return withinTime(granted, leaseMs, () => {
    // What comes later is not needed any more.
    wanted.set(id, (late) => send({ gaveBack: late }));
    return 0;
  });
}

/** Claims that the parent has not answered yet. */
const claims = new Map<number, (claim: KeyClaim) => void>();
let lastClaim = 0;

const keys = createParentKeys({
  claim(key) {
    lastClaim += 1;
    const id = lastClaim;
    const claimed = new Promise<KeyClaim>((resolve) => claims.set(id, resolve));
    send({ claims: id, key });
    return withinTime(claimed, claimMs, () => {
      // What has begun late is ended at once: nobody waits for it.
      claims.set(id, ({ kind }) => kind === 'begun' && send({ endsKey: key, kept: undefined }));
      return undefined;
    });
  },
  end: (key, kept) => send({ endsKey: key, kept }),
});

async function start({ nodeId, worker, ...options }: WorkerOptions): Promise<RunningWorker> {
  await loadKafkaClient(options.kafkaClient);
  const { level = 'info', format = 'json' } = options.workerLog ?? {};
  const logger = createLogger({ level, format }).child({ worker });
  const source = createParentSource(nodeId);
  const memory = new LeasedMemory({
    bytesMax: options.producerMemoryMaxBytes,
    lease,
    giveBack: (bytes) => send({ gaveBack: bytes }),
  });
  // What is queued without waiting must find room at once.
  await memory.more(1);
  const tracing = await loadTracing(options.env ?? process.env);
  const parts = assembleNode({ ...options, logger, producerMemory: memory, answeredKeys: keys }, tracing, () => source);
  await source.start(parts.holder.apply);
  tellFacts(parts);
  return { parts, source, memory };
}

function tellFacts(parts: NodeParts): void {
  let told = '';
  const look = () => {
    const facts = nodeFacts(parts);
    const text = JSON.stringify(facts);
    if (text === told) return;
    told = text;
    send({ facts });
  };
  setInterval(look, factsMs).unref();
  look();
}

function takeConnection(port: PortName, handle: unknown): void {
  // The client may have gone on the way.
  if (!(handle instanceof Socket)) return;
  const index = port === 'proxy' || running?.parts.options.proxyListen === 'off' ? 0 : 1;
  const listener = running?.parts.listeners[index];
  if (listener === undefined) handle.destroy();
  else listener.take(handle);
}

/** Drains the node; a second call waits for the same end. */
function end(): Promise<void> {
  ending ??= (async () => {
    running?.memory.close();
    if (running !== undefined) await drain(running.parts);
  })();
  return ending;
}

async function answerTo(question: Question, answer: (answer: Answer) => void): Promise<void> {
  if (question.kind === 'start') {
    // A border: the parent is the same program, and sends what `startPooledNode` made.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    running = await start(question.options as WorkerOptions);
    return answer({ kind: 'started' });
  }
  if (running === undefined) throw new Error('The worker has not been started');
  const { parts, source, memory } = running;
  switch (question.kind) {
    case 'build':
      return source.build(question.snapshot, question.dryRun, answer);
    case 'swap':
      return source.swap(question.goesOn, answer);
    case 'listen':
      await listen(parts, question.ports);
      return answer({ kind: 'listening' });
    case 'metrics':
      return answer({ kind: 'metrics', metrics: await parts.metrics.getMetricsAsJSON() });
    case 'give_back':
      send({ gaveBack: memory.release() });
      return answer({ kind: 'gave_back' });
    case 'drain':
      await end();
      answer({ kind: 'drained' });
      // The answer is on its way; nothing is left to do.
      process.disconnect();
      return undefined;
  }
}

/** The parent decides when a worker ends: a terminal signals the whole group. */
for (const signal of endSignals) process.on(signal, () => undefined);
// Without its parent a worker drains like any node that is told to end.
process.once('disconnect', () => {
  void end().finally(() => process.exit(0));
});
process.on('message', (message: ToWorker, handle) => {
  if ('connection' in message) {
    takeConnection(message.connection, handle);
    send({ took: message.given });
    return;
  }
  if ('granted' in message) {
    wanted.get(message.granted.wanted)?.(message.granted.bytes);
    wanted.delete(message.granted.wanted);
    return;
  }
  if ('targetHealth' in message) {
    running?.parts.upstreams.set(message.targetHealth);
    return;
  }
  if ('claimed' in message) {
    claims.get(message.claimed)?.(message.claim);
    claims.delete(message.claimed);
    return;
  }
  const { id, question } = message;
  const answer = (given: Answer) => send({ id, answer: given });
  answerTo(question, answer).catch((error: unknown) => answer({ kind: 'failed', error: sentError(error) }));
});
send({ hello: true });
