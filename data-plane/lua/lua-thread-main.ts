import { parentPort, workerData } from 'node:worker_threads';
import type { LuaReply, LuaRequest, LuaResult, LuaThreadData } from './lua-protocol.ts';
import { LuaState, type Timed } from './lua-state.ts';

/** The Lua thread answers one request at a time. An unexpected error ends it, and the node starts another. */
if (parentPort === null) throw new Error('not a worker thread');
const port = parentPort;
// LuaThread starts this file with these data.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const { memoryMaxBytes, clock } = workerData as LuaThreadData;
const call = new BigInt64Array(clock);
const states = new Map<number, LuaState>();

const timed: Timed = (index, work) => {
  Atomics.store(call, 1, BigInt(index));
  Atomics.store(call, 0, process.hrtime.bigint());
  try {
    return work();
  } finally {
    Atomics.store(call, 0, 0n);
  }
};

/** A request of many messages gives way to others after this time. */
const requestMs = 20;

/** Runs messages one after another: the first ones, where they take long, and none behind one that filled the memory. */
function runAll(state: LuaState, messages: readonly string[]): readonly LuaResult[] {
  const results: LuaResult[] = [];
  const untilMs = performance.now() + requestMs;
  for (const [position, message] of messages.entries()) {
    const startedMs = performance.now();
    if (position > 0 && startedMs >= untilMs) break;
    Atomics.store(call, 2, BigInt(position));
    const result = state.run(message);
    results.push({ ...result, tookMs: performance.now() - startedMs });
    if (result.kind === 'failed' && result.outOfMemory) break;
  }
  return results;
}

async function answer(request: LuaRequest): Promise<LuaReply | undefined> {
  switch (request.kind) {
    case 'compile': {
      const state = await LuaState.create(memoryMaxBytes, timed);
      const faults = state.compile(request.functions);
      if (faults.length === 0) states.set(request.chain, state);
      else state.close();
      return { kind: 'compiled', faults };
    }
    case 'run': {
      const state = states.get(request.chain);
      if (state === undefined) throw new Error(`chain ${request.chain} is not compiled`);
      return { kind: 'ran', results: runAll(state, request.messages) };
    }
    case 'drop':
      states.get(request.chain)?.close();
      states.delete(request.chain);
      return undefined;
    default:
      throw new Error('unknown request');
  }
}

const post = (reply: LuaReply): void => port.postMessage(reply);

port.on('message', (request: LuaRequest) => {
  answer(request).then(
    (reply) => {
      if (reply !== undefined) post(reply);
    },
    (error: unknown) => {
      // Thrown outside of the promise, the error ends the thread and reaches the node.
      setImmediate(() => {
        throw error;
      });
    },
  );
});
post({ kind: 'ready' });
