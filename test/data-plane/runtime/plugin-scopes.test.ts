import { expect } from 'chai';
import { type PluginScope, PluginScopes } from '../../../data-plane/runtime/plugin-scopes.ts';
import type { ChainStep } from '../../../data-plane/runtime/runtime.ts';

/** The order of the contract, the most specific first. */
const scopes: readonly [name: string, scope: PluginScope][] = [
  ['consumer+route+service', { consumerId: 'c', routeId: 'r', serviceId: 's' }],
  ['consumer+route', { consumerId: 'c', routeId: 'r', serviceId: null }],
  ['consumer+service', { consumerId: 'c', routeId: null, serviceId: 's' }],
  ['route+service', { consumerId: null, routeId: 'r', serviceId: 's' }],
  ['consumer', { consumerId: 'c', routeId: null, serviceId: null }],
  ['route', { consumerId: null, routeId: 'r', serviceId: null }],
  ['service', { consumerId: null, routeId: null, serviceId: 's' }],
  ['global', { consumerId: null, routeId: null, serviceId: null }],
];

const step = (plugin: string, priority = 1): ChainStep & { readonly label: string } => ({
  plugin: 'p',
  label: plugin,
  priority,
  publishes: false,
  protocols: null,
  instance: {},
});

function winner(chain: { readonly steps: readonly ChainStep[] }, steps: ReadonlyMap<ChainStep, string>) {
  expect(chain.steps.length).to.be.lessThan(2);
  const [first] = chain.steps;
  return first === undefined ? undefined : steps.get(first);
}

describe('PluginScopes', () => {
  for (let start = 0; start < scopes.length; start += 1) {
    const names = scopes.slice(start).map(([name]) => name);
    it(`prefers ${names[0]} of ${names.join(', ')}`, () => {
      const plugins = new PluginScopes();
      const steps = new Map<ChainStep, string>();
      // The weakest first, so that none wins by being the last.
      for (const [name, scope] of scopes.slice(start).toReversed()) {
        const made = step(name);
        steps.set(made, name);
        plugins.add(made, scope);
      }
      const chain = plugins.chainOfRoute('r', 's');
      const withoutConsumer = names.find((name) => !name.includes('consumer'));
      expect(winner(chain, steps)).to.equal(withoutConsumer);
      expect(winner(plugins.chainOfConsumer('r', 's', 'c', chain), steps)).to.equal(names[0]);
    });
  }

  it('does not apply to other routes, services and consumers', () => {
    for (const [name, scope] of scopes.slice(0, -1)) {
      const plugins = new PluginScopes();
      plugins.add(step(name), scope);
      for (const [route, service, consumer] of [
        ['other', 's', 'c'],
        ['r', 'other', 'c'],
        ['r', null, 'c'],
        ['r', 's', 'other'],
      ] as const) {
        const isMet =
          (scope.routeId ?? route) === route &&
          (scope.serviceId ?? service) === service &&
          (scope.consumerId ?? consumer) === consumer;
        const without = plugins.chainOfRoute(route, service);
        const chain = plugins.chainOfConsumer(route, service, consumer, without);
        expect(chain.steps.length, `${name} for ${route}, ${service}, ${consumer}`).to.equal(isMet ? 1 : 0);
      }
    }
  });

  it('keeps the chain of a consumer, and gives that of the route to consumers without plugins', () => {
    const plugins = new PluginScopes();
    plugins.add(step('consumer'), { consumerId: 'c', routeId: null, serviceId: null });
    const chain = plugins.chainOfRoute('r', null);
    expect(plugins.chainOfConsumer('r', null, 'c', chain)).to.equal(plugins.chainOfConsumer('r', null, 'c', chain));
    expect(plugins.chainOfConsumer('r', null, 'other', chain)).to.equal(chain);
  });

  it('orders by priority, then by name', () => {
    const plugins = new PluginScopes();
    const everywhere = { consumerId: null, routeId: null, serviceId: null };
    for (const [plugin, priority] of [
      ['b', 1],
      ['c', 9],
      ['a', 1],
    ] as const) {
      plugins.add({ ...step(plugin, priority), plugin }, everywhere);
    }
    expect(plugins.chainOfRoute('r', null).steps.map(({ plugin }) => plugin)).to.deep.equal(['c', 'a', 'b']);
  });
});
