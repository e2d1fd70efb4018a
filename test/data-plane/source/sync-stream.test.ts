import { expect } from 'chai';
import { createSnapshotCache } from '../../../data-plane/source/snapshot-cache.ts';
import { createSyncSource } from '../../../data-plane/source/sync-source.ts';
import type { SyncSource } from '../../../data-plane/source/sync-source-types.ts';
import { silentLogger } from '../../../shared/log.ts';
import { entityLine, packLines, removalLine } from '../../../shared/snapshot-wire.ts';
import { canonicalJson, createSnapshot } from '../../../shared/snapshot.ts';
import { FakeControlPlane, snapshotMessages, type FakeStream } from '../../helpers/fake-control-plane.ts';
import { applied, hostOf, oneService, recordingApply, refused, service } from '../../helpers/sync-fakes.ts';
import { tempFolder, type TempFolder } from '../../helpers/temp-folder.ts';
import { waitFor } from '../../helpers/wait-for.ts';

const knows = {
  plugins: [{ name: 'kafka-upstream', version: '0.1.0', fields: ['topic'] }],
  entityKinds: [{ plural: 'routes', fields: ['id', 'name'] }],
};

describe('the stream of a node', function () {
  this.timeout(10_000);
  let folder: TempFolder;
  let controlPlane: FakeControlPlane;
  let source: SyncSource;
  let requests = 0;

  const start = async (apply = recordingApply()): Promise<FakeStream> => {
    await source.start(apply);
    return stream(0);
  };
  const stream = (index: number): Promise<FakeStream> =>
    waitFor(() => controlPlane.streams[index], { what: `stream ${index}`, pollMs: 5 });
  const hello = (at: FakeStream) => waitFor(() => at.received[0]?.hello, { what: 'the hello', pollMs: 5 });
  const welcomed = async (apply?: ReturnType<typeof recordingApply>, heartbeatMs = 60_000): Promise<FakeStream> => {
    const first = await start(apply);
    first.send({ welcome: { version: '0.1.0', heartbeatMs } });
    await waitFor(() => source.status().connected, { what: 'the welcome', pollMs: 5 });
    return first;
  };
  const sendAll = async (to: FakeStream, ...of: readonly Awaited<ReturnType<typeof snapshotMessages>>[]) => {
    for (const { messages } of of) for (const message of messages) to.send(message);
  };

  beforeEach(async () => {
    folder = await tempFolder();
    controlPlane = new FakeControlPlane();
    await controlPlane.start();
    source = createSyncSource({
      controlPlanes: [controlPlane.address],
      dataDir: folder.path,
      nodeLabels: { zone: 'a' },
      version: '0.1.0',
      knows,
      counters: () => ({ requestsTotal: ++requests, clusters: [{ name: 'k', state: 'up' }] }),
      logger: silentLogger(),
      backoff: { firstMs: 10, maxMs: 20 },
      welcomeMs: 150,
    });
  });
  afterEach(async () => {
    await source.stop();
    controlPlane.stop();
    await folder.remove();
  });

  it('begins with a hello that names the node and its configuration', async () => {
    const first = await welcomed();
    expect(await hello(first)).to.deep.include({
      nodeId: source.nodeId,
      version: '0.1.0',
      labels: { zone: 'a' },
      ...knows,
      deltas: true,
      hash: '',
      lastRejected: null,
    });
    const { hash, messages } = await snapshotMessages(oneService('a'), 1);
    for (const message of messages) first.send(message);
    await waitFor(() => first.received.some(({ ack }) => ack?.hash === hash), { what: 'the ack', pollMs: 5 });
    first.end();
    expect(await hello(await stream(1))).to.include({ hash });
  });

  it('sends heartbeats with its counters', async () => {
    const first = await welcomed(undefined, 50);
    const beats = await waitFor(
      () => {
        const all = first.received.filter(({ heartbeat }) => heartbeat);
        return all.length >= 3 && all;
      },
      { what: 'three heartbeats', pollMs: 5 },
    );
    expect(beats[0]?.heartbeat?.clusters).to.deep.equal([{ name: 'k', state: 'up' }]);
    expect(Number(beats[2]?.heartbeat?.requestsTotal)).to.be.greaterThan(Number(beats[0]?.heartbeat?.requestsTotal));
  });

  it('reconnects when no welcome comes', async () => {
    const first = await start();
    await stream(1);
    await waitFor(() => first.closed, { what: 'the end of the first', pollMs: 5 });
    expect(source.status().connected).to.equal(false);
  });

  it('ends a stream after silence of three heartbeats', async () => {
    const first = await welcomed(undefined, 50);
    const startMs = performance.now();
    await waitFor(() => first.closed, { what: 'the end of the silent one', pollMs: 5 });
    expect(performance.now() - startMs).to.be.within(100, 2_000);
    await stream(1);
  });

  it('waits for the pause that the control plane asks for', async () => {
    const first = await welcomed();
    const startMs = performance.now();
    first.send({ goaway: { pauseMs: 300, reason: 'maintenance' } });
    first.end();
    expect((await stream(1)).openedAtMs - startMs).to.be.greaterThan(290);
  });

  it('applies only the newest version of several that come while it is busy', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const apply = recordingApply(async () => {
      await gate;
      return applied();
    });
    const first = await welcomed(apply);
    const [a, b, c] = [
      await snapshotMessages(oneService('a'), 1),
      await snapshotMessages(oneService('b'), 2),
      await snapshotMessages(oneService('c'), 3),
    ];
    await sendAll(first, a);
    await waitFor(() => apply.snapshots.length === 1, { what: 'the first apply', pollMs: 5 });
    await sendAll(first, b, c);
    // The messages above are handled in order: a heartbeat behind them would be too, an ack of what runs tells it.
    first.send({ heartbeat: { revision: 3, connectedNodes: 1, snapshotsSent: 3 } });
    await new Promise((resolve) => setTimeout(resolve, 100)); // for all to arrive; later arrival is no fault either
    release();
    await waitFor(() => first.received.some(({ ack }) => ack?.hash === c.hash), { what: 'the last ack', pollMs: 5 });
    expect(apply.hosts()).to.deep.equal(['a', 'c']);
    expect(apply.runningMax).to.equal(1);
  });

  it('rejects a damaged and a too large snapshot without ending the stream', async () => {
    const apply = recordingApply();
    const first = await welcomed(apply);
    const rejectOf = (hash: string) =>
      waitFor(() => first.received.find(({ reject }) => reject?.hash === hash)?.reject, {
        what: `the reject of ${hash}`,
        pollMs: 5,
      });
    const damaged = await snapshotMessages(oneService('a'), 1, (body) =>
      Buffer.concat([body.subarray(0, -9), body.subarray(-8)]),
    );
    await sendAll(first, damaged);
    expect((await rejectOf(damaged.hash)).faults[0]?.message).to.contain('damaged');
    first.send({ snapshotStart: { hash: 'big', revision: 2, totalBytes: 2 ** 40, entityCount: 1 } });
    expect((await rejectOf('big')).faults[0]?.message).to.contain('the limit is');
    const good = await snapshotMessages(oneService('b'), 3);
    await sendAll(first, good);
    await waitFor(() => first.received.some(({ ack }) => ack?.hash === good.hash), { what: 'the ack', pollMs: 5 });
    expect(apply.hosts()).to.deep.equal(['b']);
    expect(first.closed).to.equal(false);
  });

  describe('with deltas', () => {
    const from = { services: [service('1', { host: 'a' }), service('2'), service('3')] };
    const to = { services: [service('1', { host: 'b' }), service('2')] };
    const send = async (at: FakeStream, lines: readonly string[], baseHash: string, hash: string): Promise<void> => {
      const data = await packLines(lines);
      at.send({ snapshotStart: { hash, revision: 2, totalBytes: data.length, entityCount: 2, baseHash } });
      at.send({ snapshotChunk: { data } });
      at.send({ snapshotEnd: { hash } });
    };
    const lines = [entityLine('services', canonicalJson(to.services[0])), removalLine('services', '3')];
    const [fromHash, toHash] = [createSnapshot(from).hash, createSnapshot(to).hash];
    const running = async (apply: ReturnType<typeof recordingApply>): Promise<FakeStream> => {
      const first = await welcomed(apply);
      await sendAll(first, await snapshotMessages(from, 1));
      await waitFor(() => first.received.some(({ ack }) => ack?.hash === fromHash), { what: 'the ack', pollMs: 5 });
      return first;
    };

    it('applies a delta to the running version and caches the result', async () => {
      const apply = recordingApply();
      const first = await running(apply);
      await send(first, lines, fromHash, toHash);
      await waitFor(() => first.received.some(({ ack }) => ack?.hash === toHash), { what: 'the ack', pollMs: 5 });
      expect(apply.snapshots.at(-1)).to.deep.equal(createSnapshot(to));
      const cache = createSnapshotCache({ dataDir: folder.path, logger: silentLogger() });
      expect((await cache.load())?.wire.snapshot).to.deep.equal(createSnapshot(to));
    });

    it('applies a delta to the running version, not to a rejected one', async () => {
      const apply = recordingApply((snapshot) => (hostOf(snapshot) === 'b' ? refused() : applied()));
      const first = await running(apply);
      await send(first, lines, fromHash, toHash);
      await waitFor(() => first.received.some(({ reject }) => reject?.hash === toHash), {
        what: 'the reject',
        pollMs: 5,
      });
      const next = { services: [service('1', { host: 'c' }), ...from.services.slice(1)] };
      const change = [entityLine('services', canonicalJson(next.services[0]))];
      await send(first, change, fromHash, createSnapshot(next).hash);
      await waitFor(() => apply.hosts().at(-1) === 'c', { what: 'the next', pollMs: 5 });
      expect(apply.snapshots.at(-1)).to.deep.equal(createSnapshot(next));
    });

    const misfits: readonly (readonly [what: string, sending: (at: FakeStream) => Promise<void>])[] = [
      ['starts from what does not run here', (at) => send(at, lines, '0'.repeat(64), toHash)],
      ['leads to another hash', (at) => send(at, lines.slice(0, 1), fromHash, toHash)],
      ['cannot be read', (at) => send(at, ['nonsense\n'], fromHash, toHash)],
      [
        'is not as long as announced',
        async (at) => {
          at.send({ snapshotStart: { hash: toHash, totalBytes: 9, entityCount: 1, baseHash: fromHash } });
          at.send({ snapshotEnd: { hash: toHash } });
        },
      ],
    ];
    for (const [what, sending] of misfits) {
      it(`asks for the whole configuration when one ${what}`, async () => {
        const apply = recordingApply();
        const first = await running(apply);
        await sending(first);
        const request = await waitFor(() => first.received.find(({ snapshotRequest }) => snapshotRequest), {
          what: 'the request',
          pollMs: 5,
        });
        expect(request.snapshotRequest).to.deep.equal({ hash: toHash, runningHash: fromHash });
        await sendAll(first, await snapshotMessages(to, 2));
        await waitFor(() => first.received.some(({ ack }) => ack?.hash === toHash), { what: 'the ack', pollMs: 5 });
        expect(apply.hosts()).to.deep.equal(['a', 'b']);
        expect(first.received.filter(({ reject }) => reject)).to.deep.equal([]);
      });
    }
  });

  it('names the rejected version in its next hello', async () => {
    const first = await welcomed(recordingApply(() => Promise.reject(new Error('a bug'))));
    const bad = await snapshotMessages(oneService('a'), 1);
    await sendAll(first, bad);
    await waitFor(() => first.received.some(({ reject }) => reject), { what: 'the reject', pollMs: 5 });
    first.end();
    const again = await hello(await stream(1));
    expect(again.hash).to.equal('');
    expect(again.lastRejected?.hash).to.equal(bad.hash);
    expect(again.lastRejected?.faults[0]?.message).to.contain('unexpected error').and.not.contain('a bug');
  });
});
