import { expect } from 'chai';
import { randomBytes, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase, type Database } from '../../../control-plane/store/database.ts';
import { sealedDocuments } from '../../../control-plane/store/documents.ts';
import { createEntityStore, type EntityStore } from '../../../control-plane/store/entity-store.ts';
import { readKeyring } from '../../../control-plane/store/keyring.ts';
import { migrations } from '../../../control-plane/store/migrations.ts';
import { StoreViolation } from '../../../control-plane/store/store-errors.ts';
import type { EntityDescriptor } from '../../../shared/entities/entity.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { createLogger } from '../../../shared/log.ts';
import type { PluginSchemas } from '../../../shared/plugin-schemas/plugin-schema.ts';
import { array, element, map, record, set, string } from '../../../shared/schema/field.ts';
import { tempFolder, type TempFolder } from '../../helpers/temp-folder.ts';
import { samplePlugin } from '../admin/admin-fixture.ts';

const newKey = () => randomBytes(32).toString('base64');

/** A kind of entity whose secrets lie at every kind of place, one of them unique. */
const tokenEntity: EntityDescriptor = {
  name: 'token',
  plural: 'tokens',
  key: 'token',
  fields: {
    id: string({ uuid: true }),
    token: string({ unique: true, encrypted: true }),
    label: string(),
    tags: set(string(element)),
    nested: record({ secret: string({ encrypted: true }), plain: string() }),
    list: array(record({ secret: string({ encrypted: true }) }, element)),
    texts: array(string({ encrypted: true })),
    names: map(string(element), string({ encrypted: true })),
  },
  checks: [],
};
const tokenMigration = `
  CREATE TABLE tokens (id TEXT PRIMARY KEY, token TEXT UNIQUE, document TEXT NOT NULL) WITHOUT ROWID;
`;

describe('secrets at rest', () => {
  let folder: TempFolder;
  let database: Database | undefined;
  let logLines: string[];
  beforeEach(async () => {
    folder = await tempFolder();
    logLines = [];
  });
  afterEach(async () => {
    database?.close();
    await folder.remove();
  });

  /** The store on the folder's database, opened anew. */
  function open(keys: readonly string[] | undefined, plugins: PluginSchemas = { sample: samplePlugin }): EntityStore {
    database?.close();
    database = openDatabase({ path: join(folder.path, 'test.db'), migrations: [...migrations, tokenMigration] });
    const [first] = keys ?? [];
    return createEntityStore({
      database,
      entities: [...entities, tokenEntity],
      logger: createLogger({ level: 'debug', format: 'json', write: (line) => logLines.push(line) }),
      ...(keys !== undefined &&
        first !== undefined && {
          documents: sealedDocuments({ keyring: readKeyring('env:K', { K: keys.join(',') }), plugins }),
        }),
    });
  }

  function allBytes(): Buffer {
    return Buffer.concat(readdirSync(folder.path).map((name) => readFileSync(join(folder.path, name))));
  }

  const planted = (name: string) => `planted-${name}-4a7b`;
  const id = randomUUID();
  const token = {
    id,
    token: planted('token'),
    label: 'visible-label',
    tags: ['visible-tag'],
    nested: { secret: planted('nested'), plain: 'visible-plain' },
    list: [{ secret: planted('list') }, { secret: null }],
    texts: [planted('text'), planted('text')],
    names: { visible: planted('map') },
  };
  const pluginId = randomUUID();
  const plugin = (name: string) => ({
    id: pluginId,
    name,
    instance_name: null,
    route: null,
    service: null,
    consumer: null,
    config: { topic: 'visible-topic', secret: planted('plugin') },
    tags: null,
  });

  function write(store: EntityStore): void {
    store.write((writes) => {
      writes.put('tokens', token);
      writes.put('plugins', plugin('sample'));
    });
  }

  it('are read back from every kind of field, and appear nowhere in the files', () => {
    const keys = [newKey()];
    const store = open(keys);
    write(store);
    const again = open(keys);
    expect(again.get('tokens', id)).to.deep.equal(token);
    expect(again.readAll().entities['tokens']).to.deep.equal([token]);
    expect(again.page({ entity: 'tokens', size: 1 }).items).to.deep.equal([token]);
    expect(again.get('plugins', pluginId)).to.deep.equal(plugin('sample'));
    expect(allBytes().includes('planted')).to.equal(false);
    for (const name of ['label', 'tag', 'plain', 'topic'])
      expect(allBytes().includes(`visible-${name}`)).to.equal(true);
    for (const name of readdirSync(folder.path)) {
      expect(statSync(join(folder.path, name)).mode & 0o777, name).to.equal(0o600);
    }
  });

  it('are found by value, and kept unique, without standing in the index', () => {
    const store = open([newKey()]);
    write(store);
    expect(store.find('tokens', planted('token'))).to.deep.equal(token);
    expect(store.find('tokens', 'other')).to.equal(undefined);
    expect(store.page({ entity: 'tokens', size: 9, equal: { token: planted('token') } }).items).to.have.length(1);
    const second = { ...token, id: randomUUID() };
    expect(() => store.write((writes) => writes.put('tokens', second))).to.throw(StoreViolation);
    store.write((writes) => writes.put('tokens', { ...token, label: 'changed' }));
    expect(store.find('tokens', planted('token'))?.['label']).to.equal('changed');
  });

  it('written in the clear are encrypted once there is a key, and leave no trace', () => {
    write(open(undefined));
    expect(allBytes().includes('planted-token')).to.equal(true);
    const keys = [newKey()];
    const store = open(keys);
    expect(allBytes().includes('planted')).to.equal(false);
    expect(store.get('tokens', id)).to.deep.equal(token);
    expect(store.find('tokens', planted('token'))).to.deep.equal(token);
    expect(logLines.join('')).to.contain('secrets_encrypted').and.not.contain(keys[0]);
    open(keys);
    expect(logLines).to.have.length(1);
  });

  it('are written anew by a new first key, after which the old one is needed no more', () => {
    const [old, fresh] = [newKey(), newKey()];
    write(open([old]));
    const revision = open([fresh, old]).revision();
    const store = open([fresh]);
    expect(store.get('tokens', id)).to.deep.equal(token);
    expect(store.get('plugins', pluginId)).to.deep.equal(plugin('sample'));
    expect(store.find('tokens', planted('token'))).to.deep.equal(token);
    expect(store.revision()).to.equal(revision);
    expect(() => open([old])).to.throw(/which the keyring does not hold/);
  });

  it('stay encrypted when the order of the keys stays, whatever others are added', () => {
    const [old, other] = [newKey(), newKey()];
    write(open([old]));
    logLines.length = 0;
    expect(open([old, other]).get('tokens', id)).to.deep.equal(token);
    expect(logLines).to.deep.equal([]);
  });

  it('cannot be read without their key: the store does not open, and says why', () => {
    write(open([newKey()]));
    expect(() => open(undefined)).to.throw(/the setting keyring is needed/);
    expect(() => open([newKey()])).to.throw(/which the keyring does not hold/);
  });

  it('of one row do not open in another', () => {
    const keys = [newKey()];
    const store = open(keys);
    write(store);
    const other = { ...token, id: randomUUID(), token: 'b' };
    store.write((writes) => writes.put('tokens', other));
    const read = database?.prepare<[string], { document: string }>('SELECT document FROM tokens WHERE id = ?').get(id);
    const forged = (read?.document ?? '').replaceAll(id, other.id);
    database?.prepare('UPDATE tokens SET document = ? WHERE id = ?').run(forged, other.id);
    expect(() => store.get('tokens', other.id)).to.throw();
    expect(store.get('tokens', id)).to.deep.equal(token);
  });

  it('of a plugin that this version lacks stay sealed, with all its config, when the key changes', () => {
    const [old, fresh] = [newKey(), newKey()];
    write(open([old]));
    const store = open([fresh, old], {});
    expect(allBytes().includes('planted')).to.equal(false);
    expect(allBytes().includes('visible-topic')).to.equal(false);
    expect(store.get('plugins', pluginId)).to.deep.equal(plugin('sample'));
  });
});
