import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import { mock } from 'node:test';
import type { RefusalStatus } from '../../../control-plane/sync/compatibility.ts';
import type { ServedClass } from '../../../control-plane/sync/node-class.ts';
import { NodeRegistry } from '../../../control-plane/sync/node-registry.ts';
import { NodeSession } from '../../../control-plane/sync/node-session.ts';
import { TransferSlots } from '../../../control-plane/sync/transfer-slots.ts';
import type { NodeRecord, NodeStore } from '../../../control-plane/store/node-store.ts';
import type { Hello__Output } from '../../../shared/generated/sluice/sync/v1/Hello.ts';
import { silentLogger } from '../../../shared/log.ts';
import { publicationOf } from '../../helpers/sync-fakes.ts';
import { usedBytes } from '../../helpers/used-bytes.ts';

const dayMs = 86_400_000;

function fakeStore(records: readonly NodeRecord[] = []): NodeStore & { readonly rows: Map<string, NodeRecord> } {
  const rows = new Map(records.map((record) => [record.id, record]));
  return {
    rows,
    loadAll: () => [...rows.values()],
    saveAll: (saved) => saved.forEach((record) => rows.set(record.id, record)),
    touchAll: (seen) =>
      seen.forEach(({ id, lastSeenMs }) => {
        const row = rows.get(id);
        if (row !== undefined) rows.set(id, { ...row, lastSeenMs });
      }),
    removeAll: (ids) => ids.forEach((id) => rows.delete(id)),
  };
}

function recordOf(lastSeenMs: number): NodeRecord {
  return {
    id: randomUUID(),
    bootId: randomUUID(),
    hostname: 'node',
    ip: '127.0.0.1',
    version: '0.1.0',
    labels: {},
    lastSeenMs,
    updatedAtMs: lastSeenMs,
    syncStatus: 'normal',
    appliedHash: 'a',
    appliedAtMs: 5,
    applyMs: 7,
    rejected: null,
  };
}

function helloOf(changes: Partial<Hello__Output> = {}): Hello__Output {
  return {
    nodeId: randomUUID(),
    bootId: randomUUID(),
    hostname: 'node',
    version: '0.1.0',
    labels: {},
    plugins: [],
    hash: 'a',
    lastRejected: null,
    deltas: true,
    entityKinds: [],
    databaseId: '',
    revision: '0',
    destinations: false,
    tries: false,
    targetHealth: false,
    ...changes,
  };
}

describe('NodeRegistry', () => {
  const registries: NodeRegistry[] = [];
  const sessions: NodeSession[] = [];
  let expectedHash: string;
  let refusal: RefusalStatus | undefined;
  let revision: number;
  let entityHashes: Map<string, string>;
  let publish: () => void;
  const nodeClass: ServedClass = {
    key: '',
    publication: () => (refusal === undefined ? publicationOf(expectedHash) : undefined),
    refusal: () => refusal,
    rows: () => [],
  };
  const fakePublisher = {
    join: () => nodeClass,
    leave: () => undefined,
    onRevision: (_listener: (changed: boolean) => void) => () => undefined as void,
    revision: () => revision,
    latest: () => nodeClass.publication(),
    entityHash: (type: string, id: string) => entityHashes.get(`${type}/${id}`),
  };
  beforeEach(() => {
    revision = 1;
    entityHashes = new Map();
    expectedHash = 'a';
    refusal = undefined;
  });
  afterEach(() => {
    mock.timers.reset();
    for (const session of sessions.splice(0)) session.streamEnded();
    for (const registry of registries.splice(0)) registry.stop();
  });

  const open = (store: NodeStore): NodeRegistry => {
    const registry = new NodeRegistry({
      store,
      publisher: {
        ...fakePublisher,
        onRevision: (listener) => {
          publish = () => listener(true);
          return () => undefined;
        },
      },
      nodePurgeAfterMs: 14 * dayMs,
      logger: silentLogger(),
    });
    registries.push(registry);
    return registry;
  };
  /** A node whose hello was taken; messages to it go nowhere. */
  const connect = (registry: NodeRegistry, hello: Hello__Output): { session: NodeSession; ended: () => boolean } => {
    let ended = false;
    const session = new NodeSession({
      stream: { send: () => Promise.resolve(), end: () => void (ended = true) },
      revision: () => 1,
      connectedNodes: () => 1,
      slots: new TransferSlots(),
      version: '0.1.0',
      databaseId: '',
      timings: { heartbeatMs: 60_000, silenceMs: 60_000 },
      logger: silentLogger(),
      events: registry.events({ ip: '10.0.0.1', certificate: undefined }),
    });
    sessions.push(session);
    session.receive({ message: 'hello', hello });
    return { session, ended: () => ended };
  };

  it('shows nodes as offline after a restart, and removes those unseen for node_purge_after', () => {
    const recent = recordOf(Date.now() - 13 * dayMs);
    const old = recordOf(Date.now() - 15 * dayMs);
    const store = fakeStore([recent, old]);
    const registry = open(store);
    expect(registry.list().map(({ record }) => record.id)).to.deep.equal([recent.id]);
    expect([...store.rows.keys()]).to.deep.equal([recent.id]);
    expect(registry.list().map((entry) => registry.state(entry))).to.deep.equal(['offline']);
  });

  it('saves its records when it stops', () => {
    const store = fakeStore();
    const registry = open(store);
    const hello = helloOf({ labels: { zone: 'b' } });
    const { session } = connect(registry, hello);
    session.receive({ message: 'ack', ack: { hash: 'b', applyMs: 3 } });
    registry.stop();
    expect(store.rows.get(hello.nodeId)).to.include({ ip: '10.0.0.1', appliedHash: 'b', applyMs: 3 });
  });

  it('saves only the time of a heartbeat when nothing else changed', () => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_800_000_000_000 });
    const store = fakeStore();
    const writes: string[] = [];
    const registry = open({
      ...store,
      saveAll: (records) => (writes.push('all'), store.saveAll(records)),
      touchAll: (seen) => (writes.push('seen'), store.touchAll(seen)),
    });
    const hello = helloOf();
    const { session } = connect(registry, hello);
    const beat = () =>
      session.receive({
        message: 'heartbeat',
        heartbeat: { requestsTotal: '1', clusters: [], destinations: null, traffic: null, targetHealth: null },
      });
    mock.timers.tick(1_000);
    for (const _time of [1, 2]) {
      mock.timers.tick(10_000);
      beat();
      mock.timers.tick(1_000);
    }
    session.receive({ message: 'ack', ack: { hash: 'b', applyMs: 3 } });
    mock.timers.tick(1_000);
    expect(writes).to.deep.equal(['all', 'seen', 'seen', 'all']);
    expect(store.rows.get(hello.nodeId)).to.include({ appliedHash: 'b', lastSeenMs: 1_800_000_023_000 });
    beat();
    registry.stop();
    expect(writes.slice(4)).to.deep.equal(['seen']);
  });

  it('keeps time and duration of an apply when the node returns with the same hash', () => {
    const known = recordOf(Date.now());
    const registry = open(fakeStore([known]));
    connect(registry, helloOf({ nodeId: known.id, hash: 'a' }));
    expect(registry.get(known.id)?.record).to.include({ appliedAtMs: 5, applyMs: 7 });
    const other = recordOf(Date.now());
    const second = open(fakeStore([other]));
    connect(second, helloOf({ nodeId: other.id, hash: 'b' }));
    expect(second.get(other.id)?.record.applyMs).to.equal(null);
  });

  it('replaces the stream of the same process and refuses another process', () => {
    const registry = open(fakeStore());
    const hello = helloOf();
    const first = connect(registry, hello);
    const copied = connect(registry, { ...hello, bootId: randomUUID() });
    expect([first.ended(), copied.ended()]).to.deep.equal([false, true]);
    const newer = connect(registry, hello);
    expect([first.ended(), newer.ended()]).to.deep.equal([true, false]);
    expect(registry.get(hello.nodeId)?.session).to.equal(newer.session);
    expect(registry.connected).to.equal(1);
  });

  it('refuses ids that are no UUIDs', () => {
    const registry = open(fakeStore());
    expect(connect(registry, helloOf({ nodeId: 'me' })).ended()).to.equal(true);
    expect(registry.list()).to.deep.equal([]);
  });

  it('keeps only the beginnings of long texts', () => {
    const registry = open(fakeStore());
    const { nodeId } = helloOf();
    // As off the network: a text of its own, in one piece.
    const long = () => Buffer.alloc(16 * 1024 * 1024, 'x').toString();
    // A function of its own, whose end lets go of all that it made.
    const tell = () => {
      const { session } = connect(registry, helloOf({ nodeId, hostname: long() }));
      for (const hash of ['x', 'y']) {
        const fault = { entityType: long(), entityId: '', entityName: '', path: long(), message: long() };
        session.receive({ message: 'reject', reject: { hash, faults: [fault] } });
      }
      const clusters = [{ name: long(), state: long() }];
      session.receive({
        message: 'heartbeat',
        heartbeat: { requestsTotal: '1', clusters, destinations: null, traffic: null, targetHealth: null },
      });
    };
    const beforeBytes = usedBytes();
    tell();
    expect(usedBytes() - beforeBytes).to.be.below(8 * 1024 * 1024);
    expect(registry.get(nodeId)?.record.rejected?.errors[0]?.message).to.have.length(2_000);
    expect(registry.get(nodeId)?.record.hostname).to.have.length(255);
  });

  it('keeps little of thousands of nodes that were invented, however much they told', function () {
    this.timeout(20_000);
    const registry = open(fakeStore());
    const fault = (n: number) => ({
      entityType: 'plugin',
      entityId: `id-${n}`,
      entityName: '',
      path: 'config',
      message: Buffer.alloc(1_000, 'x').toString(),
    });
    const tell = () => {
      const faults = Array.from({ length: 70 }, (_one, n) => fault(n));
      const labels = { l: Buffer.alloc(4_000, 'x').toString() };
      const { session } = connect(registry, helloOf({ labels, lastRejected: { hash: 'x', faults } }));
      for (const hash of ['y', 'z']) session.receive({ message: 'reject', reject: { hash, faults } });
      session.streamEnded();
      sessions.pop();
    };
    const beforeBytes = usedBytes();
    for (let node = 0; node < 1_500; node++) tell();
    expect(registry.list()).to.have.length(1_500);
    expect(usedBytes() - beforeBytes).to.be.below(40 * 1024 * 1024);
    // The first nodes had room for what they told, and so has one of a small fleet.
    const kept = registry.list().map(({ record }) => record.rejected?.errors.length ?? 0);
    expect([Math.max(...kept), Math.min(...kept)]).to.deep.equal([64, 2]);
  });

  it('refuses a node that names more than the bound, with long names or with many', () => {
    const registry = open(fakeStore());
    const fields = Array.from({ length: 1024 * 1024 }, () => '');
    expect(connect(registry, helloOf({ plugins: [{ name: '', version: '', fields }] })).ended()).to.equal(true);
    expect(connect(registry, helloOf({ version: 'x'.repeat(1024 * 1024) })).ended()).to.equal(true);
    expect(connect(registry, helloOf()).ended()).to.equal(false);
  });

  it('shows a rejection again when the rejected version is expected again', () => {
    const registry = open(fakeStore());
    const hello = helloOf();
    const { session } = connect(registry, hello);
    const entry = () => {
      const found = registry.get(hello.nodeId);
      if (found === undefined) throw new Error('The node is not known');
      return found;
    };
    expectedHash = 'bad';
    session.receive({ message: 'reject', reject: { hash: 'bad', faults: [] } });
    expect([registry.state(entry()), entry().record.rejected?.hash]).to.deep.equal(['rejected', 'bad']);
    expectedHash = 'good';
    session.receive({ message: 'ack', ack: { hash: 'good', applyMs: 1 } });
    expect([registry.state(entry()), entry().record.rejected]).to.deep.equal(['in_sync', null]);
    expectedHash = 'bad';
    session.receive({ message: 'ack', ack: { hash: 'good', applyMs: 1 } });
    expect([registry.state(entry()), entry().record.rejected?.hash]).to.deep.equal(['rejected', 'bad']);
  });

  it('reports each change of a state once, also a change that only time causes', () => {
    mock.timers.enable({ apis: ['setInterval', 'Date'], now: Date.now() });
    const registry = open(fakeStore());
    const changes: string[] = [];
    registry.onStateChange(({ from, to }) => changes.push(`${from} ${to}`));
    const hello = helloOf();
    const { session } = connect(registry, hello);
    expectedHash = 'b';
    publish();
    publish();
    mock.timers.tick(9_000);
    expect(changes).to.deep.equal(['offline in_sync', 'in_sync pending']);
    mock.timers.tick(2_000);
    session.receive({ message: 'reject', reject: { hash: 'b', faults: [] } });
    expectedHash = 'c';
    publish();
    session.receive({ message: 'ack', ack: { hash: 'c', applyMs: 1 } });
    refusal = 'plugin_set_incompatible';
    publish();
    expect(registry.get(hello.nodeId)?.record.syncStatus).to.equal('plugin_set_incompatible');
    session.streamEnded();
    expect(changes.slice(2)).to.deep.equal([
      'pending stale',
      'stale rejected',
      'rejected stale',
      'stale in_sync',
      'in_sync incompatible',
      'incompatible offline',
    ]);
  });

  it('removes nodes in time when node_purge_after is short', () => {
    mock.timers.enable({ apis: ['setInterval', 'Date'], now: Date.now() });
    const store = fakeStore();
    const registry = new NodeRegistry({
      store,
      publisher: fakePublisher,
      nodePurgeAfterMs: 5_000,
      logger: silentLogger(),
    });
    registries.push(registry);
    const { session } = connect(registry, helloOf());
    mock.timers.tick(20_000);
    expect(registry.list()).to.have.length(1);
    session.streamEnded();
    mock.timers.tick(8_000);
    expect(registry.list()).to.have.length(0);
  });

  it('keeps working when the store fails, and saves later', () => {
    const store = fakeStore();
    let failing = true;
    const registry = open({
      ...store,
      saveAll: (records) => {
        if (failing) throw new Error('disk full');
        store.saveAll(records);
      },
    });
    const hello = helloOf();
    connect(registry, hello);
    registry.stop();
    expect(store.rows.size).to.equal(0);
    failing = false;
    registry.stop();
    expect(store.rows.size).to.equal(1);
  });
});
