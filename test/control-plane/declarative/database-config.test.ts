import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { databaseConfig } from '../../../control-plane/declarative/database-config.ts';
import { createAuditLog } from '../../../control-plane/store/audit-log.ts';
import { openDatabase, type Database } from '../../../control-plane/store/database.ts';
import { createEntityStore, type EntityStore } from '../../../control-plane/store/entity-store.ts';
import { WriteHold } from '../../../control-plane/store/write-hold.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { silentLogger } from '../../../shared/log.ts';
import { digestMask } from '../../../shared/schema/mask.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { tempFolder, type TempFolder } from '../../helpers/temp-folder.ts';

describe('a load into the database', () => {
  const names = Array.from({ length: 2_000 }, (_one, n) => `s${String(n).padStart(4, '0')}`);
  const bytes = () =>
    new TextEncoder().encode(
      JSON.stringify({
        _format_version: '3.0',
        services: names.map((name) => ({ name, host: 'h', tags: ['loaded'] })),
      }),
    );
  let folder: TempFolder;
  let database: Database;
  let store: EntityStore;
  let revisions: number[];
  let hold: WriteHold;

  const openStore = (opened: Database) =>
    createEntityStore({
      database: opened,
      entities,
      logger: silentLogger(),
      plugins: pluginSchemas,
      audit: createAuditLog({ database: opened, plugins: pluginSchemas }),
    });
  const maskKey = Buffer.alloc(32, 1);
  const config = () => databaseConfig({ store, hold, database: `${folder.path}/x.db`, keyring: undefined, maskKey });
  const load = (expectedEtag?: string) =>
    config().load({
      bytes: bytes(),
      json: true,
      dryRun: false,
      ...(expectedEtag === undefined ? {} : { expectedEtag }),
    });
  const found = (plural: string) => store.page({ entity: plural, size: 10_000 }).items.map(({ name }) => name);
  const audited = () => {
    const entries = createAuditLog({ database, plugins: pluginSchemas }).page({ size: 30_000 }).items;
    return entries.map(({ operation, entity_name, revision }) => `${operation} ${entity_name} ${revision}`);
  };

  beforeEach(async () => {
    folder = await tempFolder();
    database = openDatabase({ path: `${folder.path}/x.db` });
    store = openStore(database);
    hold = new WriteHold();
    revisions = [];
    store.onChange((revision) => revisions.push(revision));
  });
  afterEach(async () => {
    database.close();
    await folder.remove();
  });

  it('compares the masks of secrets in a dry run, and refuses them in a load', async () => {
    const document = (key: string) =>
      new TextEncoder().encode(
        JSON.stringify({ _format_version: '3.0', consumers: [{ username: 'c', keyauth_credentials: [{ key }] }] }),
      );
    const run = (key: string, dryRun: boolean) => config().load({ bytes: document(key), json: true, dryRun });
    expect(await run('planted-key', false)).to.have.property('kind', 'loaded');
    const mask = digestMask(maskKey);
    const rows: readonly (readonly [string, boolean, object])[] = [
      [mask('planted-key'), true, { kind: 'loaded', unchanged: 2 }],
      ['planted-key', true, { kind: 'loaded', unchanged: 2 }],
      [mask('another-key'), true, { kind: 'faults', unchanged: undefined }],
      [mask('planted-key'), false, { kind: 'faults', unchanged: undefined }],
    ];
    for (const [key, dryRun, expected] of rows) {
      const result = await run(key, dryRun);
      const unchanged = result.kind === 'loaded' ? result.summary.unchanged : undefined;
      expect({ kind: result.kind, unchanged }, `${key} ${dryRun}`).to.deep.equal(expected);
      expect(JSON.stringify(result)).to.not.contain('planted');
    }
  });

  it('replaces everything in one revision, tags and audit log included, and changes nothing the second time', async () => {
    store.write((writes) => {
      writes.put('consumers', { id: 'c', username: 'gone', tags: ['old'] });
      writes.put('services', { id: 'other-id', name: 's0001', host: 'elsewhere', tags: ['old'] });
    });
    const first = await load();
    expect(first).to.deep.include({ kind: 'loaded', revision: 2, etag: `"${store.version()}"` });
    expect(found('services')).to.have.members(names);
    expect(found('consumers')).to.deep.equal([]);
    expect(store.tags({ size: 10, tag: 'old' }).items).to.deep.equal([]);
    expect(store.tags({ size: 10_000, tag: 'loaded' }).items).to.have.length(names.length);
    expect(revisions).to.deep.equal([1, 2]);
    const expected = [
      'create  1',
      'create s0001 1',
      // The service with this name keeps its id.
      ...names.map((name) => `${name === 's0001' ? 'update' : 'create'} ${name} 2`),
      'delete  2',
    ];
    expect(
      audited()
        .map((line) => line.replace('gone', ''))
        .sort(),
    ).to.deep.equal(expected.sort());

    expect(await load()).to.deep.include({ kind: 'loaded', revision: 2 });
    expect(revisions).to.deep.equal([1, 2]);
  });

  for (const [what, isSeen] of [
    ['this process', true],
    ['another process', false],
  ] as const) {
    it(`replaces everything despite concurrent writes of ${what}`, async () => {
      const first = await load();
      if (first.kind !== 'loaded') throw new Error('not loaded');
      const known = store.page({ entity: 'services', size: 10_000 }).items;
      const other = isSeen ? undefined : openDatabase({ path: `${folder.path}/x.db` });
      const writer = other === undefined ? store : openStore(other);
      // So that there is a difference to write in any case.
      writer.write((writes) => writes.put('consumers', { id: 'before', username: 'before' }));

      const loading = load();
      let written = 0;
      // What comes after its last step is another matter.
      while (!hold.isHeld) {
        // Whatever it did to be held against: changed, deleted, made, and a name taken by another id.
        const service = known[written * 3];
        const deleted = known[written * 3 + 1];
        const renamed = known[written * 3 + 2];
        if (service && deleted && renamed) {
          written += 1;
          writer.write((writes) => {
            writes.put('services', { ...service, host: 'changed', tags: [] });
            writes.delete('services', deleted.id);
            writes.delete('services', renamed.id);
            writes.put('services', { ...renamed, id: `new-${written}` });
            writes.put('consumers', { id: `c-${written}`, username: `u${written}` });
          });
        }
        await delay(10);
      }
      other?.close();

      const result = await loading;
      expect(written).to.be.at.least(2);
      if (result.kind !== 'loaded') throw new Error(result.kind);
      expect(store.readAll().revision).to.equal(result.revision);
      const now = store.page({ entity: 'services', size: 10_000 }).items;
      // Those that were changed meanwhile bear another time of the change.
      // A name that another id took meanwhile may keep that id.
      const plain = (list: typeof now) =>
        list.map((entity) => JSON.stringify({ ...entity, id: '', updated_at: 0, created_at: 0 })).sort();
      expect(plain(now)).to.deep.equal(plain(known));
      expect(found('consumers')).to.deep.equal([]);
      expect(store.tags({ size: 10_000, tag: 'loaded' }).items).to.have.length(names.length);
      expect(result.summary.unchanged + result.summary.created + result.summary.updated).to.equal(names.length);
      // The last thing that listeners were told is what is there.
      expect(revisions.at(-1)).to.equal(result.revision);
    });
  }

  it('leaves everything as it is when it expects another configuration than that at its end', async () => {
    await load();
    const loading = load(`"${store.version()}"`);
    store.write((writes) => writes.put('consumers', { id: 'c', username: 'meanwhile' }));
    expect(await loading).to.deep.equal({ kind: 'changed' });
    expect(store.page({ entity: 'consumers', size: 10 }).items).to.have.length(1);
  });
});
