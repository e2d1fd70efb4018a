import { expect } from 'chai';
import * as fc from 'fast-check';
import type { Chain, Runtime } from '../../../data-plane/runtime/runtime.ts';
import type { PluginInstance } from '../../../data-plane/plugin-api/plugin-definition.ts';
import { createSnapshot, type SnapshotEntities, type SnapshotEntity } from '../../../shared/snapshot.ts';
import { pluginEntity, routeEntity, serviceEntity, SpineFixture } from '../proxy/spine-fixture.ts';
import { request } from '../router/routes.ts';

const service = serviceEntity;
const route = (id: string, fields: object): SnapshotEntity => routeEntity({ id, name: id, paths: null, ...fields });

/** Two or three forms of each entity; between configurations one that stays is the same object. */
const forms: Readonly<Record<string, readonly (readonly SnapshotEntity[])[]>> = {
  services: [[service('s1', 'one'), service('s1', 'uno'), { ...service('s1', 'one') }], [service('s2', 'two')]],
  routes: [
    [
      route('r1', { paths: ['/a'], service: { id: 's1' } }),
      route('r1', { paths: ['/a'], service: { id: 's2' } }),
      route('r1', { paths: ['~/a/(?<rest>.+)'], https_redirect_status_code: 301, service: { id: 's1' } }),
    ],
    [route('r2', { hosts: ['x.test'] }), route('r2', { hosts: ['*.test'], protocols: ['https'] })],
    [route('r3', { paths: ['/a/b'], name: 'third' }), route('r3', { paths: ['/a/b'], name: 'troisième' })],
  ],
  plugins: [
    plugins('publish', 'everywhere', {}),
    plugins('publish', 'r1', { route: { id: 'r1' } }),
    plugins('publish', 's1', { service: { id: 's1' } }),
    plugins('first', 'r3', { route: { id: 'r3' } }),
    plugins('auth', 'c1', { consumer: { id: 'c1' } }),
    plugins('auth', 'c1 r1', { consumer: { id: 'c1' }, route: { id: 'r1' } }),
  ],
};

function plugins(name: string, label: string, scope: object): SnapshotEntity[] {
  return ['a', 'b'].map((form) => pluginEntity(name, `${label} ${form}`, { id: label, ...scope }));
}

const slots = Object.entries(forms).flatMap(([plural, entities]) => entities.map((some) => ({ plural, some })));
const drawn = slots.map(({ some }) => fc.option(fc.constantFrom(...some), { nil: undefined, freq: 4 }));
/** One entity takes another form, appears or goes. */
const change = fc.oneof(...drawn.map((form, slot) => form.map((entity) => ({ slot, entity }))));

/** A configuration and what becomes of it, change by change. */
const configurations: fc.Arbitrary<SnapshotEntities[]> = fc
  .tuple(fc.tuple(...drawn), fc.array(change, { minLength: 1, maxLength: 12 }))
  .map(([first, changes]) => {
    const current = [...first];
    const all = [entitiesIn(current)];
    for (const { slot, entity } of changes) {
      current[slot] = entity;
      all.push(entitiesIn(current));
    }
    return all;
  });

function entitiesIn(current: readonly (SnapshotEntity | undefined)[]): SnapshotEntities {
  const lists: Record<string, SnapshotEntity[]> = { services: [], routes: [], plugins: [] };
  for (const [slot, entity] of current.entries()) {
    if (entity !== undefined) lists[slots[slot]?.plural ?? '']?.push(entity);
  }
  return lists;
}

describe('a configuration after others', () => {
  it('is the same as one that was built without them', async () => {
    await fc.assert(
      fc.asyncProperty(configurations, async (all) => {
        const labels = new Map<PluginInstance, string>();
        const fixture = labelled(labels);
        for (const entities of all) {
          const applied = await fixture.holder.apply(createSnapshot(entities));
          const alone = labelled(labels);
          const expected = await alone.build(createSnapshot(entities));
          expect(applied.kind === 'applied').to.equal(expected.kind === 'built');
          if (expected.kind === 'faults' || fixture.holder.current === undefined) continue;
          expect(seen(fixture.holder.current, labels)).to.deep.equal(seen(expected.runtime, labels));
        }
        await fixture.holder.close();
      }),
      { numRuns: 100 },
    );
  });

  const base = { services: [service('s1', 'one')], routes: [route('r1', { paths: ['/a'] }), route('r2', {})] };

  it('shares the router where no route is another, and the compiled routes that are the same', async () => {
    const fixture = new SpineFixture();
    const before = await built(fixture, base);
    const same = await built(fixture, { ...base, services: [service('s1', 'uno'), service('s2', 'two')] });
    expect(same.router).to.equal(before.router);
    const [r1, r2] = base.routes;
    const changed = await built(fixture, { ...base, routes: [{ ...r1, id: 'r1' }, r2 ?? { id: 'r2' }] });
    expect(changed.router).to.not.equal(before.router);
    const kept = [...changed.routes.values()].filter((compiled) => [...before.routes.values()].includes(compiled));
    expect(kept.map(({ value }) => value.route.id)).to.deep.equal(['r2']);
    const fewer = await built(fixture, { ...base, routes: base.routes.slice(1) });
    expect(fewer.router.match(request({ path: '/a' }))?.value.route.id).to.equal('r2');
  });
});

async function built(fixture: SpineFixture, entities: SnapshotEntities) {
  await fixture.apply(entities);
  const { current } = fixture.holder;
  if (current === undefined) throw new Error('nothing is live');
  return current;
}

/** A fixture whose plugins do nothing; `labels` learns which instance is of which entity. */
function labelled(labels: Map<PluginInstance, string>): SpineFixture {
  const fixture = new SpineFixture('error');
  for (const entity of (forms['plugins'] ?? []).flat()) {
    const { label } = entity['config'] as { label: string };
    fixture.behaviours.set(label, () => {
      const instance: PluginInstance = { log() {} };
      labels.set(instance, label);
      return { kind: 'created', instance };
    });
  }
  return fixture;
}

/** What requests meet. */
function seen(runtime: Runtime, labels: ReadonlyMap<PluginInstance, string>): unknown {
  const chainOf = ({ steps }: Chain): unknown => steps.map(({ instance }) => labels.get(instance));
  const found = ['x.test', 'y.test'].flatMap((host) =>
    ['/', '/a', '/a/b', '/a/b/c'].map((path) => {
      const match = runtime.router.match(request({ host, path }));
      if (match === undefined) return undefined;
      const { value: plan } = match;
      return {
        route: plan.route,
        captures: match.captures(),
        protocols: plan.protocols,
        redirect: plan.httpsRedirectStatusCode,
        meter: plan.meter.label,
        chain: chainOf(plan.chain),
        ofConsumers: ['c1', 'c2'].map((consumer) => chainOf(plan.chainFor(consumer))),
      };
    }),
  );
  return { hash: runtime.hash, labels: runtime.routeLabels, unmatched: chainOf(runtime.unmatched), found };
}
