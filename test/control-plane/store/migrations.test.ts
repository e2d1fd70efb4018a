import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, openDatabase } from '../../../control-plane/store/database.ts';
import { createEntityStore } from '../../../control-plane/store/entity-store.ts';
import { migrations } from '../../../control-plane/store/migrations.ts';
import { createNodeStore } from '../../../control-plane/store/node-store.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { silentLogger } from '../../../shared/log.ts';
import { tempFolder, type TempFolder } from '../../helpers/temp-folder.ts';

/** Rows that a Sluice of a version, the number of its migrations, could have written. */
const written: readonly (readonly [since: number, sql: string])[] = [
  [1, `INSERT INTO services (id, name, document) VALUES ('s', 'old', '{"id":"s","name":"old","tags":["x"]}')`],
  [1, `INSERT INTO routes (id, name, service_id, document) VALUES ('r', NULL, 's', '{"id":"r","service":{"id":"s"}}')`],
  [1, `INSERT INTO consumers (id, username, document) VALUES ('c', 'u', '{"id":"c","username":"u"}')`],
  [
    1,
    `INSERT INTO plugins (id, name, route_id, document) VALUES ('p', 'cors', 'r', '{"id":"p","name":"cors","route":{"id":"r"}}')`,
  ],
  [1, `INSERT INTO entity_tags (tag, entity, id) VALUES ('x', 'services', 's')`],
  [1, `UPDATE meta SET value = 7 WHERE name = 'revision'`],
  [2, `INSERT INTO nodes (id, last_seen_ms, document) VALUES ('n', 5, '{"id":"n","lastSeenMs":5}')`],
];

describe('migrations', () => {
  let folder: TempFolder;
  let path: string;
  beforeEach(async () => {
    folder = await tempFolder();
    path = join(folder.path, 'test.db');
  });
  afterEach(() => folder.remove());

  const schemaOf = (database: Database): unknown =>
    database.prepare('SELECT type, name, sql FROM sqlite_master ORDER BY type, name').all();

  for (let version = 0; version <= migrations.length; version += 1) {
    it(`lead from version ${version} to today's, with all that was in it`, () => {
      const old = openDatabase({ path, migrations: migrations.slice(0, version) });
      for (const [since, sql] of written) if (version >= since) old.exec(sql);
      old.close();
      const database = openDatabase({ path });
      const fresh = openDatabase({ path: ':memory:' });
      expect(schemaOf(database)).to.deep.equal(schemaOf(fresh));
      expect(database.pragma('user_version', { simple: true })).to.equal(migrations.length);
      expect(database.pragma('foreign_key_check')).to.deep.equal([]);
      const store = createEntityStore({ database, entities, logger: silentLogger() });
      const { revision, entities: all } = store.readAll();
      expect(revision).to.equal(version === 0 ? 0 : 7);
      const ids = Object.values(all).flatMap((list) => list.map(({ id }) => id));
      expect(ids.toSorted((a, b) => a.localeCompare(b))).to.deep.equal(version === 0 ? [] : ['c', 'p', 'r', 's']);
      expect(createNodeStore({ database }).loadAll()).to.have.length(version >= 2 ? 1 : 0);
      if (version > 0) expect(store.find('services', 'old')?.id).to.equal('s');
      database.close();
      fresh.close();
    });
  }

  it('refuse a database of a newer version and leave it unchanged', () => {
    const future = openDatabase({ path, migrations: [...migrations, 'CREATE TABLE flying_cars (x)'] });
    future.close();
    const before = readFileSync(path);
    expect(() => openDatabase({ path })).to.throw('written by a newer one');
    expect(readFileSync(path).equals(before)).to.equal(true);
  });
});
