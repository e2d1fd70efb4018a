import { expect } from 'chai';
import { refreshEntities } from '../../control-plane/refresh-entities.ts';
import { openDatabase } from '../../control-plane/store/database.ts';
import { createEntityStore } from '../../control-plane/store/entity-store.ts';
import { entities } from '../../shared/entities/entities.ts';
import { createLogger, silentLogger } from '../../shared/log.ts';

describe('stored entities of an older version', () => {
  it('get the defaults of new fields; what does not fit is left and reported', () => {
    const database = openDatabase({ path: ':memory:' });
    const store = createEntityStore({ database, entities, logger: silentLogger() });
    const id = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;
    store.write((writes) => {
      writes.insert('services', { id: id(1), name: 'old', host: 'a', updated_at: 5 });
      writes.insert('services', { id: id(2), name: 'bad', host: 'a b' });
    });
    const events: { event: string; id?: string; fields?: string[] }[] = [];
    const logger = createLogger({ level: 'info', format: 'json', write: (line) => events.push(JSON.parse(line)) });
    refreshEntities({ store, entities, plugins: {}, logger });
    expect(store.get('services', id(1))).to.include({ port: 80, enabled: true, updated_at: 5, created_at: null });
    expect(store.get('services', id(2))).to.deep.equal({ id: id(2), name: 'bad', host: 'a b' });
    expect(events.map(({ event, id, fields }) => [event, id, fields])).to.deep.equal([
      ['entity_outdated', id(2), ['host']],
      ['entities_refreshed', undefined, undefined],
    ]);
    const revision = store.revision();
    refreshEntities({ store, entities, plugins: {}, logger: silentLogger() });
    expect(store.revision()).to.equal(revision);
    database.close();
  });
});
