import { randomBytes, randomInt } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isLong } from '../helpers/kafka-clients.ts';
import { expect } from 'chai';
import { Registry } from 'prom-client';
import type { SyncSource } from '../../data-plane/source/sync-source-types.ts';
import { createSnapshot, type Snapshot, type SnapshotEntities, type SnapshotEntity } from '../../shared/snapshot.ts';
import { type CuttingProxy, startCuttingProxy } from '../helpers/cutting-proxy.ts';
import { applied, oneService, recordingApply, refused, service } from '../helpers/sync-fakes.ts';
import { SyncHarness } from '../helpers/sync-harness.ts';
import { waitFor } from '../helpers/wait-for.ts';

const schedules = isLong ? 100 : 4;
const heartbeatMs = 200;

/** A node of a fleet under faults: it refuses configurations with a service called `bad-<its number>`. */
interface FleetNode {
  readonly number: number;
  readonly proxy: CuttingProxy;
  source: SyncSource;
}

describe('config sync under faults', function () {
  this.timeout(60_000);
  let harness: SyncHarness;
  let metrics: Registry;
  const proxies: CuttingProxy[] = [];
  beforeEach(async () => {
    harness = await SyncHarness.open();
    metrics = new Registry();
  });
  afterEach(async () => {
    await harness.close();
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
  });

  const proxy = async (): Promise<CuttingProxy> => {
    const started = await startCuttingProxy(() => harness.address);
    proxies.push(started);
    return started;
  };
  const start = () => {
    metrics = new Registry();
    return harness.startControlPlane({ metrics });
  };
  const state = (nodeId: string): unknown => harness.view(nodeId)?.['state'];
  const reaches = (source: SyncSource, wanted: string): Promise<unknown> =>
    waitFor(() => state(source.nodeId) === wanted, { what: `${source.nodeId} ${wanted}`, timeoutMs: 30_000 });
  const pushes = async (): Promise<number> =>
    [...(await metrics.metrics()).matchAll(/^sluice_config_pushes_total\{.*\} (\d+)$/gm)].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    );
  /** Checks that the control plane shows of each node what it runs. */
  const isShown = (source: SyncSource): void => {
    expect(harness.view(source.nodeId)?.['applied_hash']).to.equal(source.status().hash ?? null);
  };
  /** From here on, states are about this version. */
  const isPublished = (hash: string): Promise<unknown> =>
    waitFor(() => harness.server.clustering.status()['expected_hash'] === hash, { what: `${hash} published` });
  /** Nothing is pushed any more, for longer than any timer of either side. */
  const isQuiet = async (): Promise<void> => {
    const before = await pushes();
    await delay(4 * heartbeatMs); // that nothing happens cannot be waited for
    expect(await pushes()).to.equal(before);
  };

  it('takes a configuration whole or not at all, however often a push breaks off', async () => {
    const services = Array.from({ length: 60 }, () =>
      service(undefined, { host: randomBytes(10_000).toString('hex') }),
    );
    harness.reader.set({ services });
    await start();
    const between = await proxy();
    // After the welcome, between and within chunks, and before the last bytes.
    between.cutAfter([100, 1_000, 200_000, 300_000, 500_000, 600_000]);
    const node = harness.node('n', { controlPlanes: [between.address] });
    const apply = recordingApply();
    await node.start(apply);
    await reaches(node, 'in_sync');
    expect(between.cuts).to.equal(6);
    expect(apply.snapshots.map(({ hash }) => hash)).to.deep.equal([createSnapshot({ services }).hash]);
    isShown(node);
    await isQuiet();
  });

  it('follows a control plane that comes back with an older database', async () => {
    await start();
    const apply = recordingApply();
    const node = harness.node('n');
    await node.start(apply);
    await waitFor(() => apply.hosts().at(-1) === 'first', { what: 'the first' });
    const old = harness.reader.entities;
    for (const host of ['second', 'third']) {
      harness.reader.set(oneService(host));
      await waitFor(() => apply.hosts().at(-1) === host, { what: host });
    }
    await harness.stopControlPlane();
    harness.reader.restore(old, 0);
    const { syncGate } = await start();
    await reaches(node, 'in_sync');
    expect(apply.hosts()).to.deep.equal(['first', 'second', 'third', 'first']);
    isShown(node);
    const revision = harness.reader.set(oneService('new'));
    expect(revision).to.equal(1);
    expect(await syncGate.waitApplied(revision, 10_000)).to.equal('applied; nodes=1');
    await isQuiet();
  });

  it('follows one that comes back without any configuration, and shows what the node then runs', async () => {
    await start();
    const node = harness.node('n');
    await node.start(recordingApply());
    await reaches(node, 'in_sync');
    await harness.stopControlPlane();
    harness.reader.restore({}, 0);
    await start();
    await waitFor(() => node.status().hash === createSnapshot({}).hash, { what: 'the empty one' });
    await reaches(node, 'in_sync');
    isShown(node);
  });

  it('shows two processes with one id as what they are', async () => {
    await start();
    const first = harness.node('one');
    const apply = recordingApply();
    await first.start(apply);
    await reaches(first, 'in_sync');
    const copy = harness.node('one');
    const copied = recordingApply();
    // It starts from the copied cache, and is never let in while the first lives.
    await copy.start(copied);
    for (const host of ['a', 'b']) {
      harness.reader.set(oneService(host));
      await waitFor(() => apply.hosts().at(-1) === host, { what: host });
    }
    await reaches(first, 'in_sync');
    expect(copied.hosts()).to.deep.equal(['first']);
    expect(copy.status().connected).to.equal(false);
    isShown(first);
    await isQuiet();
  });

  for (let run = 0; run < schedules; run += 1) {
    it(`meets its guarantees through any schedule of faults (${run + 1} of ${schedules})`, async () => {
      const fleet = await Fleet.open(harness, [await proxy(), await proxy(), await proxy()], start);
      const trail: string[] = [];
      try {
        for (let step = 0; step < 12; step += 1) {
          trail.push(await fleet.fault());
          await delay(randomInt(40)); // part of the schedule
        }
        await fleet.healControlPlane();
        await isPublished(fleet.hash());
        for (const { number, source } of fleet.nodes)
          await reaches(source, fleet.refuses(number) ? 'rejected' : 'in_sync');
        for (const { source } of fleet.nodes) isShown(source);
        fleet.removeBad();
        await isPublished(fleet.hash());
        for (const { source } of fleet.nodes) await reaches(source, 'in_sync');
        for (const { source } of fleet.nodes) isShown(source);
        expect(fleet.lies).to.deep.equal([]);
        await isQuiet();
      } catch (error) {
        throw new Error(`after ${trail.join(', ')}: ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        });
      }
    });
  }
});

class Fleet {
  readonly nodes: FleetNode[] = [];
  /** Configurations that a node was given though they were never published, or not as they were. */
  readonly lies: string[] = [];
  readonly #harness: SyncHarness;
  readonly #start: () => Promise<unknown>;
  readonly #published = new Set<string>();
  readonly #history: SnapshotEntities[] = [];
  #services: SnapshotEntity[] = Array.from({ length: 20 }, () => service());
  #isUp = true;

  private constructor(harness: SyncHarness, start: () => Promise<unknown>) {
    this.#harness = harness;
    this.#start = start;
  }

  static async open(harness: SyncHarness, proxies: readonly CuttingProxy[], start: () => Promise<unknown>) {
    const fleet = new Fleet(harness, start);
    fleet.#publish();
    await start();
    for (const [number, proxy] of proxies.entries()) {
      fleet.nodes.push({ number, proxy, source: await fleet.#startNode(number, proxy) });
    }
    return fleet;
  }

  /** Returns the hash of the configuration that nodes should run. */
  hash(): string {
    return createSnapshot({ services: this.#services }).hash;
  }

  refuses(number: number): boolean {
    return this.#services.some(({ name }) => name === `bad-${number}`);
  }

  removeBad(): void {
    this.#services = this.#services.filter(({ name }) => !String(name).startsWith('bad-'));
    this.#publish();
  }

  async healControlPlane(): Promise<void> {
    if (!this.#isUp) await this.#start();
    this.#isUp = true;
  }

  /** Does one thing, drawn anew, and says what. */
  async fault(): Promise<string> {
    const node = this.nodes[randomInt(this.nodes.length)];
    if (node === undefined) throw new Error('there are no nodes');
    switch (randomInt(8)) {
      case 0:
        this.#services = this.#services.map((one) => ({ ...one, host: `h${randomInt(1_000)}` }));
        this.#publish();
        return 'changed all';
      case 1:
        this.#services = [...this.#services, service(undefined, { name: `bad-${node.number}` })];
        this.#publish();
        return `bad for ${node.number}`;
      case 2:
        this.removeBad();
        return 'removed bad';
      case 3:
        node.proxy.cutAfter([randomInt(50, 3_000)]);
        node.proxy.cut();
        return `cut ${node.number}`;
      case 4:
        if (this.#isUp) await this.#harness.stopControlPlane();
        else await this.#start();
        this.#isUp = !this.#isUp;
        return this.#isUp ? 'control plane up' : 'control plane down';
      case 5:
        return this.#restoreOlder();
      case 6:
        return this.#restart(node);
      default: {
        const index = randomInt(this.#services.length);
        const changed = { ...service(), ...this.#services[index], host: `h${randomInt(1_000)}` };
        this.#services = this.#services.with(index, changed);
        this.#publish();
        return 'changed one';
      }
    }
  }

  #publish(): void {
    const entities = { services: this.#services };
    this.#history.push(entities);
    this.#published.add(createSnapshot(entities).hash);
    this.#harness.reader.set(entities);
  }

  async #restoreOlder(): Promise<string> {
    if (this.#isUp) await this.#harness.stopControlPlane();
    const older = this.#history[randomInt(this.#history.length)] ?? {};
    this.#services = [...(older['services'] ?? [])];
    this.#harness.reader.restore(older, randomInt(3));
    await this.#start();
    this.#isUp = true;
    return 'older database';
  }

  async #restart(node: FleetNode): Promise<string> {
    await node.source.stop();
    const cache = join(this.#harness.dataDir(String(node.number)), 'snapshot.cache');
    const damages = randomInt(2) === 0 && existsSync(cache);
    if (damages) writeFileSync(cache, randomBytes(randomInt(500)));
    node.source = await this.#startNode(node.number, node.proxy);
    return `restarted ${node.number}${damages ? ' with a damaged cache' : ''}`;
  }

  async #startNode(number: number, proxy: CuttingProxy): Promise<SyncSource> {
    const source = this.#harness.node(String(number), { controlPlanes: [proxy.address] });
    await source.start(async (snapshot) => {
      this.#check(number, snapshot);
      await delay(randomInt(20)); // a build takes its time
      return JSON.stringify(snapshot.entities).includes(`"bad-${number}"`) ? refused() : applied();
    });
    return source;
  }

  #check(number: number, snapshot: Snapshot): void {
    if (!this.#published.has(snapshot.hash)) this.lies.push(`${number} was given ${snapshot.hash}`);
    if (createSnapshot(snapshot.entities).hash !== snapshot.hash) this.lies.push(`${number} was given a half`);
  }
}
