import { expect } from 'chai';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../../../control-plane/store/database.ts';
import { migrations } from '../../../control-plane/store/migrations.ts';
import { createEntityStore } from '../../../control-plane/store/entity-store.ts';
import { StoreViolation } from '../../../control-plane/store/store-errors.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { silentLogger } from '../../../shared/log.ts';

describe('the database', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-'));
    path = join(folder, 'a', 'b', 'test.db');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is created with its folder, readable by its owner only, safe against loss of power', () => {
    const database = openDatabase({ path });
    database.exec('CREATE TABLE t (x)');
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(path + suffix).mode & 0o777, suffix).to.equal(0o600);
    expect(database.pragma('journal_mode', { simple: true })).to.equal('wal');
    expect(database.pragma('synchronous', { simple: true })).to.equal(2);
    expect(database.pragma('foreign_keys', { simple: true })).to.equal(1);
    database.close();
  });

  it('becomes readable by its owner only, where others could read it', () => {
    openDatabase({ path }).close();
    chmodSync(path, 0o644);
    openDatabase({ path }).close();
    expect(statSync(path).mode & 0o777).to.equal(0o600);
  });

  it('leaves a file that is no database unchanged, its mode too', () => {
    const other = join(folder, 'notes.txt');
    const text = 'some text that somebody else reads';
    writeFileSync(other, text);
    chmodSync(other, 0o644);
    expect(() => openDatabase({ path: other })).to.throw('not a database');
    expect(statSync(other).mode & 0o777).to.equal(0o644);
    expect(readFileSync(other, 'utf8')).to.equal(text);
  });

  it('runs each migration once, each in a transaction', () => {
    openDatabase({ path, migrations: ['CREATE TABLE one (x)'] }).close();
    const broken = ['CREATE TABLE one (x)', 'CREATE TABLE two (x); INSERT INTO nothing VALUES (1)'];
    expect(() => openDatabase({ path, migrations: broken })).to.throw('nothing');
    const database = openDatabase({ path, migrations: ['CREATE TABLE one (x)', 'CREATE TABLE two (x)'] });
    expect(database.pragma('user_version', { simple: true })).to.equal(2);
    database.close();
  });

  it('refuses what a newer version wrote', () => {
    openDatabase({ path, migrations: ['CREATE TABLE one (x)', 'CREATE TABLE two (x)'] }).close();
    expect(() => openDatabase({ path, migrations: ['CREATE TABLE one (x)'] })).to.throw('written by a newer one');
  });
});

describe('a database of the first release', () => {
  it('gets the tables of later kinds and keeps what it has', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-'));
    const path = join(folder, 'old.db');
    const old = openDatabase({ path, migrations: migrations.slice(0, 2) });
    const service = { id: '00000000-0000-4000-8000-000000000001', name: 's', host: 'h', client_certificate: null };
    old
      .prepare('INSERT INTO services (id, name, document) VALUES (?, ?, ?)')
      .run(service.id, 's', JSON.stringify(service));
    old.close();
    const database = openDatabase({ path });
    const store = createEntityStore({ database, entities, logger: silentLogger() });
    expect(store.find('services', 's')).to.deep.equal(service);
    const certificate = { id: '00000000-0000-4000-8000-000000000002' };
    store.write((writes) => {
      writes.put('certificates', certificate);
      writes.put('services', { ...service, client_certificate: certificate });
    });
    expect(store.referring('services', 'client_certificate', [certificate.id])).to.have.length(1);
    expect(() => store.write((writes) => writes.delete('certificates', certificate.id))).to.throw(StoreViolation);
    database.close();
    rmSync(folder, { recursive: true });
  });
});

describe('the entity store', () => {
  const open = () => {
    const database = openDatabase({ path: ':memory:' });
    return { database, store: createEntityStore({ database, entities, logger: silentLogger() }) };
  };
  const consumer = (n: number, more: object = {}) => ({
    id: `00000000-0000-4000-8000-00000000000${n}`,
    username: `u${n}`,
    custom_id: null,
    tags: null,
    ...more,
  });

  it('reads everything in pieces, each when it is asked for', () => {
    const { database, store } = open();
    const ids = Array.from({ length: 1_200 }, (_one, n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`);
    store.write((writes) => {
      for (const id of ids) writes.put('consumers', { id, username: id, custom_id: null });
    });
    const read: string[] = [];
    let pieces = 0;
    for (const { plural, list } of store.readPieces()) {
      if (plural !== 'consumers') continue;
      pieces += 1;
      read.push(...list.map(({ id }) => id));
      // Another may write between the pieces.
      if (pieces === 1) store.write((writes) => writes.delete('consumers', ids[1_100] ?? ''));
    }
    expect(pieces).to.be.above(1);
    expect(read).to.deep.equal(ids.filter((id) => id !== ids[1_100]));
    database.close();
  });

  it('keeps nothing of a transaction that fails', () => {
    const { database, store } = open();
    const heard: number[] = [];
    store.onChange((revision) => heard.push(revision));
    expect(() =>
      store.write((writes) => {
        writes.insert('consumers', consumer(1, { tags: ['x'] }));
        writes.insert('consumers', consumer(2, { username: 'u1' }));
      }),
    ).to.throw(StoreViolation);
    expect(store.revision()).to.equal(0);
    expect(store.readAll().entities['consumers']).to.deep.equal([]);
    expect(store.tags({ size: 10 }).items).to.deep.equal([]);
    expect(heard).to.deep.equal([]);
    database.close();
  });

  it('reports what each write changed, in order, cascades included', () => {
    const { database, store } = open();
    const heard: unknown[] = [];
    store.onChange((revision, changes) => heard.push([revision, changes]));
    store.write((writes) => writes.insert('consumers', consumer(1)));
    const plugin = { id: '00000000-0000-4000-8000-0000000000aa', name: 'x', consumer: { id: consumer(1).id } };
    store.write((writes) => {
      writes.put('plugins', plugin);
      writes.put('consumers', consumer(1, { custom_id: 'c' }));
    });
    store.write((writes) => writes.delete('consumers', consumer(1).id));
    store.write((writes) => writes.delete('consumers', consumer(1).id));
    const of = (plural: string, id: string, entity?: object) => ({ plural, id, entity });
    expect(heard).to.deep.equal([
      [1, [of('consumers', consumer(1).id, consumer(1))]],
      [2, [of('plugins', plugin.id, plugin), of('consumers', consumer(1).id, consumer(1, { custom_id: 'c' }))]],
      [3, [of('plugins', plugin.id), of('consumers', consumer(1).id)]],
    ]);
    database.close();
  });

  it('answers a write even if a listener fails', () => {
    const { database, store } = open();
    store.onChange(() => {
      throw new Error('listener');
    });
    expect(store.write((writes) => writes.insert('consumers', consumer(1))).revision).to.equal(1);
    database.close();
  });

  it('has a column for each unique field and for each reference to a table', () => {
    const { database } = open();
    const tables = new Set(entities.map(({ plural }) => plural));
    for (const { plural, fields } of entities) {
      const columns = database.pragma(`table_info(${plural})`) as { name: string }[];
      const wanted = Object.entries(fields).flatMap(([name, field]) =>
        field.unique === true ? [name] : tables.has(field.reference ?? '') ? [`${name}_id`] : [],
      );
      expect(columns.map(({ name }) => name)).to.include.members([...wanted, 'id', 'document']);
    }
    database.close();
  });
});
