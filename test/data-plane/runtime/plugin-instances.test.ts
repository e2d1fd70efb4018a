import { expect } from 'chai';
import type { PluginEntity } from '../../../data-plane/runtime/entities.ts';
import { Holders } from '../../../shared/counted-leases.ts';
import { PluginInstances, type SharedStep } from '../../../data-plane/runtime/plugin-instances.ts';
import { pluginEntity } from '../proxy/spine-fixture.ts';

describe('plugin instances', () => {
  // A border: entities of snapshots are records.
  const plugin = pluginEntity('publish', 'x') as unknown as PluginEntity;
  let closed: string[];
  beforeEach(() => {
    closed = [];
  });
  const shared = (label: string): SharedStep => ({
    plugin,
    holders: new Holders(),
    madeFrom: new Map([['c', { label }]]),
    step: {
      plugin: 'publish',
      priority: 1,
      publishes: true,
      protocols: null,
      instance: { close: () => void closed.push(label) },
    },
  });

  it('serve several runtimes and are closed with their last use', async () => {
    const instances = new PluginInstances();
    expect(instances.acquire(plugin, () => false)).to.equal(undefined);
    const made = shared('a');
    instances.add(made);
    expect(instances.acquire(plugin, (madeFrom) => madeFrom !== made.madeFrom)).to.equal(made);
    expect(instances.acquire({ ...plugin }, () => false)).to.equal(undefined);
    await instances.releaseAll([made]);
    expect(closed).to.deep.equal([]);
    await instances.releaseAll([made]);
    expect(closed).to.deep.equal(['a']);
    expect(instances.acquire(plugin, () => false)).to.equal(undefined);
  });

  it('are made anew when what they were made from is outdated, while the old one serves to its end', async () => {
    const instances = new PluginInstances();
    const [old, fresh] = [shared('old'), shared('new')];
    instances.add(old);
    expect(instances.acquire(plugin, () => true)).to.equal(undefined);
    instances.add(fresh);
    expect(instances.acquire(plugin, () => false)).to.equal(fresh);
    await instances.releaseAll([old]);
    expect(closed).to.deep.equal(['old']);
    await instances.releaseAll([fresh, fresh]);
    expect(closed).to.deep.equal(['old', 'new']);
  });
});
