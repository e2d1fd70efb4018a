import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../../control-plane/store/database.ts';
import { type RunningConfigSync, startConfigSync } from '../../control-plane/sync/config-sync.ts';
import { entities } from '../../shared/entities/entities.ts';
import { silentLogger } from '../../shared/log.ts';
import { pluginSchemas } from '../../shared/plugin-schemas/plugin-schemas.ts';
import type { SnapshotEntities } from '../../shared/snapshot.ts';
import { type DataPlaneProcess, runDataPlane } from '../helpers/sluice-process.ts';
import { FakeReader } from '../helpers/sync-fakes.ts';
import { waitFor } from '../helpers/wait-for.ts';
import { createTopic } from './arena.ts';
import { cpuMs, spread, table } from './load.ts';
import { manyEntities, storedEntity } from './many-entities.ts';
import type { SteadyOrder, SteadyResult } from './steady-load.ts';

export interface ApplyOptions {
  readonly kafka: string;
  readonly sizes: readonly number[];
  readonly rounds: number;
  readonly seconds: number;
  readonly perSecond: number;
}

interface Round extends SteadyResult {
  /** The longest time that the node's event loop was held, as it says itself. */
  readonly loopMaxMs: number;
  readonly applyMs: number;
  readonly cpuMs: number;
}

const waitMs = 300_000;
const kinds = ['nothing', 'one entity', 'everything'] as const;

/**
 * A data plane under a steady load while nothing, one entity, or everything of its configuration changes, in turn
 * (bench.md `apply`): requests dropped and the longest pause that an apply adds.
 */
export async function apply(options: ApplyOptions): Promise<void> {
  const folder = mkdtempSync(`${tmpdir()}/sluice-bench-`);
  const topic = `bench-${randomUUID().slice(0, 8)}`;
  const json: object[] = [];
  let dropped = 0;
  try {
    await createTopic(options.kafka, topic);
    for (const size of options.sizes) {
      const results = await measure(options, manyEntities(size, { kafka: options.kafka, topic }), `${folder}/${size}`);
      report(size, options, results);
      for (const [kind, rounds] of results) json.push({ size, kind, rounds });
      dropped += [...results.values()].flat().reduce((sum, { failed }) => sum + failed, 0);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  mkdirSync('sluice-data/bench', { recursive: true });
  writeFileSync('sluice-data/bench/apply.json', JSON.stringify(json, null, 2));
  if (dropped > 0) throw new Error(`${dropped} requests were dropped`);
}

async function measure(
  { rounds, seconds, perSecond }: ApplyOptions,
  seed: SnapshotEntities,
  folder: string,
): Promise<ReadonlyMap<string, Round[]>> {
  const reader = new FakeReader(seed);
  const database = openDatabase({ path: ':memory:' });
  const sync = await startConfigSync({
    reader,
    database,
    listen: { host: '127.0.0.1', port: 0 },
    nodePurgeAfterMs: waitMs,
    entities,
    plugins: pluginSchemas,
    logger: silentLogger(),
  });
  let node: DataPlaneProcess | undefined;
  let load: ChildProcess | undefined;
  try {
    node = await runDataPlane({ folder, controlPlane: sync.address ?? '' });
    await settled(sync);
    const script = fileURLToPath(new URL('steady-load.js', import.meta.url));
    load = fork(script, [`${node.proxy}/api/v1/tenants/1/orders`, 'host-1.example.test']);
    await once(load, 'message');
    const variants = [withTag(seed, 'a'), withTag(seed, 'b')] as const;
    const results = new Map<string, Round[]>(kinds.map((kind) => [kind, []]));
    for (let round = -1; round < rounds; round += 1) {
      for (const kind of kinds) {
        await loopMax(node);
        const cpuBefore = cpuMs(node.pid);
        const done = steady(load, { perSecond, seconds });
        if (kind === 'one entity') changeOne(reader, round);
        if (kind === 'everything') reader.set(variants[(round + 2) % 2 === 0 ? 0 : 1]);
        await settled(sync, kind === 'nothing' ? undefined : reader.revision());
        const result = await done;
        const cpu = cpuMs(node.pid) - cpuBefore;
        const applyMs = Number(sync.clustering.listDataPlanes()[0]?.['apply_ms']);
        // Round -1 warms the node up.
        if (round >= 0) results.get(kind)?.push({ ...result, loopMaxMs: await loopMax(node), applyMs, cpuMs: cpu });
      }
    }
    return results;
  } finally {
    load?.disconnect();
    await node?.stop();
    await sync.stop();
    database.close();
  }
}

function steady(load: ChildProcess, order: SteadyOrder): Promise<SteadyResult> {
  const result = once(load, 'message').then(([message]) => message as SteadyResult);
  load.send(order);
  return result;
}

/** Waits until the node runs what was published, from that revision on. */
async function settled(sync: RunningConfigSync, revision?: number): Promise<void> {
  if (revision !== undefined) {
    const told = await sync.syncGate.waitApplied(revision, waitMs);
    if (!told.startsWith('applied')) throw new Error(told);
  }
  await waitFor(() => sync.clustering.listDataPlanes()[0]?.['state'] === 'in_sync', {
    what: 'the node in sync',
    timeoutMs: waitMs,
  });
}

function changeOne(reader: FakeReader, round: number): void {
  const services = reader.entities['services'] ?? [];
  const before = services[Math.floor(services.length / 2)];
  if (before === undefined) throw new Error('there are no services');
  const entity = storedEntity('services', { ...before, host: `round-${round + 1}.example.test` });
  reader.change([{ plural: 'services', id: before.id, entity }]);
}

function withTag(seed: SnapshotEntities, tag: string): SnapshotEntities {
  return Object.fromEntries(
    Object.entries(seed).map(([plural, list]) => [plural, list.map((entity) => ({ ...entity, tags: [tag] }))]),
  );
}

/** Of the time since it was asked last. */
async function loopMax(node: DataPlaneProcess): Promise<number> {
  const text = await (await fetch(`${node.status}/metrics`)).text();
  return Number(/^nodejs_eventloop_lag_max_seconds ([\d.e+-]+)$/m.exec(text)?.[1]) * 1_000;
}

function report(size: number, { rounds, perSecond }: ApplyOptions, results: ReadonlyMap<string, Round[]>): void {
  const nothing = results.get('nothing') ?? [];
  const rows = [
    ['change of', 'apply ms', 'dropped', 'p50 ms', 'p99 ms', 'longest ms', 'of nothing', 'loop held ms', 'CPU ms'],
  ];
  for (const [kind, measured] of results) {
    const of = (read: (round: Round) => number, digits: number) => spread(measured.map(read), digits);
    rows.push([
      kind,
      kind === 'nothing' ? '' : of(({ applyMs }) => applyMs, 0),
      String(measured.reduce((sum, { failed }) => sum + failed, 0)),
      of(({ p50Ms }) => p50Ms, 1),
      of(({ p99Ms }) => p99Ms, 1),
      of(({ maxMs }) => maxMs, 0),
      spread(
        measured.map(({ maxMs }, index) => maxMs / (nothing[index]?.maxMs ?? NaN)),
        2,
      ),
      of(({ loopMaxMs }) => loopMaxMs, 0),
      of((round) => round.cpuMs, 0),
    ]);
  }
  console.log(`\n${size} entities, ${rounds} rounds, ${perSecond} requests/s: median (min–max)`);
  console.log(table(rows));
}
