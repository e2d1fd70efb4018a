import { expect } from 'chai';
import * as fc from 'fast-check';
import { createSyncSource } from '../../../data-plane/source/sync-source.ts';
import { SnapshotReceiver, TransferError } from '../../../data-plane/source/snapshot-receiver.ts';
import type { ControlMessage } from '../../../shared/generated/sluice/sync/v1/ControlMessage.ts';
import { silentLogger } from '../../../shared/log.ts';
import { entityLine, packLines, removalLine } from '../../../shared/snapshot-wire.ts';
import { canonicalJson, createSnapshot, type SnapshotEntities } from '../../../shared/snapshot.ts';
import { FakeControlPlane, snapshotMessages } from '../../helpers/fake-control-plane.ts';
import { applied, recordingApply, service } from '../../helpers/sync-fakes.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';
import { waitFor } from '../../helpers/wait-for.ts';

const bytesMax = 1_000;

describe('random messages of a control plane', function () {
  this.timeout(60_000);

  it('give exactly the announced bytes or nothing, in any order of starts, chunks and ends', () => {
    const hash = fc.constantFrom('a', 'b');
    const size = fc.constantFrom(0, 1, 2, 3, bytesMax, bytesMax + 1, 2 ** 53);
    const step = fc.oneof(
      fc.record({ hash, size, base: fc.constantFrom('', 'a') }).map((start) => ({ start })),
      fc.uint8Array({ maxLength: 3 }).map((chunk) => ({ chunk: Buffer.from(chunk) })),
      hash.map((end) => ({ end })),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const receiver = new SnapshotReceiver({ bytesMax });
        let announced: { hash: string; size: number } | undefined;
        let sent: Buffer[] = [];
        for (const each of steps) {
          try {
            if ('start' in each) {
              const { start } = each;
              announced = { hash: start.hash, size: start.size };
              sent = [];
              const total = { totalBytes: String(start.size), entityCount: 1, revision: '1', baseHash: start.base };
              receiver.start({ hash: start.hash, ...total, databaseId: '', adopt: false, unpackedBytes: '0' });
              expect(start.size).to.be.at.most(bytesMax);
            } else if ('chunk' in each) {
              sent.push(each.chunk);
              receiver.chunk({ data: each.chunk });
            } else {
              const received = receiver.end({ hash: each.end });
              if (received === undefined) continue;
              expect(received.hash).to.equal(announced?.hash);
              expect(received.body).to.deep.equal(Buffer.concat(sent));
              expect(received.body.length).to.equal(announced?.size);
            }
          } catch (error) {
            if (!(error instanceof TransferError)) throw error;
            expect(error.message).to.match(/bytes/);
          }
        }
      }),
    );
  });

  it('are applied only when complete, and a damaged version does not prevent the next valid one', async () => {
    // Each of them differs from the others in what it has and has not.
    const versions: SnapshotEntities[] = ['a', 'b', 'c'].map((host, index) => ({
      services: [service('1', { host }), ...(index === 1 ? [] : [service('2', { host })])],
      routes: index === 0 ? [] : [{ id: 'r', name: host }],
    }));
    const hashes = versions.map((version) => createSnapshot(version).hash);
    const transfers = await Promise.all(versions.map((version, index) => snapshotMessages(version, index)));
    const deltaOf = async (from: number, to: number): Promise<ControlMessage[]> => {
      const entries = Object.entries(versions[to] ?? {});
      const lines = entries.flatMap(([plural, list]) => list.map((one) => entityLine(plural, canonicalJson(one))));
      const data = await packLines(to === 1 ? [...lines, removalLine('services', '2')] : lines);
      const hash = hashes[to] ?? '';
      const start = { hash, revision: 9, totalBytes: data.length, entityCount: 2, baseHash: hashes[from] ?? '' };
      return [{ snapshotStart: start }, { snapshotChunk: { data } }, { snapshotEnd: { hash } }];
    };
    const deltas = [await deltaOf(0, 1), await deltaOf(1, 2), await deltaOf(2, 0)];
    const whole = fc.nat(2).map((index) => transfers[index]?.messages ?? []);
    const delta = fc.nat(2).map((index) => deltas[index] ?? []);
    const junk = fc.constantFrom<ControlMessage>(
      {},
      { welcome: { version: '', heartbeatMs: 0 } },
      { heartbeat: { revision: 2 ** 40, connectedNodes: 4_000_000_000, snapshotsSent: 0 } },
      { goaway: { pauseMs: 1, reason: '\n'.repeat(300) } },
      { snapshotChunk: { data: Buffer.from('junk') } },
      { snapshotEnd: { hash: 'none' } },
      { snapshotStart: { hash: 'x', totalBytes: 2 ** 40, entityCount: 1 } },
    );
    const damage = fc.record({ kind: fc.nat(5), at: fc.nat(), to: fc.nat() });

    const folder = await tempFolder();
    const controlPlane = new FakeControlPlane();
    await controlPlane.start();
    const apply = recordingApply(applied);
    const source = createSyncSource({
      controlPlanes: [controlPlane.address],
      dataDir: folder.path,
      nodeLabels: {},
      version: '0.1.0',
      knows: { plugins: [], entityKinds: [] },
      counters: () => ({ requestsTotal: 0, clusters: [] }),
      logger: silentLogger(),
      backoff: { firstMs: 5, maxMs: 10 },
      welcomeMs: 300,
    });
    let revision = 10;
    try {
      await source.start(apply);
      const property = fc.asyncProperty(
        fc.array(
          fc.oneof(
            whole,
            delta,
            junk.map((one) => [one]),
          ),
          { maxLength: 5 },
        ),
        fc.array(damage, { maxLength: 3 }),
        async (parts, damages) => {
          const messages = damaged(parts.flat(), damages);
          const stream = await openStream(controlPlane);
          for (const message of messages) stream.send(message);
          // A good one behind it all, of its own hash: the node gets there, on this stream or on the next.
          const good = { services: [service('1', { host: `good-${(revision += 1)}` })] };
          const last = await snapshotMessages(good, revision);
          let at = stream;
          for (const message of last.messages) at.send(message);
          await waitFor(
            async () => {
              if (source.status().hash === last.hash) return true;
              const newest = controlPlane.streams.at(-1);
              if (newest === undefined || newest === at) return false;
              at = await openStream(controlPlane);
              for (const message of last.messages) at.send(message);
              return false;
            },
            { what: 'the good version', pollMs: 2, timeoutMs: 10_000 },
          );
          const good2 = createSnapshot(good).hash;
          for (const snapshot of apply.snapshots.splice(0)) {
            expect([...hashes, good2]).to.include(snapshot.hash);
            expect(createSnapshot(snapshot.entities).hash).to.equal(snapshot.hash);
          }
        },
      );
      await fc.assert(property, { numRuns: 80 });
    } finally {
      await source.stop();
      controlPlane.stop();
      await folder.remove();
    }
  });
});

/** The newest stream that lives, after its hello, welcomed. */
async function openStream(controlPlane: FakeControlPlane) {
  const stream = await waitFor(
    () => {
      const newest = controlPlane.streams.at(-1);
      return newest !== undefined && !newest.closed && newest.received[0]?.hello ? newest : undefined;
    },
    { what: 'a stream', pollMs: 2, timeoutMs: 10_000 },
  );
  stream.send({ welcome: { version: '0.1.0', heartbeatMs: 60_000, deltas: true } });
  return stream;
}

type Damage = { readonly kind: number; readonly at: number; readonly to: number };

function damaged(given: readonly ControlMessage[], damages: readonly Damage[]): ControlMessage[] {
  const messages = [...given];
  for (const { kind, at, to } of damages) {
    if (messages.length === 0) return messages;
    const index = at % messages.length;
    const message = messages[index] ?? {};
    const data = message.snapshotChunk?.data;
    if (kind === 0) messages.splice(index, 1);
    else if (kind === 1) messages.splice(to % messages.length, 0, message);
    else if (kind === 2) messages.splice(to % messages.length, 0, ...messages.splice(index, 1));
    else if (kind === 3 && message.snapshotStart) {
      messages[index] = { snapshotStart: { ...message.snapshotStart, totalBytes: to % 500 } };
    } else if (data instanceof Uint8Array && data.length > 0) {
      const copy = Buffer.from(data);
      const place = to % copy.length;
      if (kind === 4) copy[place] = (copy[place] ?? 0) ^ 0xff;
      const halves = kind === 5 ? [copy.subarray(0, place), copy.subarray(place)] : [copy];
      messages.splice(index, 1, ...halves.map((half) => ({ snapshotChunk: { data: half } })));
    }
  }
  return messages;
}
