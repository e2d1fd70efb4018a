import { status as GrpcStatus } from '@grpc/grpc-js';
import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import { mock } from 'node:test';
import type { Admission, SessionTimings } from '../../../control-plane/sync/node-session-types.ts';
import { NodeSession } from '../../../control-plane/sync/node-session.ts';
import type { Publication } from '../../../control-plane/sync/node-class.ts';
import { TransferSlots } from '../../../control-plane/sync/transfer-slots.ts';
import type { ControlMessage } from '../../../shared/generated/sluice/sync/v1/ControlMessage.ts';
import type { Hello__Output } from '../../../shared/generated/sluice/sync/v1/Hello.ts';
import { databaseDiffers } from '../../../shared/config-source.ts';
import { silentLogger } from '../../../shared/log.ts';
import { packedBytesMax } from '../../../shared/snapshot-wire.ts';
import { publicationOf } from '../../helpers/sync-fakes.ts';
import { waitFor } from '../../helpers/wait-for.ts';

const hello: Hello__Output = {
  nodeId: randomUUID(),
  bootId: randomUUID(),
  hostname: 'node',
  version: '0.1.0',
  labels: {},
  plugins: [],
  hash: '',
  lastRejected: null,
  deltas: true,
  entityKinds: [],
  databaseId: '',
  revision: '0',
  destinations: false,
  tries: false,
  targetHealth: false,
};

/** The other end of a session: keeps what was sent; while `blocked`, messages do not leave. */
class FakeNode {
  readonly sent: ControlMessage[] = [];
  readonly events: string[] = [];
  readonly blockedSends: (() => void)[] = [];
  ended: { code: GrpcStatus; details: string } | undefined;
  blocked = false;
  latest: Publication | undefined;
  admission: Admission = { kind: 'accepted', target: () => this.latest };
  readonly session: NodeSession;

  constructor({
    timings = { heartbeatMs: 60_000, silenceMs: 60_000 },
    slots = new TransferSlots(),
    databaseId = '',
  }: { timings?: SessionTimings; slots?: TransferSlots; databaseId?: string } = {}) {
    this.session = new NodeSession({
      stream: {
        send: (message) => {
          this.sent.push(message);
          return this.blocked ? new Promise((resolve) => this.blockedSends.push(resolve)) : Promise.resolve();
        },
        end: (code, details) => (this.ended = { code, details }),
      },
      revision: () => this.latest?.revision ?? 0,
      connectedNodes: () => 1,
      slots,
      version: '0.1.0',
      databaseId,
      timings,
      logger: silentLogger(),
      events: {
        hello: () => this.admission,
        heard: () => undefined,
        heartbeat: (_session, { requestsTotal }) => this.events.push(`heartbeat ${requestsTotal}`),
        applied: (_session, { hash, revision }) => this.events.push(`applied ${hash} ${revision}`),
        rejected: (_session, { hash, faults }) => this.events.push(`rejected ${hash} ${faults.length}`),
        pushed: (_session, { kind, bytes }) => this.events.push(`pushed ${kind} ${bytes}`),
        ended: () => this.events.push('ended'),
      },
    });
  }

  hello(changes: Partial<Hello__Output> = {}): void {
    this.session.receive({ message: 'hello', hello: { ...hello, ...changes } });
  }

  ack(hash: string): void {
    this.session.receive({ message: 'ack', ack: { hash, applyMs: 1 } });
  }

  reject(hash: string): void {
    this.session.receive({ message: 'reject', reject: { hash, faults: [] } });
  }

  publish(hash: string, revision: number, bytes = 10, deltas: Record<string, number> = {}): void {
    this.latest = publicationOf(hash, { revision, bytes, deltas });
    this.session.offer();
  }

  /** Kinds of the messages sent, with the hash of snapshots. */
  kinds(): string[] {
    return this.sent.map((message) => {
      if (message.snapshotStart) {
        const { hash, baseHash } = message.snapshotStart;
        return baseHash === '' ? `start ${hash}` : `delta ${baseHash} ${hash}`;
      }
      if (message.snapshotEnd) return `end ${message.snapshotEnd.hash}`;
      if (message.snapshotChunk) return `chunk ${message.snapshotChunk.data?.length}`;
      return Object.keys(message)[0] ?? '';
    });
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  }
}

describe('NodeSession', () => {
  const nodes: FakeNode[] = [];
  const open = (options: ConstructorParameters<typeof FakeNode>[0] = {}): FakeNode => {
    const node = new FakeNode(options);
    nodes.push(node);
    return node;
  };
  afterEach(() => {
    for (const node of nodes.splice(0)) node.session.streamEnded();
    mock.timers.reset();
  });

  it('welcomes the node and sends the newest in chunks', async () => {
    const node = open();
    node.publish('a', 1, 600 * 1024);
    node.hello();
    await node.settle();
    expect(node.kinds()).to.deep.equal(['welcome', 'start a', 'chunk 262144', 'chunk 262144', 'chunk 90112', 'end a']);
    node.ack('a');
    await node.settle();
    expect(node.events).to.deep.equal(['pushed snapshot 614400', 'applied a 1']);
  });

  it('sends nothing to a node that runs the newest already', async () => {
    const node = open();
    node.publish('a', 1);
    node.hello({ hash: 'a' });
    node.publish('a', 2);
    await node.settle();
    expect(node.kinds()).to.deep.equal(['welcome']);
  });

  it('offers what a node of another database runs already, as a delta without a change, until the node answers', async () => {
    const rows: readonly (readonly [Partial<Hello__Output>, string[]])[] = [
      [{ databaseId: 'other' }, ['welcome', 'delta a a', 'chunk 3', 'end a']],
      [{ databaseId: '' }, ['welcome', 'delta a a', 'chunk 3', 'end a']],
      [{ databaseId: 'ours' }, ['welcome']],
      [{ databaseId: '', deltas: false }, ['welcome']],
    ];
    for (const [changes, expected] of rows) {
      const node = open({ databaseId: 'ours' });
      node.publish('a', 1, 10, { a: 3 });
      node.hello({ hash: 'a', ...changes });
      await node.settle();
      expect(node.kinds(), JSON.stringify(changes)).to.deep.equal(expected);
      node.ack('a');
      await node.settle();
      node.session.offer();
      expect(node.kinds(), JSON.stringify(changes)).to.deep.equal(expected);
    }
  });

  it('sends what a node rejected for another database when it is back at its own', async () => {
    const fault = { entityType: 'snapshot', entityId: '', entityName: '', path: '', message: databaseDiffers };
    for (const [databaseId, count] of [
      ['ours', 4],
      ['other', 1],
    ] as const) {
      const node = open({ databaseId: 'ours' });
      node.publish('b', 1);
      node.hello({ hash: 'a', databaseId, lastRejected: { hash: 'b', faults: [fault] } });
      await node.settle();
      expect(node.kinds(), databaseId).to.have.length(count);
    }
  });

  it('sends each version once, and only the newest of several that came while the node was busy', async () => {
    const node = open();
    node.hello();
    node.publish('a', 1);
    await node.settle();
    node.publish('b', 2);
    node.publish('c', 3);
    node.publish('d', 4);
    await node.settle();
    node.ack('a');
    await node.settle();
    node.ack('d');
    node.session.offer();
    await node.settle();
    expect(node.kinds().filter((kind) => kind.startsWith('start'))).to.deep.equal(['start a', 'start d']);
  });

  it('sends an earlier version again when it is expected again', async () => {
    const node = open();
    node.hello({ hash: 'a' });
    node.publish('b', 2);
    await node.settle();
    node.ack('b');
    node.publish('a', 3);
    await node.settle();
    expect(node.kinds().filter((kind) => kind.startsWith('start'))).to.deep.equal(['start b', 'start a']);
  });

  it('never pushes a rejected version again, but the next one', async () => {
    const node = open();
    node.hello();
    node.publish('bad', 1);
    await node.settle();
    node.reject('bad');
    node.publish('bad', 2);
    await node.settle();
    node.publish('good', 3);
    await node.settle();
    node.ack('good');
    node.publish('bad', 4);
    await node.settle();
    expect(node.kinds().filter((kind) => kind.startsWith('start'))).to.deep.equal(['start bad', 'start good']);
    expect(node.session.hasRejected('bad')).to.equal(true);
  });

  it('does not push the version that the hello names as rejected', async () => {
    const node = open();
    node.publish('bad', 1);
    node.hello({ lastRejected: { hash: 'bad', faults: [] } });
    await node.settle();
    expect(node.kinds()).to.deep.equal(['welcome']);
  });

  it('sends a delta from the running version when there is one and both sides can', async () => {
    const node = open();
    node.hello({ hash: 'a' });
    node.publish('b', 2, 1_000, { a: 20 });
    await node.settle();
    node.ack('b');
    node.publish('c', 3, 1_000, { a: 20 });
    await node.settle();
    expect(node.kinds()).to.deep.equal(['welcome', 'delta a b', 'chunk 20', 'end b', 'start c', 'chunk 1000', 'end c']);
    expect(node.events).to.include.members(['pushed delta 20', 'pushed snapshot 1000']);
    const older = open();
    older.hello({ hash: 'a', deltas: false });
    older.publish('b', 2, 1_000, { a: 20 });
    await older.settle();
    expect(older.kinds()).to.deep.equal(['welcome', 'start b', 'chunk 1000', 'end b']);
    expect([node.sent[0]?.welcome?.deltas, older.sent[0]?.welcome?.deltas]).to.deep.equal([true, false]);
  });

  it('sends the whole once after a delta that does not fit, and then deltas again', async () => {
    const node = open();
    node.hello({ hash: 'a' });
    node.publish('b', 2, 1_000, { a: 20, x: 20 });
    await node.settle();
    node.session.receive({ message: 'snapshotRequest', snapshotRequest: { hash: 'b', runningHash: 'x' } });
    await node.settle();
    node.session.offer();
    await node.settle();
    node.ack('b');
    node.publish('c', 3, 1_000, { b: 30 });
    await node.settle();
    expect(node.kinds().filter((kind) => /^(start|delta)/.test(kind))).to.deep.equal([
      'delta a b',
      'start b',
      'delta b c',
    ]);
  });

  it('only announces a snapshot over the limit', async () => {
    const node = open();
    node.hello();
    const huge = publicationOf('huge', { revision: 1 });
    const body = Object.assign(Buffer.alloc(0), {});
    Object.defineProperty(body, 'length', { value: packedBytesMax + 1 });
    node.latest = { ...huge, snapshot: () => Promise.resolve(body) };
    node.session.offer();
    await node.settle();
    node.reject('huge');
    node.session.offer();
    await node.settle();
    expect(node.kinds()).to.deep.equal(['welcome', 'start huge']);
    expect(node.sent[1]?.snapshotStart?.totalBytes).to.equal(packedBytesMax + 1);
  });

  it('ends the stream when a version cannot be packed', async () => {
    const node = open();
    node.hello();
    node.latest = { ...publicationOf('a'), snapshot: () => Promise.reject(new Error('no memory')) };
    node.session.offer();
    await waitFor(() => node.ended, { what: 'the end', pollMs: 5 });
    expect(node.ended).to.deep.equal({
      code: GrpcStatus.INTERNAL,
      details: 'The configuration could not be packed',
    });
  });

  it('ends the stream of a node that sends too long a hash in any message', () => {
    const long = 'x'.repeat(65);
    const messages = [
      { ack: { hash: long, applyMs: 1 } },
      { reject: { hash: long, faults: [] } },
      { snapshotRequest: { hash: long, runningHash: '' } },
      { snapshotRequest: { hash: '', runningHash: long } },
    ];
    for (const message of messages) {
      const node = open();
      node.hello();
      node.session.receive(message);
      expect(node.ended?.code, Object.keys(message)[0]).to.equal(GrpcStatus.INVALID_ARGUMENT);
    }
  });

  it('sends nothing to a node that is not compatible', async () => {
    const node = open();
    node.admission = { kind: 'accepted', target: () => undefined };
    node.hello();
    node.publish('a', 1);
    await node.settle();
    expect(node.kinds()).to.deep.equal(['welcome']);
  });

  it('ends the stream of a node that is refused', () => {
    const node = open();
    node.admission = { kind: 'refused', code: GrpcStatus.ALREADY_EXISTS, details: 'twice' };
    node.hello();
    expect(node.ended).to.deep.equal({ code: GrpcStatus.ALREADY_EXISTS, details: 'twice' });
  });

  it('requires a hello first, and only once', () => {
    const early = open();
    early.ack('a');
    expect(early.ended?.code).to.equal(GrpcStatus.FAILED_PRECONDITION);
    const twice = open();
    twice.hello();
    twice.hello();
    expect(twice.ended?.code).to.equal(GrpcStatus.FAILED_PRECONDITION);
  });

  it('has one message in flight to a node that does not read, and sends heartbeats between chunks', async () => {
    // Only the test moves this clock, so that how busy the machine is changes nothing.
    mock.timers.enable({ apis: ['setInterval'] });
    const node = open({ timings: { heartbeatMs: 20, silenceMs: 60_000 } });
    node.blocked = true;
    node.publish('a', 1, 600 * 1024);
    node.hello();
    for (let released = 0; node.kinds().at(-1) !== 'end a'; released += 1) {
      // Several heartbeats fall due while a chunk is on its way.
      if (node.kinds().at(-1) === 'chunk 262144') mock.timers.tick(70);
      expect(node.sent).to.have.length(released + 1);
      node.blockedSends.shift()?.();
      await node.settle();
    }
    const text = node.kinds().join(', ');
    expect(text).to.contain('chunk 262144, heartbeat, chunk 262144, heartbeat, chunk 90112');
    expect(text).to.not.contain('heartbeat, heartbeat');
  });

  it('ends a stream after silence, before and after the hello', async () => {
    const timings = { heartbeatMs: 10, silenceMs: 60 };
    const mute = open({ timings });
    const silent = open({ timings });
    silent.hello();
    await waitFor(() => mute.ended && silent.ended, { what: 'the end of both', pollMs: 5 });
    expect([mute.ended?.code, silent.ended?.code]).to.deep.equal([
      GrpcStatus.DEADLINE_EXCEEDED,
      GrpcStatus.DEADLINE_EXCEEDED,
    ]);
    expect(silent.events).to.deep.equal(['ended']);
  });

  it('ends the stream of a node that talks but does not read', async () => {
    const node = open({ timings: { heartbeatMs: 10, silenceMs: 60 } });
    node.blocked = true;
    node.hello();
    const talk = setInterval(
      () =>
        node.session.receive({
          message: 'heartbeat',
          heartbeat: { requestsTotal: '1', clusters: [], destinations: null, traffic: null, targetHealth: null },
        }),
      10,
    );
    await waitFor(() => node.ended, { what: 'the end', pollMs: 5 }).finally(() => clearInterval(talk));
    expect(node.ended?.details).to.contain('does not read');
  });

  it('gives its transfer slot back when the stream ends', async () => {
    const slots = new TransferSlots({ slotsMax: 1, stallMs: 60_000 });
    const [first, second] = [open({ slots }), open({ slots })];
    first.blocked = true;
    for (const node of [first, second]) {
      node.publish('a', 1);
      node.hello();
    }
    first.blockedSends.shift()?.();
    await first.settle();
    const waits = open({ slots });
    waits.publish('a', 1);
    waits.hello();
    await waits.settle();
    expect(second.kinds().at(-1)).to.equal('end a');
    expect(waits.kinds()).to.deep.equal(['welcome']);
    first.session.streamEnded();
    await waits.settle();
    expect(waits.kinds().at(-1)).to.equal('end a');
    expect(slots.taken).to.equal(0);
  });

  it('packs only what it sends: a transfer that waits for a slot takes the newest version or is dropped', async () => {
    const slots = new TransferSlots({ slotsMax: 1, stallMs: 60_000 });
    const holder = slots.open(() => undefined);
    holder.request();
    const [node, idle] = [open({ slots }), open({ slots })];
    for (const one of [node, idle]) {
      one.hello({ hash: 'old' });
      one.publish('a', 1);
    }
    const first = node.latest as ReturnType<typeof publicationOf>;
    await node.settle();
    node.publish('b', 2);
    idle.publish('old', 2);
    await node.settle();
    holder.release();
    await node.settle();
    expect(first.packed).to.equal(0);
    expect(node.kinds()).to.deep.equal(['welcome', 'start b', 'chunk 10', 'end b']);
    expect(idle.kinds()).to.deep.equal(['welcome']);
    node.ack('b');
    expect(node.events.at(-1)).to.equal('applied b 2');
    expect(slots.taken).to.equal(0);
  });

  it('sends small deltas without a slot, but not large ones', async () => {
    const slots = new TransferSlots({ slotsMax: 1, stallMs: 60_000 });
    const holder = slots.open(() => undefined);
    holder.request();
    const [small, large] = [open({ slots }), open({ slots })];
    for (const [node, size] of [
      [small, 16 * 1024],
      [large, 16 * 1024 + 1],
    ] as const) {
      node.hello({ hash: 'a' });
      node.publish('b', 1, 100_000, { a: size });
    }
    await small.settle();
    expect(small.kinds().at(-1)).to.equal('end b');
    expect(large.kinds()).to.deep.equal(['welcome']);
    holder.release();
    await large.settle();
    expect(large.kinds().at(-1)).to.equal('end b');
  });

  it('asks for a pause when it ends the stream for a stop', async () => {
    const node = open();
    node.hello();
    await node.settle();
    node.session.goaway('maintenance', 1_000);
    expect(node.sent.at(-1)?.goaway?.reason).to.equal('maintenance');
    expect(node.sent.at(-1)?.goaway?.pauseMs).to.be.within(0, 999);
    expect(node.ended?.code).to.equal(GrpcStatus.UNAVAILABLE);
  });
});
