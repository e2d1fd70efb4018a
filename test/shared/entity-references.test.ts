import { expect } from 'chai';
import { entities as descriptors } from '../../shared/entities/entities.ts';
import { findDanglingReferences } from '../../shared/entity-references.ts';

describe('findDanglingReferences', () => {
  it('finds nothing where every reference has its target', () => {
    const faults = findDanglingReferences(
      {
        services: [{ id: 's' }],
        routes: [
          { id: 'r', service: { id: 's' } },
          { id: 'r2', service: null },
        ],
        plugins: [{ id: 'p', route: { id: 'r' }, service: null, consumer: null }],
      },
      descriptors,
    );
    expect(faults).to.deep.equal([]);
  });

  it('names each reference to nothing', () => {
    const faults = findDanglingReferences(
      {
        services: [{ id: 's' }],
        routes: [{ id: 'r', name: 'orders', service: { id: 'gone' } }],
        plugins: [{ id: 'p', name: 'cors', instance_name: 'mine', route: { id: 's' }, consumer: { id: 'c' } }],
      },
      descriptors,
    );
    expect(faults.map(({ entityType, entityName, path }) => [entityType, entityName, path])).to.deep.equal([
      ['route', 'orders', 'service'],
      ['plugin', 'mine', 'route'],
      ['plugin', 'mine', 'consumer'],
    ]);
    expect(faults[0]?.message).to.equal("refers to 'gone', which is not among the services");
  });
});
