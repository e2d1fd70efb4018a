import { expect } from 'chai';
import { RouteMeter } from '../../data-plane/status/route-meter.ts';
import { LatencyCounts } from '../../shared/latency-counts.ts';
import { oneService, recordingApply, refused, applied } from '../helpers/sync-fakes.ts';
import { SyncHarness } from '../helpers/sync-harness.ts';
import { waitFor } from '../helpers/wait-for.ts';

const all = { kind: 'all' } as const;

describe('what nodes tell over gRPC', function () {
  this.timeout(20_000);
  let harness: SyncHarness;
  beforeEach(async () => (harness = await SyncHarness.open()));
  afterEach(() => harness.close());

  function counting() {
    const orders = new RouteMeter('orders');
    const produce = new LatencyCounts();
    return {
      orders,
      produce,
      traffic: {
        routes: () => [['route-id', orders] as const],
        produce: () => produce,
        queue: () => ({ records: 4, bytes: 100, oldestMs: 20 }),
      },
    };
  }
  const total = () => harness.server.clustering.traffic(all, 0)['total'] as Record<string, unknown>;
  const answers = (count: number) =>
    waitFor(() => total()['answers_total'] === count, { what: `${count} answers`, pollMs: 5 });

  it('adds their traffic up, across reconnects and restarts', async () => {
    await harness.startControlPlane();
    const [a, b] = [counting(), counting()];
    const nodeA = harness.node('a', { traffic: a.traffic });
    await nodeA.start(recordingApply());
    await harness.node('b', { traffic: b.traffic }).start(recordingApply());
    await harness.node('older').start(recordingApply());
    await waitFor(() => harness.server.clustering.status()['connected'] === 3, { what: 'three nodes' });
    await waitFor(() => harness.server.clustering.traffic(all, 0)['nodes_counted'] === 2, { what: 'two that count' });
    a.orders.count(200, { outcome: 'acked' });
    a.orders.observe(0.001);
    b.orders.count(200, { outcome: 'acked' });
    b.orders.count(404);
    await answers(3);
    expect(total()).to.deep.include({ records: { acked: 2 }, answers: { 200: 2, 404: 1 } });
    expect(harness.server.clustering.traffic({ kind: 'route', id: 'route-id' }, 0)['total']).to.deep.equal(total());
    const ofA = harness.server.clustering.traffic({ kind: 'node', id: nodeA.nodeId }, 0);
    expect(ofA).to.deep.include({ queue: { records: 4, bytes: 100, oldest_ms: 20 }, nodes_connected: 3 });
    expect((ofA['total'] as Record<string, unknown>)['answers_total']).to.equal(1);

    await harness.stopControlPlane();
    a.orders.count(200);
    await harness.startControlPlane();
    await waitFor(() => harness.server.clustering.traffic(all, 0)['nodes_counted'] === 2, { what: 'both again' });
    expect(total()['answers_total'], 'what was counted before the stream is no traffic of now').to.equal(0);
    a.orders.count(200);
    await answers(1);
  });

  it('keeps the history of a node across its streams', async () => {
    await harness.startControlPlane();
    const results = [applied, refused, applied];
    const node = harness.node('n');
    await node.start(async () => results.shift()?.() ?? applied());
    const states = () =>
      (harness.server.clustering.history(node.nodeId) ?? []).map((change) => (change as { state: string }).state);
    const newest = (state: string) => waitFor(() => states()[0] === state, { what: state, pollMs: 5 });
    await newest('in_sync');
    harness.reader.set(oneService('second'));
    await newest('rejected');
    const [change] = harness.server.clustering.history(node.nodeId) ?? [];
    expect(change).to.have.property('reason').that.is.a('string');
    harness.reader.set(oneService('third'));
    await newest('in_sync');
    await node.stop();
    await newest('offline');
    expect(states()).to.include.members(['rejected', 'in_sync', 'offline']);
    expect(harness.server.clustering.history('00000000-0000-4000-8000-000000000000')).to.equal(undefined);
  });

  it('lets a node run a sample request, two at a time', async () => {
    const { clustering } = await harness.startControlPlane();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let running = 0;
    const node = harness.node('n', {
      runTrial: async (input) => {
        running += 1;
        await held;
        return { status: 200, body: { input } };
      },
    });
    await node.start(recordingApply());
    const older = harness.node('older');
    await older.start(recordingApply());
    await waitFor(() => clustering.status()['connected'] === 2, { what: 'both nodes' });
    const json = Buffer.from('{"path":"/a"}');
    const answers = [clustering.tryRequest(node.nodeId, json), clustering.tryRequest(node.nodeId, json)];
    await waitFor(() => running === 2, { what: 'two trials', pollMs: 5 });
    expect(await clustering.tryRequest(node.nodeId, json)).to.deep.equal({ kind: 'busy', max: 2 });
    release();
    for (const answer of await Promise.all(answers)) {
      expect(answer).to.deep.include({ kind: 'answered', status: 200 });
      expect(answer.kind === 'answered' && answer.json.toString()).to.equal('{"input":{"path":"/a"}}');
    }
    expect(await clustering.tryRequest(older.nodeId, json)).to.deep.equal({ kind: 'too_old' });
    expect(await clustering.tryRequest('00000000-0000-4000-8000-000000000000', json)).to.deep.equal({
      kind: 'unknown',
    });
    await node.stop();
    await waitFor(() => clustering.status()['connected'] === 1, { what: 'the end of the node' });
    expect(await clustering.tryRequest(node.nodeId, json)).to.deep.equal({ kind: 'offline' });
  });

  it('answers a trial whose node goes away meanwhile', async () => {
    const { clustering } = await harness.startControlPlane();
    let asked = false;
    const node = harness.node('n', {
      runTrial: () => {
        asked = true;
        return new Promise(() => undefined);
      },
    });
    await node.start(recordingApply());
    await waitFor(() => clustering.status()['connected'] === 1, { what: 'the node' });
    const answer = clustering.tryRequest(node.nodeId, Buffer.from('{}'));
    await waitFor(() => asked, { what: 'the trial', pollMs: 5 });
    await node.stop();
    expect(await answer).to.deep.equal({ kind: 'offline' });
  });
});
