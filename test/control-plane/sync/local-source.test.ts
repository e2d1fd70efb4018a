import { expect } from 'chai';
import { createLocalSource, type LocalSource } from '../../../control-plane/sync/local-source.ts';
import { Publisher } from '../../../control-plane/sync/publisher.ts';
import type { Destination } from '../../../shared/destination.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { silentLogger } from '../../../shared/log.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { configSourceContract } from '../../contracts/config-source-contract.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { FakeReader, applied, oneService, recordingApply, refused } from '../../helpers/sync-fakes.ts';

function start() {
  const reader = new FakeReader();
  const logger = silentLogger();
  const schemas = { version: '0.0.0', entities, plugins: pluginSchemas };
  const publisher = new Publisher({ reader, schemas, logger, coalesceMs: 1 });
  return { reader, publisher, source: createLocalSource({ publisher, logger }) };
}

configSourceContract('the control plane of the same process', async () => {
  const { reader, publisher, source } = start();
  return { source, publish: (all) => void reader.set(all), close: () => publisher.stop() };
});

describe('the wait for the data plane of the same process', () => {
  let reader: FakeReader;
  let publisher: Publisher;
  let source: LocalSource;
  beforeEach(() => {
    ({ reader, publisher, source } = start());
  });
  afterEach(async () => {
    await source.stop();
    await publisher.stop();
  });

  it('ends when the revision runs, also when nothing changed', async () => {
    await source.start(recordingApply());
    expect(await source.waitApplied(reader.set(oneService('a')), 10_000)).to.equal('applied; nodes=1');
    expect(await source.waitApplied(reader.set(oneService('a')), 10_000)).to.equal('applied; nodes=1');
    expect(source.rejected()).to.equal(undefined);
  });

  it('ends when the version is rejected, until a later version is applied', async () => {
    await source.start(
      recordingApply((snapshot) => (JSON.stringify(snapshot.entities).includes('bad') ? refused() : applied())),
    );
    expect(await source.waitApplied(reader.set(oneService('bad')), 10_000)).to.equal('rejected; node=local');
    expect(await source.waitApplied(reader.set(oneService('bad')), 10_000)).to.equal('rejected; node=local');
    expect(source.rejected()?.faults).to.have.length.greaterThan(0);
    expect(await source.waitApplied(reader.set(oneService('good')), 10_000)).to.equal('applied; nodes=1');
    expect(source.rejected()).to.equal(undefined);
  });

  it('names the destinations that the data plane does not reach, once they were tried', async () => {
    let state: Destination['state'] = 'untested';
    source.watchDestinations(() => [{ kind: 'cluster', name: 'a', state, error: null }]);
    await source.start(recordingApply());
    const waiting = source.waitApplied(reader.set(oneService('a')), 10_000);
    await waitFor(() => source.rejected() === undefined, { what: 'the start' });
    state = 'unreachable';
    expect(await waiting).to.equal('applied; nodes=1; unreachable=a');
    state = 'reachable';
    expect(await source.waitApplied(reader.set(oneService('b')), 10_000)).to.equal('applied; nodes=1');
    state = 'untested';
    expect(await source.waitApplied(reader.set(oneService('c')), 100)).to.equal('applied; nodes=1; untested=a');
  });

  it('ends at the timeout, and when the node stops', async () => {
    await source.start(recordingApply(() => new Promise((resolve) => setTimeout(() => resolve(applied()), 300))));
    const revision = reader.set(oneService('a'));
    expect(await source.waitApplied(revision, 1)).to.match(/^timeout/);
    const waiting = source.waitApplied(revision + 1, 10_000);
    await source.stop();
    expect(await waiting).to.match(/^stopped/);
  });
});
