import { expect } from 'chai';
import { refreshEntities } from '../../control-plane/refresh-entities.ts';
import { openDatabase } from '../../control-plane/store/database.ts';
import { createEntityStore } from '../../control-plane/store/entity-store.ts';
import { entities } from '../../shared/entities/entities.ts';
import { pluginSchemas } from '../../shared/plugin-schemas/plugin-schemas.ts';
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

  it('have fields moved to their new places', () => {
    const database = openDatabase({ path: ':memory:' });
    const store = createEntityStore({ database, entities, plugins: pluginSchemas, logger: silentLogger() });
    const id = '00000000-0000-4000-8000-000000000001';
    const confluent = { url: 'http://r', logical_cluster_id: 'lsrc-1', value_schema: { subject_name: 's' } };
    const config = { topic: 't', bootstrap_servers: [{ host: 'k', port: 1 }], schema_registry: { confluent } };
    store.write((writes) => {
      writes.insert('plugins', { id, name: 'kafka-upstream', config, protocols: ['http'], enabled: true });
    });
    refreshEntities({ store, entities, plugins: pluginSchemas, logger: silentLogger() });
    const place = 'config.schema_registry.confluent';
    expect(store.get('plugins', id)).to.have.nested.property(`${place}.authentication.logical_cluster_id`, 'lsrc-1');
    expect(store.get('plugins', id)).to.not.have.nested.property(`${place}.logical_cluster_id`);
    database.close();
  });
});
