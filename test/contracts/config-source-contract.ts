import { expect } from 'chai';
import type { ConfigSource } from '../../shared/config-source.ts';
import { createSnapshot, type SnapshotEntities } from '../../shared/snapshot.ts';
import { applied, oneService, recordingApply, refused } from '../helpers/sync-fakes.ts';
import { waitFor } from '../helpers/wait-for.ts';

/** What a source is tested through. */
export interface ConfigSourceFixture {
  /** Not started yet. */
  readonly source: ConfigSource;
  /** Makes this the configuration that the source is to deliver. */
  publish(entities: SnapshotEntities): void;
  /** Ends what the fixture started; the source is stopped before. */
  close(): Promise<void>;
}

/** What every source of configurations does, wherever it has them from. */
export function configSourceContract(name: string, make: () => Promise<ConfigSourceFixture>): void {
  describe(`${name} as a config source`, function () {
    this.timeout(15_000);
    let fixture: ConfigSourceFixture;
    beforeEach(async () => {
      fixture = await make();
    });
    afterEach(async () => {
      await fixture.source.stop();
      await fixture.close();
    });

    it('delivers what is published, with its hash', async () => {
      const apply = recordingApply();
      fixture.publish(oneService('one'));
      await fixture.source.start(apply);
      await waitFor(() => apply.hosts().includes('one'), { what: 'the first' });
      fixture.publish(oneService('two'));
      await waitFor(() => apply.hosts().at(-1) === 'two', { what: 'the second' });
      expect(apply.snapshots.at(-1)?.hash).to.equal(createSnapshot(oneService('two')).hash);
    });

    it('applies one at a time and skips what is no longer newest', async () => {
      let release = (): void => undefined;
      const gate = new Promise<void>((resolve) => (release = resolve));
      const apply = recordingApply(async () => {
        await gate;
        return applied();
      });
      fixture.publish(oneService('start'));
      const started = fixture.source.start(apply);
      await waitFor(() => apply.snapshots.length === 1, { what: 'the first apply' });
      for (let count = 0; count < 20; count += 1) fixture.publish(oneService(`host-${count}`));
      release();
      await started;
      await waitFor(() => apply.hosts().at(-1) === 'host-19', { what: 'the newest' });
      expect(apply.runningMax).to.equal(1);
      expect(apply.snapshots.length).to.be.lessThan(20);
    });

    it('does not deliver the same hash twice in a row', async () => {
      const apply = recordingApply();
      fixture.publish(oneService('same'));
      await fixture.source.start(apply);
      await waitFor(() => apply.hosts().at(-1) === 'same', { what: 'the first' });
      fixture.publish(oneService('same'));
      fixture.publish({ ...oneService('same'), consumers: [] });
      fixture.publish(oneService('other'));
      await waitFor(() => apply.hosts().at(-1) === 'other', { what: 'the other' });
      const hashes = apply.snapshots.map(({ hash }) => hash);
      expect(hashes.filter((hash, index) => hash === hashes[index - 1])).to.deep.equal([]);
    });

    it('goes on after a version that was refused', async () => {
      const apply = recordingApply((snapshot) =>
        JSON.stringify(snapshot.entities).includes('bad') ? refused() : applied(),
      );
      fixture.publish(oneService('bad'));
      await fixture.source.start(apply);
      await waitFor(() => apply.hosts().at(-1) === 'bad', { what: 'the refused one' });
      fixture.publish(oneService('good'));
      await waitFor(() => apply.hosts().at(-1) === 'good', { what: 'the next one' });
      expect(apply.hosts().filter((host) => host === 'bad')).to.have.length(1);
    });

    it('survives an apply that throws', async () => {
      const apply = recordingApply((snapshot) => {
        if (JSON.stringify(snapshot.entities).includes('bug')) throw new Error('a bug');
        return applied();
      });
      fixture.publish(oneService('bug'));
      await fixture.source.start(apply);
      await waitFor(() => apply.hosts().at(-1) === 'bug', { what: 'the one that throws' });
      fixture.publish(oneService('good'));
      await waitFor(() => apply.hosts().at(-1) === 'good', { what: 'the next one' });
    });

    it('delivers nothing after it was stopped, and may be stopped again', async () => {
      const apply = recordingApply();
      fixture.publish(oneService('one'));
      await fixture.source.start(apply);
      await waitFor(() => apply.hosts().includes('one'), { what: 'the first' });
      await fixture.source.stop();
      await fixture.source.stop();
      const { length } = apply.snapshots;
      fixture.publish(oneService('two'));
      await new Promise((resolve) => setTimeout(resolve, 50)); // nothing can tell that nothing comes
      expect(apply.snapshots).to.have.length(length);
    });
  });
}
