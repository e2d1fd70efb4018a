import { credentials, Metadata, status as GrpcStatus } from '@grpc/grpc-js';
import { expect } from 'chai';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { knownSchemas } from '../../data-plane/source/known-schemas.ts';
import { entities } from '../../shared/entities/entities.ts';
import { pluginSchemas } from '../../shared/plugin-schemas/plugin-schemas.ts';
import { ConfigSync } from '../../shared/proto.ts';
import { createSnapshot } from '../../shared/snapshot.ts';
import { startDeafNode } from '../helpers/deaf-node.ts';
import { applied, hostOf, oneService, recordingApply, refused, service } from '../helpers/sync-fakes.ts';
import { SyncHarness } from '../helpers/sync-harness.ts';
import { waitFor } from '../helpers/wait-for.ts';

const hashOf = (host: string): string => createSnapshot(oneService(host)).hash;

describe('config sync over gRPC', function () {
  this.timeout(20_000);
  let harness: SyncHarness;
  beforeEach(async () => {
    harness = await SyncHarness.open();
  });
  afterEach(() => harness.close());

  const state = (nodeId: string): unknown => harness.view(nodeId)?.['state'];
  const inSync = (nodeId: string): Promise<unknown> =>
    waitFor(() => state(nodeId) === 'in_sync', { what: `${nodeId} in sync`, pollMs: 5 });

  it('brings a change to every node and shows them in sync', async () => {
    const metrics = new Registry();
    const { clustering, syncGate } = await harness.startControlPlane({ metrics });
    const nodes = [harness.node(), harness.node(), harness.node()];
    const applies = nodes.map(() => recordingApply());
    await Promise.all(nodes.map((node, index) => node.start(applies[index] ?? recordingApply())));
    for (const { nodeId } of nodes) await inSync(nodeId);
    const revision = harness.reader.set(oneService('second'));
    expect(await syncGate.waitApplied(revision, 5_000)).to.equal('applied; nodes=3');
    expect(applies.map((apply) => apply.hosts().at(-1))).to.deep.equal(['second', 'second', 'second']);

    const view = harness.view(nodes[0]?.nodeId ?? '');
    expect(view).to.include({
      ip: '127.0.0.1',
      version: '0.1.0',
      config_hash: hashOf('second'),
      applied_hash: hashOf('second'),
      expected_hash: hashOf('second'),
      sync_status: 'normal',
      connected: true,
      state: 'in_sync',
      rejected: null,
      apply_ms: 1,
    });
    expect(view?.['labels']).to.deep.equal({ zone: 'a' });
    expect(clustering.listDataPlanes().map(({ id }) => id)).to.deep.equal(nodes.map(({ nodeId }) => nodeId).sort());
    expect(clustering.status()).to.deep.include({
      expected_hash: hashOf('second'),
      connected: 3,
      states: { offline: 0, incompatible: 0, rejected: 0, in_sync: 3, pending: 0, stale: 0 },
    });
    const counted = async () => (await metrics.metrics()).includes('sluice_config_pushes_total{kind="snapshot"} 6\n');
    await waitFor(counted, { what: 'six whole versions, which acks may overtake' });
    const text = await metrics.metrics();
    expect(text).to.contain('sluice_connected_nodes 3').and.contain('sluice_nodes{state="in_sync"} 3');
    expect(text).to.match(/sluice_config_push_bytes_total\{kind="snapshot"\} [1-9]/);
  });

  it('shows counters, clusters, boot id and time to live of a node, and the slowest node', async () => {
    const { clustering } = await harness.startControlPlane();
    let requestsTotal = 1_000;
    const clusters = [
      { name: 'main', state: 'up' },
      { name: 'other', state: 'down' },
    ];
    const counting = harness.node('counting', { counters: () => ({ requestsTotal: (requestsTotal += 50), clusters }) });
    await counting.start(recordingApply());
    const view = await waitFor(
      () => {
        const seen = harness.view(counting.nodeId);
        return Number(seen?.['requests_per_second']) > 0 ? seen : undefined;
      },
      { what: 'two heartbeats' },
    );
    // Fifty each 200 ms, give or take a late timer; never those from before the stream.
    expect(view?.['requests_per_second']).to.be.within(25, 500);
    expect(view?.['clusters']).to.deep.equal(clusters);
    expect(view?.['boot_id']).to.match(/^[0-9a-f-]{36}$/);
    expect(view?.['ttl']).to.be.within(14 * 86_400 - 60, 14 * 86_400);
    expect(view?.['cert_details']).to.equal(null);

    const slowest = () => clustering.status()['slowest_node'] as Record<string, unknown> | null;
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const slow = harness.node('slow');
    await slow.start(
      recordingApply(async () => {
        await gate;
        return { kind: 'applied', applyMs: 5_000 };
      }),
    );
    await waitFor(() => slowest()?.['id'] === slow.nodeId, { what: 'the node that is behind' });
    expect(slowest()).to.include({ state: 'pending', apply_ms: null });
    release();
    await inSync(slow.nodeId);
    expect(slowest()).to.deep.include({ id: slow.nodeId, state: 'in_sync', apply_ms: 5_000, behind_ms: 0 });
    await slow.stop();
    await waitFor(() => slowest()?.['id'] === counting.nodeId, { what: 'a node that is gone' });
  });

  it('ends a wait at once without nodes, and by its timeout while a node is busy', async () => {
    const { syncGate } = await harness.startControlPlane();
    expect(await syncGate.waitApplied(harness.reader.set(oneService('a')), 5_000)).to.equal('none; nodes=0');
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const node = harness.node();
    await node.start(
      recordingApply(async () => {
        await gate;
        return applied();
      }),
    );
    await waitFor(() => state(node.nodeId) === 'pending', { what: 'the push', pollMs: 5 });
    const text = await syncGate.waitApplied(harness.reader.set(oneService('b')), 400);
    expect(text).to.equal(`timeout; applied=0; nodes=1; waiting=${node.nodeId}`);
    release();
    await inSync(node.nodeId);
  });

  it('shows a rejection with its faults, does not push it again, and recovers with the next version', async () => {
    const { syncGate } = await harness.startControlPlane();
    const apply = recordingApply((snapshot) => (hostOf(snapshot) === 'bad' ? refused('no such place') : applied()));
    const node = harness.node('n');
    await node.start(apply);
    await inSync(node.nodeId);
    const revision = harness.reader.set(oneService('bad'));
    expect(await syncGate.waitApplied(revision, 5_000)).to.equal(`rejected; node=${node.nodeId}`);
    const view = harness.view(node.nodeId);
    expect(view).to.include({ state: 'rejected', applied_hash: hashOf('first'), sync_status: 'normal' });
    expect(view?.['rejected']).to.deep.include({
      hash: hashOf('bad'),
      errors: [{ entity_type: 'service', entity_id: 'x', entity_name: 'bad', field: 'host', message: 'no such place' }],
    });
    expect(node.status().rejected?.hash).to.equal(hashOf('bad'));

    // The same process on a new stream: the hello tells what was rejected.
    await harness.stopControlPlane();
    await harness.startControlPlane();
    await waitFor(() => state(node.nodeId) === 'rejected', { what: 'the rejection after a reconnect' });
    harness.reader.set(oneService('good'));
    await inSync(node.nodeId);
    expect(harness.view(node.nodeId)?.['rejected']).to.equal(null);
    expect(apply.hosts()).to.deep.equal(['first', 'bad', 'good']);
  });

  it('starts from the cache while the control plane is down, and is not sent that version again', async () => {
    const metrics = new Registry();
    await harness.startControlPlane();
    const before = harness.node('n');
    await before.start(recordingApply());
    await inSync(before.nodeId);
    await before.stop();
    await waitFor(() => state(before.nodeId) === 'offline', { what: 'offline' });
    expect(harness.view(before.nodeId)).to.include({ connected: false, applied_hash: hashOf('first') });
    await harness.stopControlPlane();

    const apply = recordingApply();
    const after = harness.node('n');
    expect(after.nodeId).to.equal(before.nodeId);
    await after.start(apply);
    expect(apply.hosts()).to.deep.equal(['first']);
    expect(after.status()).to.include({ source: 'cache', connected: false, hash: hashOf('first') });

    await harness.startControlPlane({ metrics });
    await inSync(after.nodeId);
    expect(await metrics.metrics()).to.match(/sluice_config_pushes_total\{kind="snapshot"\} 0\n/);
    harness.reader.set(oneService('second'));
    await waitFor(() => apply.hosts().at(-1) === 'second', { what: 'the next change' });
    expect(apply.hosts()).to.deep.equal(['first', 'second']);
  });

  it('starts without a usable cache', async () => {
    await harness.startControlPlane();
    mkdirSync(harness.dataDir('n'), { recursive: true });
    writeFileSync(join(harness.dataDir('n'), 'snapshot.cache'), randomBytes(500));
    const apply = recordingApply();
    const node = harness.node('n');
    await node.start(apply);
    await inSync(node.nodeId);
    expect(apply.hosts()).to.deep.equal(['first']);
    expect(readFileSync(join(harness.dataDir('n'), 'snapshot.cache'), 'latin1')).to.contain(hashOf('first'));
  });

  it('reconnects after a restart of the control plane and gets the changes', async () => {
    await harness.startControlPlane();
    const apply = recordingApply();
    const node = harness.node();
    await node.start(apply);
    await inSync(node.nodeId);
    await harness.stopControlPlane();
    await waitFor(() => !node.status().connected, { what: 'the end of the stream' });
    harness.reader.set(oneService('meanwhile'));
    await harness.startControlPlane();
    await waitFor(() => apply.hosts().at(-1) === 'meanwhile', { what: 'the change' });
    await inSync(node.nodeId);
  });

  it('tries each control plane of the list', async () => {
    await harness.startControlPlane();
    const node = harness.node('n', { controlPlanes: ['127.0.0.1:1', harness.address] });
    await node.start(recordingApply());
    await inSync(node.nodeId);
    expect(node.status().controlPlane).to.equal(harness.address);
  });

  it('refuses a second node with the same id until the first has disconnected', async () => {
    await harness.startControlPlane();
    const first = harness.node('one');
    await first.start(recordingApply());
    await inSync(first.nodeId);
    mkdirSync(harness.dataDir('copy'), { recursive: true });
    copyFileSync(join(harness.dataDir('one'), 'node-id'), join(harness.dataDir('copy'), 'node-id'));
    const copied = harness.node('copy');
    const copiedApply = recordingApply();
    await copied.start(copiedApply);
    const call = new ConfigSync(harness.address, credentials.createInsecure());
    const refusal = await refusalOf(call, first.nodeId);
    expect(refusal.code).to.equal(GrpcStatus.ALREADY_EXISTS);
    expect(copiedApply.snapshots).to.deep.equal([]);
    expect(state(first.nodeId)).to.equal('in_sync');
    await first.stop();
    await waitFor(() => copied.status().connected, { what: 'the copy being let in' });
    await waitFor(() => copiedApply.snapshots.length === 1, { what: 'its configuration' });
  });

  it('replaces the older stream of the same process', async () => {
    await harness.startControlPlane();
    const ids = { nodeId: randomUUID(), bootId: randomUUID(), version: '0.1.0' };
    const older = new ConfigSync(harness.address, credentials.createInsecure());
    const olderCall = older.Connect(new Metadata());
    const olderEnd = endOf(olderCall);
    olderCall.on('data', () => undefined);
    olderCall.write({ hello: ids });
    await waitFor(() => harness.view(ids.nodeId)?.['connected'], { what: 'the older stream' });
    const newer = new ConfigSync(harness.address, credentials.createInsecure());
    const newerCall = newer.Connect(new Metadata());
    newerCall.on('data', () => undefined);
    newerCall.on('error', () => undefined);
    newerCall.write({ hello: ids });
    expect((await olderEnd).code).to.equal(GrpcStatus.ABORTED);
    expect(harness.view(ids.nodeId)?.['connected']).to.equal(true);
    newerCall.cancel();
    older.close();
    newer.close();
    await waitFor(() => state(ids.nodeId) === 'offline', { what: 'offline' });
  });

  it('does not serve a node of another major version, and no wait counts it', async () => {
    const { syncGate } = await harness.startControlPlane({ version: '1.2.0' });
    const apply = recordingApply();
    const node = harness.node('n', { version: '2.0.0' });
    await node.start(apply);
    await waitFor(() => state(node.nodeId) === 'incompatible', { what: 'incompatible' });
    expect(harness.view(node.nodeId)?.['sync_status']).to.equal('kong_version_incompatible');
    expect(await syncGate.waitApplied(harness.reader.set(oneService('x')), 5_000)).to.equal('none; nodes=0');
    expect(apply.snapshots).to.deep.equal([]);
  });

  it('shows and logs the parts that a node does not get and the reason why it is not served', async () => {
    const plugin = { id: 'p', name: 'kafka-log', enabled: true, config: {} };
    const { clustering, syncGate } = await harness.startControlPlane({ version: '0.2.0' });
    const events: string[] = [];
    const all = knownSchemas(entities, pluginSchemas);
    const withoutHost = all.entityKinds.map(({ plural, fields }) => ({
      plural,
      fields: fields.filter((field) => field !== 'host'),
    }));
    const older = harness.node('older', { version: '0.1.9', knows: { plugins: [], entityKinds: withoutHost } });
    const lacking = harness.node('lacking', { version: '0.2.0', knows: { ...all, plugins: [] } });
    const newer = harness.node('newer', { version: '0.3.0' });
    clustering.onStateChange(({ id, from, state: to }) => {
      if (id === lacking.nodeId) events.push(`${from} ${to}`);
    });
    const nodes = [older, lacking, newer];
    const applies = nodes.map(() => recordingApply());
    await Promise.all(nodes.map((node, index) => node.start(applies[index] ?? recordingApply())));
    for (const { nodeId } of nodes) await inSync(nodeId);
    const revision = harness.reader.set({ ...oneService('second'), plugins: [plugin] });
    expect(await syncGate.waitApplied(revision, 5_000)).to.equal('applied; nodes=2');
    expect(harness.view(older.nodeId)).to.deep.include({
      state: 'in_sync',
      sync_status: 'normal',
      compatibility: [
        { field: 'services.host', plugin: null, action: 'removed', reason: 'the node does not know the field' },
        {
          field: null,
          plugin: 'kafka-log',
          action: 'removed',
          reason: 'version 0.1.9 of the node does not have the plugin',
        },
      ],
    });
    expect(harness.view(older.nodeId)?.['expected_hash']).to.equal(applies[0]?.snapshots.at(-1)?.hash);
    expect(Object.keys(applies[0]?.snapshots.at(-1)?.entities ?? {})).to.deep.equal(['services']);
    expect(harness.view(lacking.nodeId)).to.deep.include({
      state: 'incompatible',
      sync_status: 'plugin_set_incompatible',
      expected_hash: null,
      applied_hash: hashOf('first'),
      compatibility: [
        { field: null, plugin: 'kafka-log', action: 'refused', reason: 'the node does not have the plugin' },
      ],
    });
    expect(harness.view(newer.nodeId)).to.deep.include({ state: 'in_sync', compatibility: [] });
    // A plugin that decides what is written is required to understand: not even an older node does without it.
    harness.reader.set({ ...oneService('second'), plugins: [{ ...plugin, name: 'kafka-upstream' }] });
    await waitFor(() => state(older.nodeId) === 'incompatible', { what: 'the older node incompatible' });
    expect(harness.view(older.nodeId)).to.deep.include({ sync_status: 'plugin_set_incompatible' });
    harness.reader.set(oneService('third'));
    await inSync(older.nodeId);
    await inSync(lacking.nodeId);
    expect(applies[1]?.hosts()).to.deep.equal(['first', 'third']);
    expect(events.filter((event) => !event.includes('offline'))).to.include.members([
      'in_sync incompatible',
      'incompatible pending',
      'pending in_sync',
    ]);
  });

  it('is not delayed by nodes that do not read', async () => {
    // Large enough for no buffer on the way to swallow it, and of what gzip cannot shrink.
    const services = Array.from({ length: 300 }, () =>
      service(undefined, { host: randomBytes(20_000).toString('hex') }),
    );
    harness.reader.set({ services });
    const metrics = new Registry();
    const timings = { heartbeatMs: 5_000, silenceMs: 15_000 };
    const { syncGate } = await harness.startControlPlane({ metrics, timings });
    const ends = Array.from({ length: 20 }, () => startDeafNode(harness.address));
    await waitFor(() => harness.server.clustering.status()['connected'] === 20, { what: 'the deaf nodes' });
    const apply = recordingApply();
    const node = harness.node();
    const startMs = performance.now();
    await node.start(apply);
    await inSync(node.nodeId);
    for (let count = 0; count < 5; count += 1) {
      harness.reader.set(oneService(`small-${count}`));
      await waitFor(() => apply.hosts().at(-1) === `small-${count}`, { what: `change ${count}`, pollMs: 5 });
    }
    await inSync(node.nodeId);
    // Well before silence ends the deaf and frees what they hold.
    expect(performance.now() - startMs).to.be.lessThan(timings.silenceMs);
    expect(harness.server.clustering.status()).to.include({ connected: 21 });
    const waiting = harness.server.clustering
      .listDataPlanes()
      .filter(({ state }) => state === 'pending' || state === 'stale');
    expect(waiting).to.have.length(20);
    expect(harness.server.clustering.status()['states']).to.include({ in_sync: 1 });
    expect(await syncGate.waitApplied(harness.reader.revision(), 50)).to.match(
      /^timeout; applied=1; nodes=21; waiting=/,
    );
    // To the one that reads; a deaf one whose turn came late may swallow a small version whole, unread in its buffers.
    const pushes = async () =>
      Number(/sluice_config_pushes_total\{kind="snapshot"\} (\d+)\n/.exec(await metrics.metrics())?.[1]);
    // An ack may come before the end of what it answers is counted.
    await waitFor(async () => (await pushes()) >= 6, { what: 'six whole versions' });
    for (const end of ends) end();
    await waitFor(() => harness.server.clustering.status()['connected'] === 1, { what: 'the end of the deaf' });
  });

  it('sends a change of one entity among many as a small delta, also after a restart of the node', async () => {
    const metrics = new Registry();
    const services = Array.from({ length: 2_000 }, (_value, index) =>
      service(undefined, { tags: [`tag-${index}`, randomUUID()] }),
    );
    harness.reader.set({ services });
    const { syncGate } = await harness.startControlPlane({ metrics });
    const apply = recordingApply();
    const node = harness.node('n');
    await node.start(apply);
    await inSync(node.nodeId);
    const change = async (host: string): Promise<void> => {
      services[7] = { ...service('7'), ...services[7], host };
      const revision = harness.reader.set({ services: [...services] });
      expect(await syncGate.waitApplied(revision, 10_000)).to.equal('applied; nodes=1');
    };
    await change('second');
    services.splice(3, 1);
    await change('third');
    await node.stop();
    await waitFor(() => state(node.nodeId) === 'offline', { what: 'offline' });
    const again = harness.node('n');
    const applyAgain = recordingApply();
    await again.start(applyAgain);
    await inSync(again.nodeId);
    services.push(service());
    await change('fourth');
    const wanted = createSnapshot({ services });
    expect(applyAgain.snapshots.map(({ hash }) => hash)).to.deep.equal([apply.snapshots.at(-1)?.hash, wanted.hash]);
    expect(applyAgain.snapshots.at(-1)?.entities).to.deep.equal(wanted.entities);
    const text = await metrics.metrics();
    expect(text).to.contain('sluice_config_pushes_total{kind="snapshot"} 1\n');
    expect(text).to.contain('sluice_config_pushes_total{kind="delta"} 3\n');
    expect(text).to.contain('sluice_config_push_to_ack_seconds_count 4\n');
    expect(Number(/push_bytes_total\{kind="delta"\} (\d+)/.exec(text)?.[1])).to.be.lessThan(3 * 4_096);
  });

  it('still sends deltas after a restart of the control plane', async () => {
    const services = Array.from({ length: 50 }, () => service());
    harness.reader.set({ services });
    await harness.startControlPlane();
    const node = harness.node('n');
    const apply = recordingApply();
    await node.start(apply);
    await inSync(node.nodeId);
    await harness.stopControlPlane();
    const metrics = new Registry();
    await harness.startControlPlane({ metrics });
    await inSync(node.nodeId);
    services[0] = service(services[0]?.id, { host: 'changed' });
    harness.reader.set({ services: [...services] });
    await waitFor(() => apply.hosts().length === 2, { what: 'the change' });
    await inSync(node.nodeId);
    expect(await metrics.metrics()).to.contain('sluice_config_pushes_total{kind="delta"} 1\n');
  });

  it('transfers a large configuration', async () => {
    const { syncGate } = await harness.startControlPlane();
    const node = harness.node();
    const apply = recordingApply();
    await node.start(apply);
    await inSync(node.nodeId);
    const services = Array.from({ length: 3_000 }, (_value, index) =>
      service(undefined, { tags: [`tag-${index}`, randomUUID()] }),
    );
    const revision = harness.reader.set({ services });
    expect(await syncGate.waitApplied(revision, 10_000)).to.equal('applied; nodes=1');
    expect(apply.snapshots.at(-1)?.hash).to.equal(createSnapshot({ services }).hash);
    expect(apply.snapshots.at(-1)?.entities['services']).to.have.length(3_000);
  });
});

type Client = InstanceType<typeof ConfigSync>;

function endOf(call: ReturnType<Client['Connect']>): Promise<{ code: GrpcStatus; details: string }> {
  call.on('error', () => undefined);
  return new Promise((resolve) => call.on('status', resolve));
}

/** Opens a stream with this node id and a new boot id, and gives the status that ends it. */
async function refusalOf(client: Client, nodeId: string): Promise<{ code: GrpcStatus; details: string }> {
  const call = client.Connect(new Metadata());
  const end = endOf(call);
  call.on('data', () => undefined);
  call.write({ hello: { nodeId, bootId: randomUUID(), version: '0.1.0' } });
  const status = await end;
  client.close();
  return status;
}
