import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { bootstrapServers, makeKafkaRoute } from '../helpers/admin.ts';
import { runControlPlane, runDataPlane } from '../helpers/sluice-process.ts';
import { type BenchOptions, createTopic, writeFigures } from './arena.ts';
import { load, median, spread, table } from './load.ts';
import type { OpenLoopOrder, OpenLoopResult } from './open-loop.ts';
import { orderBody } from './order.ts';

/** Parts of the node's own maximum. */
const shares = [0.1, 0.5, 0.8];

interface Sender {
  readonly name: string;
  readonly process: ChildProcess;
}

/**
 * Latency from the intended send time at fixed rates, through a data plane and by a plain producer twice, in turn
 * (bench.md `latency`).
 */
export async function latency({ kafka, clients, rounds, seconds }: BenchOptions): Promise<void> {
  const folder = mkdtempSync(`${tmpdir()}/sluice-bench-`);
  const stops: (() => unknown)[] = [];
  const figures: object[] = [];
  try {
    const controlPlane = await runControlPlane({ folder });
    stops.push(() => controlPlane.stop());
    const run = randomUUID().slice(0, 8);
    const topic = `bench-latency-${run}`;
    await createTopic(kafka, topic);
    await makeKafkaRoute(controlPlane.admin, {
      name: 'body',
      path: '/body',
      config: { bootstrap_servers: bootstrapServers(kafka), topic, record_value: 'body' },
    });
    const start = async (name: string, script: string, args: readonly string[]): Promise<Sender> => {
      const child = fork(fileURLToPath(new URL(script, import.meta.url)), args);
      stops.push(() => child.disconnect());
      await once(child, 'message');
      return { name, process: child };
    };
    const plains = [
      await start('plain producer', './open-producer.js', [kafka, topic]),
      await start('plain producer again', './open-producer.js', [kafka, topic]),
    ];
    for (const client of clients) {
      const node = await runDataPlane({
        folder: `${folder}/${client}`,
        controlPlane: controlPlane.cluster,
        args: [`--kafka-client=${client}`],
      });
      stops.push(() => node.stop());
      await node.line(({ event }) => event === 'ready');
      const url = `${node.proxy}/body`;
      const senders = [await start(client, './open-requests.js', [url]), ...plains];
      const closed = { url, body: orderBody, contentType: 'application/json', connections: 64 };
      // The first run warms up; the second tells the maximum.
      await load({ ...closed, seconds }, folder);
      const { requestsPerSecond } = await load({ ...closed, seconds }, folder);
      for (const share of shares) {
        const perSecond = Math.floor(requestsPerSecond * share);
        const results = await takeTurns(senders, { perSecond, seconds }, rounds);
        report({ client, share, perSecond, rounds }, results);
        for (const [name, all] of results) figures.push({ client, share, perSecond, name, rounds: all });
      }
    }
  } finally {
    for (const stop of stops.toReversed()) await stop();
    rmSync(folder, { recursive: true, force: true });
  }
  writeFigures('latency', figures);
}

async function takeTurns(
  senders: readonly Sender[],
  order: OpenLoopOrder,
  rounds: number,
): Promise<ReadonlyMap<string, readonly OpenLoopResult[]>> {
  const results = new Map<string, OpenLoopResult[]>(senders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, process } of senders) {
      process.send(order);
      // A border: the process beside this file answers each order so.
      const [result] = (await once(process, 'message')) as [OpenLoopResult];
      results.get(name)?.push(result);
    }
  }
  return results;
}

interface Measured {
  readonly client: string;
  readonly share: number;
  readonly perSecond: number;
  readonly rounds: number;
}

function report(
  { client, share, perSecond, rounds }: Measured,
  results: ReadonlyMap<string, readonly OpenLoopResult[]>,
): void {
  const plain = results.get('plain producer') ?? [];
  const rows = [['', 'p50 ms', 'p99 ms', 'p99.9 ms', 'p99 over the plain producer', 'failed']];
  for (const [name, all] of results) {
    const over = all.map(({ p99Ms }, index) => p99Ms - (plain[index]?.p99Ms ?? NaN));
    rows.push([
      name,
      spread(
        all.map(({ p50Ms }) => p50Ms),
        1,
      ),
      spread(
        all.map(({ p99Ms }) => p99Ms),
        1,
      ),
      spread(
        all.map(({ p999Ms }) => p999Ms),
        1,
      ),
      median(over).toFixed(1),
      String(all.reduce((sum, { failed }) => sum + failed, 0)),
    ]);
  }
  console.log(
    `\n${client}: ${perSecond} requests/s, ${share * 100} % of its maximum, ${rounds} rounds: median (min–max)`,
  );
  console.log(table(rows));
}
