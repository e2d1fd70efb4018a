import { expect } from 'chai';
import { enabledEntities } from '../../../control-plane/sync/enabled-entities.ts';
import { entities as descriptors } from '../../../shared/entities/entities.ts';

describe('enabledEntities', () => {
  it('drops what is off and all that hangs on it', () => {
    const kept = enabledEntities(
      {
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
      },
      descriptors,
    );
    const ids = Object.fromEntries(Object.entries(kept).map(([plural, list]) => [plural, list.map(({ id }) => id)]));
    expect(ids).to.deep.equal({
      services: ['on'],
      routes: ['r-on', 'r-none'],
      plugins: ['p-global'],
      consumers: ['c'],
    });
  });

  it('follows references in whatever order the kinds stand', () => {
    const kept = enabledEntities(
      {
        services: [{ id: 'off', enabled: false }],
        routes: [{ id: 'r', service: { id: 'off' } }],
        plugins: [{ id: 'p', route: { id: 'r' } }],
      },
      descriptors.toReversed(),
    );
    expect(kept).to.deep.equal({});
  });
});
