import { expect } from 'chai';
import { ConfigMirror, danglingReferences, type Travelling } from '../../../control-plane/sync/config-mirror.ts';
import type { EntityChange } from '../../../control-plane/store/config-reader.ts';
import { entities as descriptors } from '../../../shared/entities/entities.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { FakeReader, oneService, service } from '../../helpers/sync-fakes.ts';
import { usedBytes } from '../../helpers/used-bytes.ts';

describe('the mirror of the store', () => {
  const mirrors: ConfigMirror[] = [];
  afterEach(() => {
    for (const mirror of mirrors.splice(0)) mirror.stop();
  });

  const mirrorOf = (reader: FakeReader, entities = descriptors): ConfigMirror => {
    const mirror = new ConfigMirror({ reader, entities, plugins: pluginSchemas, onChange: () => undefined });
    mirrors.push(mirror);
    return mirror;
  };
  const keys = ({ entities }: Travelling): string[] => [...entities.keys()].sort();

  it('leaves out disabled entities and those that refer to them, in any order of the kinds', async () => {
    const reader = new FakeReader({
      services: [
        { id: 'on', enabled: true },
        { id: 'off', enabled: false },
      ],
      routes: [
        { id: 'r-on', service: { id: 'on' } },
        { id: 'r-off', service: { id: 'off' } },
        { id: 'r-none', service: null },
      ],
      plugins: [
        { id: 'p-global', enabled: true, service: null, route: null },
        { id: 'p-disabled', enabled: false },
        { id: 'p-route-off', enabled: true, route: { id: 'r-off' } },
        { id: 'p-service-off', enabled: true, service: { id: 'off' } },
      ],
      consumers: [{ id: 'c' }],
    });
    for (const order of [descriptors, descriptors.toReversed()]) {
      expect(keys(await mirrorOf(reader, order).update())).to.deep.equal([
        'consumers/c',
        'plugins/p-global',
        'routes/r-none',
        'routes/r-on',
        'services/on',
      ]);
    }
    const reversed = new FakeReader({
      plugins: [{ id: 'p', route: { id: 'r' } }],
      routes: [{ id: 'r', service: { id: 'off' } }],
      services: [{ id: 'off', enabled: false }],
    });
    expect(keys(await mirrorOf(reversed).update())).to.deep.equal([]);
  });

  it('withholds entities with a reference that no node can resolve, and what a deciding plugin is bound to', async () => {
    const bad = { authentication: { user: 'u', password: '{vault://aws/x}' } };
    const reader = new FakeReader({
      routes: [{ id: 'r-bad' }, { id: 'r-log' }, { id: 'r-good' }, { id: 'r-off' }],
      plugins: [
        { id: 'p-bad', name: 'kafka-upstream', enabled: true, route: { id: 'r-bad' }, config: bad },
        { id: 'p-other', name: 'kafka-log', enabled: true, route: { id: 'r-bad' }, config: {} },
        { id: 'p-log', name: 'kafka-log', enabled: true, route: { id: 'r-log' }, config: bad },
        { id: 'p-good', name: 'kafka-upstream', enabled: true, route: { id: 'r-good' }, config: {} },
        { id: 'p-off', name: 'kafka-upstream', enabled: false, route: { id: 'r-off' }, config: bad },
      ],
    });
    const mirror = mirrorOf(reader);
    expect(keys(await mirror.update())).to.deep.equal([
      'plugins/p-good',
      'routes/r-good',
      'routes/r-log',
      'routes/r-off',
    ]);
    expect(mirror.withheld().map(({ entityId, path }) => `${entityId} ${path}`)).to.deep.equal([
      'p-bad config.authentication.password',
      'p-log config.authentication.password',
      'p-off config.authentication.password',
    ]);

    reader.change([{ plural: 'plugins', id: 'p-bad', entity: undefined }]);
    expect(keys(await mirror.update())).to.include('routes/r-bad');
    expect(mirror.withheld()).to.have.length(2);
  });

  it('keeps each text in one piece of memory', async () => {
    const config = Object.fromEntries(Array.from({ length: 50 }, (_one, n) => [`field_${n}`, `value ${n}`]));
    const ids = Array.from({ length: 2_000 }, (_one, n) => `plugin-${n}`);
    const mirror = mirrorOf(new FakeReader({ plugins: ids.map((id) => ({ id, config })) }));

    const beforeBytes = usedBytes();
    const { entities } = await mirror.update();
    const growthBytes = usedBytes() - beforeBytes;

    const chars = [...entities.values()].reduce((sum, { line }) => sum + line.length, 0);
    // 1.3 of them in one piece, 8 in trees.
    expect(growthBytes / chars).to.be.below(3);
  });

  it('follows the changes that writes report without reading everything', async () => {
    const reader = new FakeReader({ services: [service('a'), service('b')] });
    const mirror = mirrorOf(reader);
    const before = await mirror.update();
    const changed = service('b', { host: 'changed' });
    reader.change([
      { plural: 'services', id: 'b', entity: service('b', { host: 'soon changed again' }) },
      { plural: 'services', id: 'b', entity: changed },
      { plural: 'services', id: 'c', entity: service('c') },
      { plural: 'services', id: 'c', entity: undefined },
    ]);
    reader.change([{ plural: 'routes', id: 'r', entity: { id: 'r', service: { id: 'a' } } }]);
    const after = await mirror.update();
    expect(reader.reads).to.equal(1);
    expect(after.revision).to.equal(2);
    expect(keys(after)).to.deep.equal(['routes/r', 'services/a', 'services/b']);
    expect(after.entities.get('services/a')).to.equal(before.entities.get('services/a'));
    expect(after.entities.get('services/b')?.line).to.contain('changed');
    expect(keys(before), 'the former state stays').to.deep.equal(['services/a', 'services/b']);
  });

  const rereads: readonly (readonly [what: string, write: (reader: FakeReader) => void])[] = [
    ['a write does not say what it changed', (reader) => reader.set(oneService('x'))],
    [
      'a revision was missed',
      (reader) => {
        reader.entities = oneService('x');
        reader.missRevision();
        reader.change([{ plural: 'consumers', id: 'gone', entity: undefined }]);
      },
    ],
  ];
  for (const [what, write] of rereads) {
    it(`reads everything when ${what}, and keeps what is the same`, async () => {
      const kept = { consumers: [{ id: 'c', username: 'u' }] };
      const reader = new FakeReader(kept);
      const mirror = mirrorOf(reader);
      const before = await mirror.update();
      write(reader);
      reader.entities = { ...reader.entities, ...kept };
      const after = await mirror.update();
      expect(reader.reads).to.equal(2);
      expect(keys(after)).to.include.members(['consumers/c', 'services/11111111-1111-4111-8111-111111111111']);
      expect(after.entities.get('consumers/c')).to.equal(before.entities.get('consumers/c'));
      expect(after.revision).to.equal(reader.revision());
    });
  }

  it('drops queued changes that a full read has seen already', async () => {
    const reader = new FakeReader();
    const mirror = mirrorOf(reader);
    const stale: EntityChange = { plural: 'services', id: 'a', entity: service('a') };
    reader.change([stale]);
    reader.entities = {};
    expect(keys(await mirror.update())).to.deep.equal([]);
    expect((await mirror.update()).revision).to.equal(1);
    expect(reader.reads).to.equal(1);
  });

  it('includes writes that happen during a full read', async () => {
    const reader = new FakeReader({ services: [service('a'), service('b')], consumers: [{ id: 'c', username: 'u' }] });
    const mirror = mirrorOf(reader);
    reader.onPiece = (plural) => {
      if (plural !== 'services') return;
      reader.change([
        { plural: 'services', id: 'a', entity: undefined },
        { plural: 'services', id: 'b', entity: service('b', { host: 'changed' }) },
        { plural: 'consumers', id: 'c', entity: undefined },
        { plural: 'consumers', id: 'd', entity: { id: 'd', username: 'v' } },
      ]);
    };
    const state = await mirror.update();
    expect(reader.reads).to.equal(1);
    expect(state.revision).to.equal(1);
    expect(keys(state)).to.deep.equal(['consumers/d', 'services/b']);
    expect(state.entities.get('services/b')?.line).to.contain('changed');
  });

  const unknown: readonly (readonly [what: string, write: (reader: FakeReader) => void])[] = [
    ['does not say what it changed', (reader) => reader.set(oneService('x'))],
    [
      'is not told of',
      (reader) => {
        reader.entities = oneService('x');
        reader.missRevision();
      },
    ],
  ];
  for (const [what, write] of unknown) {
    it(`reads again when a write while it reads ${what}`, async () => {
      const reader = new FakeReader({ services: [service('a')], consumers: [{ id: 'c', username: 'u' }] });
      const mirror = mirrorOf(reader);
      reader.onPiece = () => {
        reader.onPiece = () => undefined;
        write(reader);
      };
      const state = await mirror.update();
      expect(reader.reads).to.equal(2);
      expect(state.revision).to.equal(1);
      expect(keys(state)).to.deep.equal(['services/11111111-1111-4111-8111-111111111111']);
    });
  }

  it('reads everything anew after a read that failed', async () => {
    const reader = new FakeReader({ services: [service('a')] });
    const mirror = mirrorOf(reader);
    await mirror.update();
    reader.set({ services: [service('b')] });
    reader.onPiece = () => {
      throw new Error('the disk is gone');
    };
    await mirror.update().then(
      () => expect.fail('it read'),
      (error: Error) => expect(error.message).to.equal('the disk is gone'),
    );
    reader.onPiece = () => undefined;
    expect(keys(await mirror.update())).to.deep.equal(['services/b']);
  });

  it('finds references to entities that are not sent to nodes', async () => {
    const reader = new FakeReader({ services: [service('a')], routes: [{ id: 'r', service: { id: 'a' } }] });
    const mirror = mirrorOf(reader);
    expect(danglingReferences(await mirror.update(), descriptors)).to.deep.equal([]);
    reader.change([{ plural: 'services', id: 'a', entity: undefined }]);
    const faults = danglingReferences(await mirror.update(), descriptors);
    expect(faults.map(({ entityType, entityId, path }) => [entityType, entityId, path])).to.deep.equal([
      ['route', 'r', 'service'],
    ]);
  });
});
