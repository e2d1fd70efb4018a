import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Destination } from '../../shared/destination.ts';
import type { SyncSource } from '../../data-plane/source/sync-source-types.ts';
import { createLogger, type Logger } from '../../shared/log.ts';
import { unpackSnapshot } from '../../shared/snapshot-wire.ts';
import { packEntities } from '../helpers/pack-entities.ts';
import { applied, oneService, recordingApply, refused, service } from '../helpers/sync-fakes.ts';
import { SyncHarness } from '../helpers/sync-harness.ts';
import { waitFor } from '../helpers/wait-for.ts';

const cluster = (name: string, state: Destination['state'], error: string | null = null): Destination => ({
  kind: 'cluster',
  name,
  state,
  error,
});

describe('the fleet over gRPC', function () {
  this.timeout(20_000);
  let harness: SyncHarness;
  let lines: Record<string, unknown>[];
  let logger: Logger;
  beforeEach(async () => {
    harness = await SyncHarness.open();
    lines = [];
    const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
    logger = createLogger({ level: 'info', format: 'json', write });
  });
  afterEach(() => harness.close());

  const view = (nodeId: string) => harness.view(nodeId) ?? {};
  const inState = (nodeId: string, state: string) =>
    waitFor(() => view(nodeId)['state'] === state, { what: `${nodeId} ${state}`, pollMs: 5 });
  const events = (name: string) => lines.filter(({ event }) => event === name);

  describe('reports destinations', () => {
    it('in the view of each node, and again when one changes', async () => {
      await harness.startControlPlane();
      let all: Destination[] = [
        cluster('orders', 'reachable'),
        { kind: 'topic', name: 'orders/new', state: 'unreachable', error: 'the topic does not exist' },
        { kind: 'registry', name: 'registry:8081', state: 'untested', error: null },
      ];
      const node = harness.node('n', { destinations: () => all });
      await node.start(recordingApply());
      const shown = () => view(node.nodeId)['destinations'];
      await waitFor(() => (shown() as unknown[] | undefined)?.length === 3, { what: 'three destinations' });
      expect(shown()).to.have.deep.members(all);
      all = [cluster('orders', 'unreachable', 'the password is wrong')];
      await waitFor(() => (shown() as unknown[] | undefined)?.length === 1, { what: 'the change' });
      expect(shown()).to.deep.equal(all);
      await node.stop();
      await inState(node.nodeId, 'offline');
      expect(shown(), 'what an offline node reaches is not known').to.deep.equal([]);
    });

    const rows: readonly (readonly [what: string, lists: readonly (readonly Destination[])[], text: string])[] = [
      ['all reached', [[cluster('a', 'reachable')], []], 'applied; nodes=2'],
      [
        'one unreachable on both nodes, one on one',
        [
          [cluster('a', 'unreachable', 'x'), cluster('b', 'reachable')],
          [cluster('a', 'unreachable', 'x'), cluster('b', 'unreachable', 'y')],
        ],
        'applied; nodes=2; unreachable=a,b',
      ],
      [
        'a name that a header cannot hold',
        [[cluster('k1:9092,k2:9092', 'unreachable', 'x'), cluster('é;', 'unreachable', 'x')], []],
        'applied; nodes=2; unreachable=%C3%A9%3B,k1:9092%2Ck2:9092',
      ],
      [
        'more than ten names',
        [Array.from({ length: 12 }, (_one, n) => cluster(`c${10 + n}`, 'unreachable', 'x')), []],
        'applied; nodes=2; unreachable=c10,c11,c12,c13,c14,c15,c16,c17,c18,c19,+2',
      ],
    ];
    for (const [what, lists, text] of rows) {
      it(`to a waiting write: ${what}`, async () => {
        const { syncGate } = await harness.startControlPlane();
        const nodes = lists.map((list) => harness.node(randomUUID(), { destinations: () => list }));
        for (const node of nodes) await node.start(recordingApply());
        for (const { nodeId } of nodes) await inState(nodeId, 'in_sync');
        const startMs = performance.now();
        expect(await syncGate.waitApplied(harness.reader.set(oneService('second')), 5_000)).to.equal(text);
        expect(performance.now() - startMs, 'nothing is untested, so that nothing waits').to.be.below(1_500);
      });
    }

    it('to a write as soon as the last was tried', async () => {
      const { syncGate } = await harness.startControlPlane();
      let list = [cluster('a', 'untested')];
      const node = harness.node('n', { destinations: () => list });
      await node.start(recordingApply());
      await inState(node.nodeId, 'in_sync');
      const wait = syncGate.waitApplied(harness.reader.set(oneService('second')), 5_000);
      await waitFor(() => node.status().rejects === 0 && view(node.nodeId)['applied_hash'], { what: 'applied' });
      list = [cluster('a', 'unreachable', 'no route to host')];
      expect(await wait).to.equal('applied; nodes=1; unreachable=a');
    });

    it('as untested after 2 s, and at the timeout when that comes first', async () => {
      const { syncGate } = await harness.startControlPlane();
      const node = harness.node('n', { destinations: () => [cluster('b', 'untested')] });
      await node.start(recordingApply());
      await inState(node.nodeId, 'in_sync');
      let startMs = performance.now();
      expect(await syncGate.waitApplied(harness.reader.set(oneService('x')), 10_000)).to.equal(
        'applied; nodes=1; untested=b',
      );
      expect(performance.now() - startMs).to.be.within(1_900, 5_000);
      startMs = performance.now();
      expect(await syncGate.waitApplied(harness.reader.set(oneService('y')), 700)).to.equal(
        'applied; nodes=1; untested=b',
      );
      expect(performance.now() - startMs).to.be.within(600, 1_800);
    });

    it('only of the configuration that was applied, not of the one before', async () => {
      const { syncGate } = await harness.startControlPlane();
      let list = [cluster('old', 'unreachable', 'x')];
      const node = harness.node('n', { destinations: () => list });
      await node.start(
        recordingApply((snapshot) => {
          if (snapshot.entities['services']?.[0]?.['host'] === 'second') list = [cluster('new', 'reachable')];
          return applied();
        }),
      );
      await inState(node.nodeId, 'in_sync');
      expect(await syncGate.waitApplied(harness.reader.set(oneService('second')), 5_000)).to.equal('applied; nodes=1');
    });

    it('of thousands within the bound of a heartbeat, the failing ones first', async () => {
      await harness.startControlPlane();
      const many = Array.from({ length: 5_000 }, (_one, n) =>
        cluster(`cluster-${n}-${'x'.repeat(100)}`, n % 1_000 === 999 ? 'unreachable' : 'reachable', 'e'.repeat(2_000)),
      );
      const node = harness.node('n', { destinations: () => many });
      await node.start(recordingApply());
      await waitFor(() => (view(node.nodeId)['destinations'] as unknown[]).length > 0, { what: 'destinations' });
      const shown = view(node.nodeId)['destinations'] as Destination[];
      expect(shown.filter(({ state }) => state === 'unreachable')).to.have.length(5);
      expect(view(node.nodeId)['destinations_omitted']).to.equal(5_000 - shown.length);
      expect(node.status().connected).to.equal(true);
    });
  });

  describe('follows a database', () => {
    const [ours, other] = [randomUUID(), randomUUID()];
    const start = (databaseId?: string) =>
      harness.startControlPlane({ logger, ...(databaseId !== undefined && { databaseId }) });
    const running = async (options: Parameters<SyncHarness['node']>[1] = {}) => {
      const node = harness.node('n', { logger, ...options });
      const apply = recordingApply();
      await node.start(apply);
      await inState(node.nodeId, 'in_sync');
      return { node, apply };
    };
    const databaseOf = (node: SyncSource): unknown =>
      (node.describe()['control_plane'] as { database_id: unknown }).database_id;
    const rejectedFor = (nodeId: string): unknown => {
      const rejected = view(nodeId)['rejected'] as { errors: { message: string }[] } | null;
      return rejected?.errors[0]?.message;
    };

    it('and keeps what it runs when another one comes, empty or not, also after a restart from its cache', async () => {
      await start(ours);
      const { node, apply } = await running();
      await harness.stopControlPlane();
      harness.reader.restore({}, 1);
      await start(other);
      await inState(node.nodeId, 'rejected');
      expect(rejectedFor(node.nodeId)).to.equal('database identity differs');
      expect(apply.hosts()).to.deep.equal(['first']);
      await node.stop();
      const again = harness.node('n', { logger });
      const applies = recordingApply();
      await again.start(applies);
      await inState(again.nodeId, 'rejected');
      expect(applies.hosts(), 'from the cache').to.deep.equal(['first']);
      expect(again.status().source).to.equal('cache');
    });

    it('until the operator adopts the other one for the node, which is not asked twice', async () => {
      await start(ours);
      const { node, apply } = await running();
      await harness.stopControlPlane();
      harness.reader.restore(oneService('other'), 1);
      const { clustering } = await start(other);
      await inState(node.nodeId, 'rejected');
      expect(clustering.adoptDatabase([randomUUID()])).to.deep.equal([]);
      expect(clustering.adoptDatabase('all')).to.deep.equal([node.nodeId]);
      await inState(node.nodeId, 'in_sync');
      expect(apply.hosts()).to.deep.equal(['first', 'other']);
      expect(view(node.nodeId)['rejected']).to.equal(null);
      expect(events('database_adopted')).to.have.length(1);
      expect(clustering.adoptDatabase('all'), 'nothing to adopt').to.deep.equal([]);
      harness.reader.set(oneService('later'));
      await waitFor(() => apply.hosts().at(-1) === 'later', { what: 'the next change' });
    });

    it('unless its setting adopt_database is true', async () => {
      await start(ours);
      const { node, apply } = await running({ adoptDatabase: true });
      await harness.stopControlPlane();
      harness.reader.restore(oneService('other'), 1);
      await start(other);
      await inState(node.nodeId, 'in_sync');
      await waitFor(() => apply.hosts().at(-1) === 'other', { what: 'the other configuration' });
    });

    it('and shows no rejection any more when its own database is back', async () => {
      await start(ours);
      const { node } = await running();
      await harness.stopControlPlane();
      const kept = harness.reader.entities;
      harness.reader.restore({}, 1);
      await start(other);
      await inState(node.nodeId, 'rejected');
      await harness.stopControlPlane();
      harness.reader.restore(kept, 1);
      await start(ours);
      await inState(node.nodeId, 'in_sync');
      expect(view(node.nodeId)['rejected']).to.equal(null);
    });

    it('that it meets first, also without a new configuration, and remembers it in its cache', async () => {
      await start();
      const { node } = await running();
      await harness.stopControlPlane();
      await start(ours);
      await inState(node.nodeId, 'in_sync');
      await waitFor(() => databaseOf(node) === ours, { what: 'the identity' });
      await node.stop();
      await harness.stopControlPlane();
      harness.reader.restore({}, 1);
      await start(other);
      const again = harness.node('n', { logger });
      await again.start(recordingApply());
      await inState(again.nodeId, 'rejected');
      expect(rejectedFor(again.nodeId)).to.equal('database identity differs');
    });

    it('back to an older revision, and says so on both sides and in the status', async () => {
      harness.reader.set(oneService('first'));
      harness.reader.set(oneService('second'));
      await start(ours);
      const { node, apply } = await running();
      const revision = harness.reader.revision();
      await harness.stopControlPlane();
      harness.reader.restore(oneService('backup'), revision - 1);
      const { clustering } = await start(ours);
      await inState(node.nodeId, 'in_sync');
      expect(apply.hosts()).to.deep.equal(['second', 'backup']);
      expect(clustering.status()['database']).to.deep.include({ id: ours });
      const { went_back: wentBack } = clustering.status()['database'] as { went_back: object };
      expect(wentBack).to.include({ node: node.nodeId, node_revision: revision, revision: revision - 1 });
      expect(events('database_went_back').map(({ node_id }) => node_id)).to.have.members([node.nodeId, undefined]);
    });

    it('and rejects the same content under another identity until that is adopted, also in its cache', async () => {
      await start(ours);
      const { node, apply } = await running();
      await harness.stopControlPlane();
      const { clustering, syncGate } = await start(other);
      await inState(node.nodeId, 'rejected');
      expect(rejectedFor(node.nodeId)).to.equal('database identity differs');
      expect(databaseOf(node)).to.equal(ours);
      // A write that changes nothing for the nodes must not read as applied there.
      const outcome = await syncGate.waitApplied(harness.reader.set(oneService('first')), 5_000);
      expect(outcome).to.equal(`rejected; node=${node.nodeId}`);
      expect(clustering.adoptDatabase('all')).to.deep.equal([node.nodeId]);
      await inState(node.nodeId, 'in_sync');
      expect(node.status().rejected).to.equal(undefined);
      expect(events('database_adopted')).to.have.length(1);
      expect(apply.hosts()).to.deep.equal(['first']);
      expect(clustering.status()['database']).to.deep.equal({ id: other, went_back: null });
      await node.stop();
      const again = harness.node('n', { logger });
      await again.start(recordingApply());
      await inState(again.nodeId, 'in_sync');
      expect(databaseOf(again)).to.equal(other);
    });

    it('of the same content when its setting adopt_database is true', async () => {
      await start(ours);
      const { node } = await running({ adoptDatabase: true });
      await harness.stopControlPlane();
      await start(other);
      await waitFor(() => databaseOf(node) === other, { what: 'the other database' });
      await inState(node.nodeId, 'in_sync');
    });

    it('and is in sync at once when its own database is back with the content that it rejected', async () => {
      await start(ours);
      const { node, apply } = await running();
      await harness.stopControlPlane();
      harness.reader.restore(oneService('other'), 1);
      await start(other);
      await inState(node.nodeId, 'rejected');
      await harness.stopControlPlane();
      await start(ours);
      await inState(node.nodeId, 'in_sync');
      expect(apply.hosts()).to.deep.equal(['first', 'other']);
      expect(node.status().rejected).to.equal(undefined);
    });

    it('whose content its declarative file gave already', async () => {
      await start(ours);
      const { hash, body } = await packEntities(harness.reader.entities);
      const node = harness.node('n', { logger, seed: () => unpackSnapshot(hash, body) });
      await node.start(recordingApply());
      await waitFor(() => databaseOf(node) === ours, { what: 'the database of the node' });
      expect(node.status().source).to.equal('declarative_config');
      await node.stop();
      await harness.stopControlPlane();
      harness.reader.restore({}, 1);
      await start(other);
      const again = harness.node('n', { logger });
      await again.start(recordingApply());
      await inState(again.nodeId, 'rejected');
      expect(rejectedFor(again.nodeId)).to.equal('database identity differs');
    });
  });

  describe('shows a rejection', () => {
    const bad = service(undefined, { host: 'bad' });
    const good = service(undefined, { host: 'good' });
    const rejecting = () =>
      recordingApply((snapshot) => {
        const found = snapshot.entities['services']?.find(({ host }) => host === 'bad');
        if (found === undefined) return applied();
        const fault = { entityType: 'service', entityId: found.id, entityName: 'bad', path: 'host', message: 'no' };
        return { kind: 'rejected', faults: [fault] };
      });
    const rejected = (nodeId: string) => view(nodeId)['rejected'];

    it('until the node applies anything newer', async () => {
      await harness.startControlPlane();
      const node = harness.node();
      await node.start(rejecting());
      await inState(node.nodeId, 'in_sync');
      harness.reader.set({ services: [bad, good] });
      await inState(node.nodeId, 'rejected');
      harness.reader.set({ services: [good] });
      await inState(node.nodeId, 'in_sync');
      expect(rejected(node.nodeId)).to.equal(null);
    });

    for (const [what, services] of [
      ['changes', [{ ...bad, host: 'mended' }, good]],
      ['is removed', [good]],
    ] as const) {
      it(`of an offline node until the entity that it names ${what}, and not for changes of others`, async () => {
        await harness.startControlPlane();
        const node = harness.node();
        await node.start(rejecting());
        harness.reader.set({ services: [bad, good] });
        await inState(node.nodeId, 'rejected');
        await node.stop();
        await inState(node.nodeId, 'offline');
        await harness.server.syncGate.waitApplied(
          harness.reader.set({ services: [bad, { ...good, host: 'x' }] }),
          1_000,
        );
        expect(rejected(node.nodeId)).to.not.equal(null);
        await harness.server.syncGate.waitApplied(harness.reader.set({ services: [...services] }), 1_000);
        expect(rejected(node.nodeId)).to.equal(null);
      });
    }

    it('after a restart of the node only if it still holds', async () => {
      await harness.startControlPlane();
      const first = harness.node('n');
      await first.start(recordingApply(() => refused('variable KAFKA_PASSWORD is not set')));
      await inState(first.nodeId, 'rejected');
      await first.stop();
      const second = harness.node('n');
      await second.start(recordingApply());
      await inState(second.nodeId, 'in_sync');
      expect(rejected(second.nodeId)).to.equal(null);
    });
  });

  it('forgets an offline node, but no connected or unknown one, and takes it again', async () => {
    const { clustering } = await harness.startControlPlane();
    const node = harness.node('n');
    await node.start(recordingApply());
    await inState(node.nodeId, 'in_sync');
    expect(clustering.forgetDataPlane(node.nodeId)).to.equal('connected');
    expect(clustering.forgetDataPlane(randomUUID())).to.equal('unknown');
    await node.stop();
    await inState(node.nodeId, 'offline');
    expect(clustering.forgetDataPlane(node.nodeId)).to.equal('forgotten');
    expect(harness.view(node.nodeId)).to.equal(undefined);
    await harness.stopControlPlane();
    const restarted = await harness.startControlPlane();
    expect(restarted.clustering.listDataPlanes(), 'also after a restart').to.deep.equal([]);
    const again = harness.node('n');
    await again.start(recordingApply());
    await inState(again.nodeId, 'in_sync');
  });

  it('writes the cache of a node again after a failed write, and names the failure meanwhile', async () => {
    await harness.startControlPlane();
    const node = harness.node('n', { logger, cacheRetry: { firstMs: 20, maxMs: 50 } });
    // A folder in the place of the temporary file makes every write fail, for root too.
    const blocker = join(harness.dataDir('n'), 'snapshot.cache.tmp', 'in-the-way');
    mkdirSync(blocker, { recursive: true });
    chmodSync(harness.dataDir('n'), 0o700);
    await node.start(recordingApply());
    await inState(node.nodeId, 'in_sync');
    await waitFor(() => node.problems?.().length === 1, { what: 'the problem' });
    expect(node.problems?.()[0]).to.match(/^the running configuration is not on disk: /);
    expect((node.describe()['control_plane'] as { cache: { error: unknown } }).cache.error).to.be.a('string');
    await waitFor(() => events('cache_not_written').length > 2, { what: 'retries' });
    rmSync(join(harness.dataDir('n'), 'snapshot.cache.tmp'), { recursive: true });
    await waitFor(() => node.problems?.().length === 0, { what: 'no problem any more' });
    expect(events('cache_written')).to.have.length(1);
    await node.stop();
    await harness.stopControlPlane();
    const again = harness.node('n');
    const apply = recordingApply();
    await again.start(apply);
    expect(apply.hosts()).to.deep.equal(['first']);
  });
});
