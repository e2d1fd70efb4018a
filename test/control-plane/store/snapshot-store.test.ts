import { expect } from 'chai';
import { openDatabase, type Database } from '../../../control-plane/store/database.ts';
import { createEntityStore, type EntityStore } from '../../../control-plane/store/entity-store.ts';
import type { PageQuery, TagQuery } from '../../../control-plane/store/page.ts';
import { createSnapshotStore } from '../../../control-plane/store/snapshot-store.ts';
import { compileDocument } from '../../../shared/declarative/compile-document.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { silentLogger } from '../../../shared/log.ts';
import type { SnapshotEntities } from '../../../shared/snapshot.ts';

const nowSeconds = Math.floor(Date.now() / 1000);
const document = {
  _format_version: '3.0',
  services: Array.from({ length: 7 }, (_, index) => ({
    name: `s${index}`,
    host: 'h',
    tags: index % 2 === 0 ? ['even', 'all'] : ['all'],
    routes: [
      { name: `r${index}`, paths: ['/'] },
      { paths: ['/x'], tags: ['even'] },
    ],
  })),
  upstreams: [{ name: 'u', targets: [{ target: 'a' }, { target: 'b' }] }],
  consumers: [
    {
      username: 'c',
      custom_id: '7',
      keyauth_credentials: [
        { key: 'alive', expires_at: nowSeconds + 1000 },
        { key: 'gone', expires_at: nowSeconds - 1000 },
      ],
    },
  ],
};

describe('a store over a configuration in memory answers like the database', () => {
  let database: Database;
  let stored: EntityStore;
  let memory: EntityStore;
  let all: SnapshotEntities;
  const idOf = (plural: string, name: string) =>
    all[plural]?.find((entity) => entity['name'] === name || entity['username'] === name)?.id ?? '';

  before(() => {
    const auto = { uuid: () => '', token: () => 'word', now: () => 1 };
    const compiled = compileDocument({ document, entities, plugins: {}, auto });
    if (compiled.kind === 'faults') throw new Error('the document has faults');
    database = openDatabase({ path: ':memory:' });
    stored = createEntityStore({ database, entities, logger: silentLogger() });
    const added = compiled.entities.map(({ entity, value }) => ({ plural: entity.plural, value }));
    const staged = stored.stage();
    staged.add({ removed: [], added });
    stored.write((writes) => writes.exchange(staged));
    const lists = entities.map(({ plural }) => {
      const list = added.filter((change) => change.plural === plural).map(({ value }) => value);
      return [plural, list.sort((a, b) => (a.id < b.id ? -1 : 1))] as const;
    });
    all = Object.fromEntries(lists);
    memory = createSnapshotStore({ nodeId: 'n', entities, current: () => all });
  });
  after(() => database.close());

  it('pages', () => {
    const queries: PageQuery[] = [
      { entity: 'services', size: 100 },
      { entity: 'services', size: 3 },
      { entity: 'services', size: 7 },
      { entity: 'services', size: 2, after: all['services']?.[3]?.id ?? '' },
      { entity: 'services', size: 100, tags: { mode: 'and', tags: ['even', 'all'] } },
      { entity: 'services', size: 2, tags: { mode: 'or', tags: ['even', 'odd'] } },
      { entity: 'services', size: 2, tags: { mode: 'and', tags: ['even', 'odd'] } },
      { entity: 'routes', size: 1, parent: { field: 'service', id: idOf('services', 's1') } },
      { entity: 'consumers', size: 1, equal: { custom_id: '7' } },
      { entity: 'consumers', size: 1, equal: { custom_id: '8' } },
      { entity: 'keyauth_credentials', size: 100 },
    ];
    for (const query of queries) expect(memory.page(query), JSON.stringify(query)).to.deep.equal(stored.page(query));
  });

  it('tags', () => {
    const queries: TagQuery[] = [{ size: 100 }, { size: 5 }, { size: 100, tag: 'even' }, { size: 100, tag: 'none' }];
    for (const query of queries) expect(memory.tags(query), JSON.stringify(query)).to.deep.equal(stored.tags(query));
    const { last } = stored.tags({ size: 5 });
    if (last === undefined) throw new Error('there is no second page');
    expect(memory.tags({ size: 100, after: last })).to.deep.equal(stored.tags({ size: 100, after: last }));
  });

  it('single entities', () => {
    const u = idOf('upstreams', 'u');
    for (const store of [memory, stored]) {
      expect(store.get('services', idOf('services', 's1'))?.['name']).to.equal('s1');
      expect(store.find('services', 's1')?.['name']).to.equal('s1');
      expect(store.find('consumers', '7', 'custom_id')?.['username']).to.equal('c');
      expect(store.find('services', 'none')).to.equal(undefined);
      expect(store.find('keyauth_credentials', 'alive')).not.to.equal(undefined);
      expect(store.find('keyauth_credentials', 'gone')).to.equal(undefined);
      expect(store.findTogether('targets', { target: 'a:8000', upstream: u })?.['target']).to.equal('a:8000');
      expect(store.referring('targets', 'upstream', [u])).to.have.length(2);
    }
  });

  it('but cannot be written to', () => {
    expect(() => memory.write(() => undefined)).to.throw('no database');
  });
});
