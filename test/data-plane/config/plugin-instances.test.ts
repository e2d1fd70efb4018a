import { expect } from 'chai';
import type { PluginEntity } from '../../../data-plane/config/entities.ts';
import { PluginInstances } from '../../../data-plane/config/plugin-instances.ts';
import type { ChainStep } from '../../../data-plane/config/runtime.ts';
import { pluginEntity } from '../proxy/spine-fixture.ts';

describe('plugin instances', () => {
  // A border: entities of snapshots are records.
  const plugin = pluginEntity('publish', 'x') as unknown as PluginEntity;
  const certificate = { id: 'c' };
  const authority = { id: 'a' };

  it('are known by their plugin and what its config names, each of them as an object', () => {
    const instances = new PluginInstances();
    const keys = [
      instances.keyOf(plugin, []),
      instances.keyOf(plugin, [certificate]),
      instances.keyOf(plugin, [authority]),
      instances.keyOf(plugin, [certificate, authority]),
      instances.keyOf(plugin, [{ ...certificate }, authority]),
      instances.keyOf({ ...plugin }, [certificate, authority]),
    ];
    expect(new Set(keys).size).to.equal(keys.length);
    expect(keys[0]).to.equal(plugin);
    expect(instances.keyOf(plugin, [certificate, authority])).to.equal(keys[3]);
  });

  it('are closed with their last use, and made anew after that', () => {
    const instances = new PluginInstances();
    const closed: string[] = [];
    const step = (label: string): ChainStep => ({
      plugin: 'publish',
      priority: 1,
      answers: true,
      protocols: null,
      instance: { close: () => void closed.push(label) },
    });
    const [before, after] = [instances.keyOf(plugin, [certificate]), instances.keyOf(plugin, [{ ...certificate }])];
    instances.add(before, step('before'));
    expect(instances.acquire(after)).to.equal(undefined);
    instances.add(after, step('after'));
    expect(instances.acquire(before)?.plugin).to.equal('publish');
    instances.releaseAll([before]);
    expect(closed).to.deep.equal([]);
    instances.releaseAll([before]);
    expect(closed).to.deep.equal(['before']);
    expect(instances.acquire(before)).to.equal(undefined);
    instances.releaseAll([after]);
    expect(closed).to.deep.equal(['before', 'after']);
  });
});
