import { Client, credentials, Metadata, type status as GrpcStatus } from '@grpc/grpc-js';
import { expect } from 'chai';
import * as fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import type { ServedClass } from '../../../control-plane/sync/node-class.ts';
import { NodeRegistry } from '../../../control-plane/sync/node-registry.ts';
import { NodeSession } from '../../../control-plane/sync/node-session.ts';
import { nodeStates } from '../../../control-plane/sync/node-states.ts';
import { TransferSlots } from '../../../control-plane/sync/transfer-slots.ts';
import type { NodeRecord } from '../../../control-plane/store/node-store.ts';
import { toldFaultsMax } from '../../../shared/config-source.ts';
import type { NodeMessage__Output } from '../../../shared/generated/sluice/sync/v1/NodeMessage.ts';
import { silentLogger } from '../../../shared/log.ts';
import { ConfigSync } from '../../../shared/proto.ts';
import { publicationOf, recordingApply } from '../../helpers/sync-fakes.ts';
import { SyncHarness } from '../../helpers/sync-harness.ts';
import { waitFor } from '../../helpers/wait-for.ts';

const recordBytesMax = 8 * 1024 * 1024;

const text = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('', 'a', 'b', 'expected', '__proto__', '0'.repeat(64)) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
  { weight: 1, arbitrary: fc.nat(200_000).map((length) => 'x'.repeat(length)) },
);
const ids = [randomUUID(), randomUUID()];
const id = fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...ids) }, text);
const number = fc.oneof(fc.constantFrom(0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 63), fc.double());
const counter = fc.constantFrom('0', '1', '18446744073709551615', '17');
const fault = fc.record({ entityType: text, entityId: text, entityName: text, path: text, message: text });
const faults = fc.oneof(
  fc.array(fault, { maxLength: 3 }),
  fault.map((one) => Array.from({ length: 3_000 }, () => ({ ...one, message: one.message.slice(0, 5_000) }))),
);
const reject = fc.record({ hash: text, faults });
const names = fc.array(text, { maxLength: 3 });
const hello = fc.record({
  nodeId: id,
  bootId: id,
  hostname: text,
  version: fc.oneof(fc.constant('0.1.0'), text),
  labels: fc.dictionary(text, text, { maxKeys: 3 }),
  plugins: fc.array(fc.record({ name: text, version: text, fields: names }), { maxLength: 3 }),
  hash: text,
  lastRejected: fc.option(reject),
  deltas: fc.boolean(),
  databaseId: text,
  revision: counter,
  destinations: fc.boolean(),
  tries: fc.boolean(),
  targetHealth: fc.boolean(),
  entityKinds: fc.array(fc.record({ plural: text, fields: names }), { maxLength: 3 }),
});
const destinations = fc.record({
  hash: text,
  items: fc.array(fc.record({ kind: text, name: text, state: text, error: text }), { maxLength: 3 }),
  omitted: fc.nat(),
});
const counts = fc.array(fc.record({ name: text, count: counter }), { maxLength: 4 });
const latency = fc.record({
  buckets: fc.array(fc.nat(), { maxLength: 4 }),
  counts: fc.array(counter, { maxLength: 4 }),
});
const traffic = fc.record({
  routes: fc.array(
    fc.record({
      routeId: text,
      base: fc.boolean(),
      outcomes: counts,
      answers: counts,
      latency: fc.option(latency),
      pointers: counts,
    }),
    { maxLength: 3 },
  ),
  produce: fc.option(latency),
  queueRecords: counter,
  queueBytes: counter,
  queueOldestMs: counter,
});
const failing = fc.oneof(
  fc.array(fc.record({ target: text, state: text }), { maxLength: 3 }),
  fc.record({ target: text, state: text }).map((one) => Array.from({ length: 3_000 }, () => one)),
);
const targetHealth = fc.record({
  upstreams: fc.array(fc.record({ upstreamId: text, checked: fc.boolean(), targets: failing }), { maxLength: 3 }),
  omitted: fc.nat(),
});
/** As gRPC hands them on: one member of the `oneof`, or none. */
const message: fc.Arbitrary<NodeMessage__Output> = fc.oneof(
  hello.map((value) => ({ message: 'hello' as const, hello: value })),
  fc.record({ hash: text, applyMs: number }).map((ack) => ({ message: 'ack' as const, ack })),
  reject.map((value) => ({ message: 'reject' as const, reject: value })),
  fc
    .record({
      requestsTotal: counter,
      clusters: fc.array(fc.record({ name: text, state: text }), { maxLength: 100 }),
      destinations: fc.option(destinations),
      traffic: fc.option(traffic),
      targetHealth: fc.option(targetHealth),
    })
    .map((heartbeat) => ({ message: 'heartbeat' as const, heartbeat })),
  fc.record({ hash: text, runningHash: text }).map((snapshotRequest) => ({
    message: 'snapshotRequest' as const,
    snapshotRequest,
  })),
  fc
    .record({
      id: fc.nat(),
      status: fc.nat(),
      json: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    })
    .map((tryResult) => ({ message: 'tryResult' as const, tryResult })),
  fc.constant({}),
);

describe('messages of a node', function () {
  this.timeout(60_000);

  it('in any order and with any content never throw, and leave valid states and records of bounded size', async () => {
    const property = fc.asyncProperty(
      hello,
      fc.array(fc.tuple(fc.nat(1), message), { maxLength: 12 }),
      async (first, later) => {
        const rows = new Map<string, NodeRecord>();
        const nodeClass: ServedClass = {
          key: '',
          publication: () => publicationOf('expected', { revision: 3, deltas: { a: 5 } }),
          refusal: () => undefined,
          rows: () => [],
        };
        const registry = new NodeRegistry({
          store: {
            loadAll: () => [],
            saveAll: (saved) => saved.forEach((record) => rows.set(record.id, record)),
            touchAll: () => undefined,
            removeAll: () => undefined,
          },
          publisher: {
            join: () => nodeClass,
            leave: () => undefined,
            onRevision: () => () => undefined,
            revision: () => 3,
            latest: () => nodeClass.publication(),
            entityHash: () => undefined,
          },
          nodePurgeAfterMs: 1_000_000,
          logger: silentLogger(),
        });
        const ends: GrpcStatus[] = [];
        const sessions = [0, 1].map(
          () =>
            new NodeSession({
              stream: { send: () => Promise.resolve(), end: (code) => void ends.push(code) },
              revision: () => 3,
              connectedNodes: () => registry.connected,
              slots: new TransferSlots(),
              version: '0.1.0',
              databaseId: ids[0] ?? '',
              timings: { heartbeatMs: 60_000, silenceMs: 60_000 },
              logger: silentLogger(),
              events: registry.events({ ip: '10.0.0.1', certificate: undefined }),
            }),
        );
        try {
          sessions[0]?.receive({ message: 'hello', hello: { ...first, nodeId: ids[0] ?? '', bootId: ids[1] ?? '' } });
          for (const [index, given] of later) {
            sessions[index]?.receive(given);
            await Promise.resolve();
          }
          for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
          for (const entry of registry.list()) {
            expect(nodeStates).to.include(registry.state(entry));
            expect(entry.record.rejected?.errors.length ?? 0).to.be.at.most(toldFaultsMax);
            const { applyMs } = entry.record;
            expect(applyMs === null || (applyMs >= 0 && applyMs < Infinity), String(applyMs)).to.equal(true);
          }
          // Each stream ends once at most.
          expect(ends.length).to.be.at.most(sessions.length);
        } finally {
          for (const session of sessions) session.streamEnded();
          registry.stop();
        }
        for (const record of rows.values()) {
          expect(Buffer.byteLength(JSON.stringify(record))).to.be.below(recordBytesMax);
          expect(ids).to.include(record.id);
        }
      },
    );
    await fc.assert(property, { numRuns: 150 });
  });

  it('that cannot be decoded end their own stream only', async () => {
    const harness = await SyncHarness.open();
    try {
      await harness.startControlPlane();
      const good = harness.node();
      await good.start(recordingApply());
      const inSync = () =>
        waitFor(() => harness.view(good.nodeId)?.['state'] === 'in_sync', { what: 'the good node', pollMs: 5 });
      await inSync();
      const bytes = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 4 });
      const property = fc.asyncProperty(bytes, async (given) => {
        const client = new Client(harness.address, credentials.createInsecure());
        const same = (buffer: Buffer) => buffer;
        const { path } = ConfigSync.service.Connect;
        const call = client.makeBidiStreamRequest<Buffer, Buffer>(path, same, same, new Metadata());
        const ended = new Promise<GrpcStatus>((resolve) => {
          call.on('status', ({ code }: { code: GrpcStatus }) => resolve(code));
        });
        call.on('error', () => undefined).on('data', () => undefined);
        for (const array of given) call.write(Buffer.from(array));
        call.end();
        expect(await ended).to.be.a('number');
        client.close();
      });
      await fc.assert(property, { numRuns: 60 });
      harness.reader.set({ services: [] });
      await inSync();
      expect(good.status().connected).to.equal(true);
    } finally {
      await harness.close();
    }
  });
});
