import { expect } from 'chai';
import { setTimeout as delay } from 'node:timers/promises';
import { Publisher } from '../../../control-plane/sync/publisher.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { silentLogger } from '../../../shared/log.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { createSnapshot } from '../../../shared/snapshot.ts';
import { FakeReader, oneService } from '../../helpers/sync-fakes.ts';
import { waitFor } from '../../helpers/wait-for.ts';

describe('the publisher', () => {
  let reader: FakeReader;
  let publisher: Publisher;
  let changes: { revision: number; changed: boolean; atMs: number }[];

  const start = (coalesceMs: number): void => {
    reader = new FakeReader();
    changes = [];
    publisher = new Publisher({
      reader,
      schemas: { version: '0.1.0', entities, plugins: pluginSchemas },
      logger: silentLogger(),
      coalesceMs,
    });
    publisher.onRevision((changed) =>
      changes.push({ revision: publisher.revision(), changed, atMs: performance.now() }),
    );
  };
  const settled = (revision: number): Promise<unknown> =>
    waitFor(() => publisher.revision() === revision, { what: `revision ${revision}`, pollMs: 5 });
  afterEach(() => publisher.stop());

  it('publishes the present configuration at the start', async () => {
    start(100);
    await settled(0);
    expect(publisher.latest()).to.include({ hash: createSnapshot({}).hash, revision: 0 });
  });

  it('publishes the first change at once and coalesces those that follow', async () => {
    start(300);
    await settled(0);
    await delay(320); // the quiet time that the rule is about, not a wait for something to happen
    const startMs = performance.now();
    reader.set(oneService('a'));
    await settled(1);
    expect(performance.now() - startMs).to.be.lessThan(250);
    const readsBefore = reader.reads;
    for (let count = 0; count < 50; count += 1) {
      reader.set(oneService(`b${count}`));
      await new Promise(setImmediate);
    }
    await settled(51);
    expect(reader.reads - readsBefore).to.equal(1);
    const [, first, second] = changes;
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).to.be.greaterThan(280);
    expect(publisher.latest()?.hash).to.equal(createSnapshot(oneService('b49')).hash);
  });

  it('makes no new version for a change that no node receives, but reports its revision', async () => {
    start(1);
    reader.set(oneService('a'));
    await settled(1);
    const before = publisher.latest();
    reader.set({ ...oneService('a'), plugins: [{ id: 'p', name: 'cors', enabled: false }] });
    await settled(2);
    expect(publisher.latest()).to.equal(before);
    expect(changes.at(-1)).to.include({ revision: 2, changed: false });
  });

  it('keeps the last good version while a reference dangles, and recovers', async () => {
    start(1);
    reader.set(oneService('a'));
    await settled(1);
    const before = publisher.latest();
    const reads = reader.reads;
    reader.set({ routes: [{ id: 'r', service: { id: 'gone' } }] });
    await waitFor(() => reader.reads > reads, { what: 'the read of the broken one', pollMs: 5 });
    reader.set(oneService('b'));
    await settled(3);
    expect(before?.hash).to.equal(createSnapshot(oneService('a')).hash);
    expect(publisher.latest()?.hash).to.equal(createSnapshot(oneService('b')).hash);
    expect(changes.map(({ revision }) => revision)).to.not.include(2);
  });

  it('publishes nothing after a stop', async () => {
    start(1);
    await settled(0);
    await publisher.stop();
    const { reads } = reader;
    reader.set(oneService('a'));
    await delay(20); // long past the only timer there could be
    expect(reader.reads).to.equal(reads);
  });
});
