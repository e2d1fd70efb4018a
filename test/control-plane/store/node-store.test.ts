import { expect } from 'chai';
import { openDatabase, type Database } from '../../../control-plane/store/database.ts';
import { createNodeStore, type NodeRecord } from '../../../control-plane/store/node-store.ts';

const record: NodeRecord = {
  id: '22222222-2222-4222-8222-222222222222',
  bootId: '33333333-3333-4333-8333-333333333333',
  hostname: 'node',
  ip: '127.0.0.1',
  version: '0.1.0',
  labels: { zone: 'a' },
  lastSeenMs: 1,
  updatedAtMs: 1,
  syncStatus: 'normal',
  appliedHash: null,
  appliedAtMs: null,
  applyMs: null,
  rejected: {
    hash: 'x',
    atMs: 1,
    errors: [{ entityType: 'plugin', entityId: 'p', entityName: 'n', path: 'config.topic', message: 'no' }],
  },
};

describe('the node store', () => {
  let database: Database;
  beforeEach(() => {
    database = openDatabase({ path: ':memory:' });
  });
  afterEach(() => database.close());

  it('returns the newest record of each node, in order of id', () => {
    const store = createNodeStore({ database });
    const other = { ...record, id: '11111111-1111-4111-8111-111111111111' };
    store.saveAll([record, other]);
    store.saveAll([{ ...record, hostname: 'renamed' }]);
    expect(store.loadAll()).to.deep.equal([other, { ...record, hostname: 'renamed' }]);
    store.touchAll([
      { id: record.id, lastSeenMs: 7 },
      { id: 'nobody', lastSeenMs: 8 },
    ]);
    expect(store.loadAll()).to.deep.equal([other, { ...record, hostname: 'renamed', lastSeenMs: 7 }]);
    store.removeAll([other.id]);
    expect(createNodeStore({ database }).loadAll()).to.have.length(1);
  });
});
