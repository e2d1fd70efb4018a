import { drain } from './drain.ts';
import { loadKafkaClient } from './kafka/producers.ts';
import { listen } from './listen.ts';
import type { DataPlane, NodeOptions } from './node-options.ts';
import { assembleNode } from './node-parts.ts';
import type { MakeSource } from './make-source.ts';
import { loadTracing } from './tracing/load-tracing.ts';
import { untilReady } from './until-ready.ts';

/** Starts a node that is this process: first its configuration, then its listeners, so that one that has a configuration serves at once. */
export async function startSingleNode(options: NodeOptions, makeSource: MakeSource): Promise<DataPlane> {
  await loadKafkaClient(options.kafkaClient);
  const parts = assembleNode(options, await loadTracing(options.env ?? process.env), makeSource);
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= drain(parts));
  try {
    await parts.source.start(parts.holder.apply);
    const addresses = await listen(parts);
    return { addresses, ready: untilReady(parts.readiness, parts.state), runTrial: parts.runTrial, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
