import { expect } from 'chai';
import * as fc from 'fast-check';
import type { Hello__Output } from '../../../shared/generated/sluice/sync/v1/Hello.ts';
import { Publisher } from '../../../control-plane/sync/publisher.ts';
import { knownSchemas } from '../../../data-plane/source/known-schemas.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { silentLogger } from '../../../shared/log.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { applyDelta, unpackSnapshot } from '../../../shared/snapshot-wire.ts';
import { createSnapshot } from '../../../shared/snapshot.ts';
import { FakeReader, service } from '../../helpers/sync-fakes.ts';
import { waitFor } from '../../helpers/wait-for.ts';

const everything = { version: '0.3.0', ...knownSchemas(entities, pluginSchemas) };
const older = {
  version: '0.2.0',
  plugins: [],
  entityKinds: everything.entityKinds.map(({ plural, fields }) => ({
    plural,
    fields: fields.filter((field) => field !== 'host'),
  })),
};

describe('classes of nodes', function () {
  this.timeout(60_000);
  let reader: FakeReader;
  let publisher: Publisher;
  beforeEach(() => {
    reader = new FakeReader({ services: Array.from({ length: 40 }, (_one, index) => service(String(index))) });
    publisher = new Publisher({
      reader,
      schemas: { version: '0.3.0', entities, plugins: pluginSchemas },
      logger: silentLogger(),
      coalesceMs: 0,
    });
  });
  afterEach(() => publisher.stop());

  const join = (hello: Pick<Hello__Output, 'version' | 'plugins' | 'entityKinds'>) => {
    const joined = publisher.join(hello);
    if (joined === undefined) throw new Error('refused');
    return joined;
  };
  const published = (revision = reader.revision()) =>
    waitFor(() => publisher.revision() >= revision, { what: `revision ${revision}`, pollMs: 1 });
  const hashOf = async (nodeClass: ReturnType<typeof join>): Promise<string> =>
    (await waitFor(() => nodeClass.publication(), { what: 'a version', pollMs: 1 })).hash;

  it('share one version, packed once, when their nodes know the same', async () => {
    await published();
    const [one, other] = [join(everything), join({ ...everything, version: '0.4.0' })];
    expect(one).to.equal(other);
    expect(one.publication()).to.equal(publisher.latest());
    expect(one.publication()?.snapshot()).to.equal(other.publication()?.snapshot());
  });

  it('have a hash of their own, which follows each change, when their nodes know less', async () => {
    const less = join(older);
    const first = await hashOf(less);
    expect(first).to.not.equal(publisher.latest()?.hash);
    const whole = publisher.latest()?.hash;
    const withoutHost = (reader.entities['services'] ?? []).map(({ host: _host, ...rest }) => ({
      ...rest,
      id: rest.id,
    }));
    expect(first).to.equal(createSnapshot({ services: withoutHost }).hash);
    reader.change([{ plural: 'services', id: '3', entity: service('3', { host: 'other.test' }) }]);
    await published();
    expect(publisher.latest()?.hash).to.not.equal(whole);
    expect(less.publication()?.hash, 'nothing that they know has changed').to.equal(first);
    expect(less.rows().map(({ field, action }) => [field, action])).to.deep.equal([['services.host', 'removed']]);
  });

  it('have a delta from each of the last versions to the newest', async () => {
    const less = join(older);
    await hashOf(less);
    const classes = [join(everything), less];
    const seen = classes.map(() => new Map<string, Awaited<ReturnType<typeof unpackSnapshot>>>());
    const keep = async (): Promise<void> => {
      for (const [index, nodeClass] of classes.entries()) {
        const publication = nodeClass.publication();
        if (publication === undefined) throw new Error('no version');
        seen[index]?.set(publication.hash, await unpackSnapshot(publication.hash, await publication.snapshot()));
      }
    };
    await keep();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(49), fc.constantFrom('put', 'delete'), fc.nat(3)), { minLength: 1, maxLength: 4 }),
        async (writes) => {
          reader.change(
            writes.map(([id, write, turn]) => ({
              plural: 'services',
              id: String(id),
              entity: write === 'put' ? service(String(id), { name: `n${turn}`, host: `h${turn}` }) : undefined,
            })),
          );
          await published();
          for (const [index, nodeClass] of classes.entries()) {
            const publication = nodeClass.publication();
            for (const [hash, base] of seen[index] ?? []) {
              const delta = hash === publication?.hash ? undefined : publication?.deltaFrom(hash);
              if (publication === undefined || delta === undefined) continue;
              const result = await applyDelta(base, publication.hash, await delta);
              expect(result.snapshot.hash).to.equal(publication.hash);
            }
          }
          await keep();
        },
      ),
      { numRuns: 30, endOnFailure: true },
    );
    expect(seen[0]?.size).to.be.greaterThan(10);
    const total = seen[0]?.size ?? 0;
    const newest = publisher.latest();
    const reached = [...(seen[0]?.keys() ?? [])].filter((hash) => newest?.deltaFrom(hash) !== undefined);
    expect(reached.length).to.be.greaterThan(total / 3);
  });

  it('have no delta from a version that is unknown or too old, or when it would be about as large as the whole', async () => {
    await published();
    const first = publisher.latest()?.hash ?? '';
    expect(publisher.latest()?.deltaFrom('unknown')).to.equal(undefined);
    for (let turn = 0; turn < 101; turn += 1) {
      reader.change([{ plural: 'services', id: '3', entity: service('3', { host: `h${turn}` }) }]);
      await published();
      const delta = publisher.latest()?.deltaFrom(first);
      expect(delta === undefined, `version ${turn + 1} after it`).to.equal(turn >= 100);
      await delta;
    }
    const before = publisher.latest()?.hash ?? '';
    reader.change(
      Array.from({ length: 30 }, (_one, index) => ({
        plural: 'services',
        id: String(index),
        entity: service(String(index), { host: 'all.test' }),
      })),
    );
    await published();
    expect(publisher.latest()?.deltaFrom(before)).to.equal(undefined);
  });

  it('get nothing while the configuration uses a plugin that they lack, and are served again afterwards', async () => {
    const lacking = join({ ...everything, plugins: [] });
    const hash = await hashOf(lacking);
    const plugin = {
      plural: 'plugins',
      id: 'p',
      entity: { id: 'p', name: 'kafka-upstream', enabled: true, config: {} },
    };
    reader.change([plugin]);
    await published();
    expect(lacking.publication()).to.equal(undefined);
    expect(lacking.refusal()).to.equal('plugin_set_incompatible');
    expect(lacking.rows().map((row) => [row.plugin, row.action])).to.deep.equal([['kafka-upstream', 'refused']]);
    reader.change([{ ...plugin, entity: { ...plugin.entity, enabled: false } }]);
    await published();
    expect(lacking.refusal()).to.equal(undefined);
    expect(lacking.publication()?.hash).to.equal(hash);
    expect(lacking.rows()).to.deep.equal([]);
  });

  it('are bounded in number and removed with their last node', async () => {
    await published();
    const kinds = Array.from({ length: 63 }, (_one, index) => join({ ...older, version: `0.2.${index}` }));
    expect(publisher.join({ ...older, version: '0.1.0' })).to.equal(undefined);
    expect(publisher.join(everything), 'the usual ones have room').to.not.equal(undefined);
    publisher.leave(kinds[0] ?? join(everything));
    expect(publisher.join({ ...older, version: '0.1.0' })).to.not.equal(undefined);
  });
});
