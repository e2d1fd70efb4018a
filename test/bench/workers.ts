import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { bootstrapServers, makeKafkaRoute } from '../helpers/admin.ts';
import { runControlPlane, runDataPlane } from '../helpers/sluice-process.ts';
import { type BenchOptions, createTopic, writeFigures } from './arena.ts';
import { generator, load, median, spread, table } from './load.ts';
import { orderBody } from './order.ts';

const counts = [1, 2];

/** Requests a second of a node of two workers against one of a single process, in turn (bench.md `workers`). */
export async function workersBench({ kafka, clients, rounds, seconds, connections }: BenchOptions): Promise<void> {
  const folder = mkdtempSync(`${tmpdir()}/sluice-bench-`);
  const stops: (() => Promise<unknown>)[] = [];
  const figures: object[] = [];
  try {
    const topic = `bench-workers-${randomUUID().slice(0, 8)}`;
    await createTopic(kafka, topic);
    const controlPlane = await runControlPlane({ folder });
    stops.push(() => controlPlane.stop());
    await makeKafkaRoute(controlPlane.admin, {
      name: 'body',
      path: '/body',
      config: { bootstrap_servers: bootstrapServers(kafka), topic, record_value: 'body' },
    });
    for (const client of clients) {
      const nodes = [];
      for (const count of counts) {
        const node = await runDataPlane({
          folder: `${folder}/${client}-${count}`,
          controlPlane: controlPlane.cluster,
          args: [`--kafka-client=${client}`, `--workers=${count}`],
        });
        stops.push(() => node.stop());
        await node.line(({ event }) => event === 'ready');
        nodes.push({ count, url: `${node.proxy}/body`, perSecond: new Array<number>() });
      }
      for (const open of connections) {
        for (const node of nodes) node.perSecond = [];
        for (let round = -1; round < rounds; round += 1) {
          for (const { url, perSecond } of nodes) {
            const what = { url, body: orderBody, contentType: 'application/json', connections: open };
            const result = await load({ ...what, seconds: round < 0 ? 2 : seconds }, folder);
            if (result.failed > 0) throw new Error(`${result.failed} of ${result.requests} requests failed`);
            // Round -1 warms every process up and is not counted.
            if (round >= 0) perSecond.push(result.requestsPerSecond);
          }
        }
        const [one = []] = nodes.map(({ perSecond }) => perSecond);
        const rows = [[`${client}, ${open} connections`, 'requests/s', 'of one process']];
        for (const { count, perSecond } of nodes) {
          const of = perSecond.map((value, index) => value / (one[index] ?? NaN));
          rows.push([`${count} worker${count === 1 ? '' : 's'}`, spread(perSecond, 0), spread(of, 2)]);
          figures.push({ client, connections: open, workers: count, perSecond: median(perSecond), of: median(of) });
        }
        console.log(
          `\n${rounds} rounds of ${seconds} s, ${generator}, ${availableParallelism()} cores: median (min–max)`,
        );
        console.log(table(rows));
      }
    }
  } finally {
    for (const stop of stops.toReversed()) await stop();
    rmSync(folder, { recursive: true, force: true });
  }
  writeFigures('workers', figures);
}
