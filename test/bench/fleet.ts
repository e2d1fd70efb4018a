import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../../control-plane/store/database.ts';
import { createEntityStore } from '../../control-plane/store/entity-store.ts';
import { entities } from '../../shared/entities/entities.ts';
import { silentLogger } from '../../shared/log.ts';
import type { SnapshotEntities } from '../../shared/snapshot.ts';
import { adminOk } from '../helpers/admin.ts';
import { type ControlPlaneProcess, runControlPlane } from '../helpers/sluice-process.ts';
import { waitFor } from '../helpers/wait-for.ts';
import type { FleetOrder } from './fleet-nodes.ts';
import { cpuMs, median, table } from './load.ts';
import { manyEntities, storedEntity, uuidOf } from './many-entities.ts';

export interface FleetOptions {
  readonly nodes: readonly number[];
  /** Writes measured for each number of nodes. */
  readonly writes: number;
}

const routesCount = 1_000;
const entitiesCount = 30_000;
const listsCount = 20;
const waitMs = 600_000;
const mib = 1024 * 1024;

/**
 * A control plane process, and 10, 100, 1,000 simulated nodes in another (bench.md `fleet`): Admin write to last ack
 * against the same write that waits for nobody, in turn; bytes a push for one changed entity among 30,000; memory with
 * all nodes connected and while they all come anew; the time of a list.
 */
export async function fleet(options: FleetOptions): Promise<void> {
  const folder = mkdtempSync(`${tmpdir()}/sluice-bench-`);
  const json: Record<string, unknown> = {};
  try {
    json['writes'] = await measured(`${folder}/small`, routes(), (rig) => measureWrites(rig, options));
    const many = manyEntities(entitiesCount, { kafka: '127.0.0.1:9092', topic: 'orders' });
    json['large'] = await measured(`${folder}/large`, many, (rig) => measureLarge(rig, Math.max(...options.nodes)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  mkdirSync('sluice-data/bench', { recursive: true });
  writeFileSync('sluice-data/bench/fleet.json', JSON.stringify(json, null, 2));
}

interface Rig {
  readonly controlPlane: ControlPlaneProcess;
  readonly status: string;
  readonly order: (order: FleetOrder) => void;
  readonly allInSync: (nodes: number) => Promise<unknown>;
}

async function measured<T>(folder: string, seed: SnapshotEntities, measure: (rig: Rig) => Promise<T>): Promise<T> {
  mkdirSync(folder, { recursive: true });
  seedDatabase(`${folder}/control-plane.db`, seed);
  const controlPlane = await runControlPlane({ folder, readyMs: waitMs });
  let nodes: ChildProcess | undefined;
  try {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    const started = fork(fileURLToPath(new URL('fleet-nodes.js', import.meta.url)), [controlPlane.cluster, version]);
    nodes = started;
    await once(started, 'message');
    return await measure({
      controlPlane,
      status: `http://${controlPlane.address('status')}`,
      order: (order) => void started.send(order),
      allInSync: (count) =>
        waitFor(
          async () => {
            const { states } = await adminOk(controlPlane.admin, 'GET', '/clustering/status');
            return (states as Record<string, number>)['in_sync'] === count;
          },
          { what: `${count} nodes in sync`, timeoutMs: waitMs, pollMs: 200 },
        ),
    });
  } finally {
    nodes?.disconnect();
    await controlPlane.stop();
  }
}

function routes(): SnapshotEntities {
  const numbers = Array.from({ length: routesCount }, (_one, index) => index);
  return {
    routes: numbers.map((n) =>
      storedEntity('routes', { id: uuidOf(`routes ${n}`), name: `route-${n}`, paths: [`/tenants/${n}`] }),
    ),
  };
}

/** As the Admin API would have written them, but in one transaction. */
function seedDatabase(path: string, seed: SnapshotEntities): void {
  const database = openDatabase({ path });
  const store = createEntityStore({ database, entities, logger: silentLogger() });
  store.write((writes) => {
    for (const { plural } of entities) for (const entity of seed[plural] ?? []) writes.put(plural, entity);
  });
  database.close();
}

async function measureWrites(
  { controlPlane, order, allInSync }: Rig,
  { nodes, writes }: FleetOptions,
): Promise<unknown> {
  const rows = [['nodes', 'write p50 ms', 'to last ack p50 ms', 'p99 ms', 'control plane CPU ms a write']];
  const json: object[] = [];
  const write = async (n: number, wait: string): Promise<number> => {
    const startMs = performance.now();
    const body = { tags: [`t${n}`, wait === '' ? 'a' : 'b'] };
    await adminOk(controlPlane.admin, 'PATCH', `/routes/route-${n % routesCount}${wait}`, body);
    return performance.now() - startMs;
  };
  for (const count of nodes) {
    order({ kind: 'connect', nodes: count });
    await allInSync(count);
    const alone: number[] = [];
    const acked: number[] = [];
    let cpu = 0;
    for (let turn = -3; turn < writes; turn += 1) {
      const cpuBefore = cpuMs(controlPlane.pid);
      const ackedMs = await write(turn + 3, '?wait=applied&timeout=60s');
      const cpuTaken = cpuMs(controlPlane.pid) - cpuBefore;
      const aloneMs = await write(turn + 4, '');
      await allInSync(count);
      // The first warm both processes up.
      if (turn < 0) continue;
      acked.push(ackedMs);
      alone.push(aloneMs);
      cpu += cpuTaken;
    }
    rows.push([
      String(count),
      median(alone).toFixed(1),
      median(acked).toFixed(0),
      percentile(acked, 0.99).toFixed(0),
      (cpu / writes).toFixed(0),
    ]);
    json.push({
      nodes: count,
      writeP50Ms: median(alone),
      lastAckP50Ms: median(acked),
      lastAckP99Ms: percentile(acked, 0.99),
      cpuMsPerWrite: cpu / writes,
    });
  }
  console.log(`\n${routesCount} routes, ${writes} writes each: Admin write to last ack`);
  console.log(table(rows));
  return json;
}

async function measureLarge({ controlPlane, status, order, allInSync }: Rig, nodes: number): Promise<unknown> {
  const { admin, pid } = controlPlane;
  const emptyMib = rssMib(pid);
  order({ kind: 'connect', nodes });
  await allInSync(nodes);
  await delay(2_000); // for buffers of the first push to be given back
  const connectedMib = rssMib(pid);
  const before = await pushed(status);
  await adminOk(admin, 'PATCH', '/services/service-7?wait=applied&timeout=60s', { host: 'changed.example.test' });
  const after = await pushed(status);
  const bytesAPush = (after.bytes - before.bytes) / (after.pushes - before.pushes);
  const lists: number[] = [];
  for (let turn = 0; turn < listsCount; turn += 1) {
    const startMs = performance.now();
    await (await fetch(`${admin}/routes?size=1000`)).arrayBuffer();
    lists.push(performance.now() - startMs);
  }
  let stormMib = 0;
  const watch = setInterval(() => (stormMib = Math.max(stormMib, rssMib(pid))), 50);
  const stormStartMs = performance.now();
  order({ kind: 'storm' });
  await waitFor(async () => (await pushed(status)).snapshots >= 2 * nodes, { what: 'the storm', timeoutMs: waitMs });
  await allInSync(nodes);
  clearInterval(watch);
  const stormSeconds = (performance.now() - stormStartMs) / 1_000;
  const connectedAgainMib = rssMib(pid);
  console.log(`\n${entitiesCount} entities, ${nodes} nodes`);
  console.log(
    table([
      ['', 'measured', 'limit'],
      ['bytes a push for one changed entity', bytesAPush.toFixed(0), '4096'],
      ['control plane RSS, no node', `${emptyMib.toFixed(0)} MiB`, ''],
      ['control plane RSS, all connected', `${connectedMib.toFixed(0)} MiB`, '400 MB'],
      ['highest RSS while all come anew', `${stormMib.toFixed(0)} MiB`, '1.5 of connected'],
      ['of connected', (stormMib / connectedMib).toFixed(2), '1.5'],
      ['all anew in sync after', `${stormSeconds.toFixed(1)} s`, ''],
      ['list of 1,000 entities, median', `${median(lists).toFixed(1)} ms`, '50 ms'],
    ]),
  );
  return {
    nodes,
    bytesAPush,
    emptyMib,
    connectedMib,
    stormMib,
    connectedAgainMib,
    stormSeconds,
    listMs: median(lists),
  };
}

function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)] ?? NaN;
}

/** Resident memory of a process, from /proc, so Linux only. */
function rssMib(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kib) * 1024) / mib;
}

async function pushed(status: string): Promise<{ pushes: number; snapshots: number; bytes: number }> {
  const text = await (await fetch(`${status}/metrics`)).text();
  const read = (name: string, kind: string) =>
    Number(new RegExp(`^${name}\\{kind="${kind}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  const snapshots = read('sluice_config_pushes_total', 'snapshot');
  return {
    snapshots,
    pushes: snapshots + read('sluice_config_pushes_total', 'delta'),
    bytes: read('sluice_config_push_bytes_total', 'snapshot') + read('sluice_config_push_bytes_total', 'delta'),
  };
}
