import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import { actAs } from '../../../control-plane/store/actor.ts';
import { auditLimits, createAuditLog, type AuditLog } from '../../../control-plane/store/audit-log.ts';
import { openDatabase, type Database } from '../../../control-plane/store/database.ts';
import { createEntityStore, type EntityStore } from '../../../control-plane/store/entity-store.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { silentLogger } from '../../../shared/log.ts';
import { samplePlugin } from '../admin/admin-fixture.ts';

describe('the audit log', () => {
  let database: Database;
  let audit: AuditLog;
  let store: EntityStore;
  let nowMs: number;
  const open = (limits = auditLimits) => {
    nowMs = 1_000_000;
    database = openDatabase({ path: ':memory:' });
    audit = createAuditLog({ database, plugins: { sample: samplePlugin }, nowMs: () => nowMs, limits });
    store = createEntityStore({ database, entities, logger: silentLogger(), audit });
  };
  beforeEach(() => open());
  afterEach(() => database.close());

  const consumer = (changes: object = {}) => ({
    id: randomUUID(),
    username: 'u',
    custom_id: null,
    tags: null,
    ...changes,
  });
  const put = (value: ReturnType<typeof consumer>) => store.write((writes) => writes.put('consumers', value));
  const all = () => audit.page({ size: 1000 }).items;

  it('records who created, changed and deleted what, newest first', () => {
    const value = consumer();
    actAs('somebody', () => put(value));
    nowMs += 1_500;
    put({ ...value, username: 'v' });
    store.write((writes) => writes.delete('consumers', value.id));
    const base = { entity: 'consumers', entity_id: value.id };
    expect(all()).to.deep.equal([
      {
        ...base,
        id: 3,
        at: 1001.5,
        actor: 'sluice',
        operation: 'delete',
        entity_name: 'v',
        revision: 3,
        changed: [],
        old: { ...value, username: 'v' },
        new: null,
      },
      {
        ...base,
        id: 2,
        at: 1001.5,
        actor: 'sluice',
        operation: 'update',
        entity_name: 'v',
        revision: 2,
        changed: ['username'],
        old: value,
        new: { ...value, username: 'v' },
      },
      {
        ...base,
        id: 1,
        at: 1000,
        actor: 'somebody',
        operation: 'create',
        entity_name: 'u',
        revision: 1,
        changed: [],
        old: null,
        new: value,
      },
    ]);
  });

  it('keeps the actor across asynchronous steps, apart from those of other requests', async () => {
    await Promise.all(
      ['a', 'b'].map((actor) =>
        actAs(actor, async () => {
          await new Promise(setImmediate);
          put(consumer({ username: actor }));
        }),
      ),
    );
    for (const { actor, entity_name: name } of all()) expect(actor).to.equal(name);
  });

  it('keeps nothing of a write that was rolled back, and nothing of one that changes nothing', () => {
    const value = consumer();
    put(value);
    expect(() =>
      store.write((writes) => {
        writes.put('consumers', { ...value, username: 'w' });
        throw new Error('no');
      }),
    ).to.throw('no');
    put(value);
    put({ ...value, updated_at: 5 } as typeof value);
    expect(all()).to.have.length(1);
  });

  it('masks secrets on both sides and still says that they changed', () => {
    const id = randomUUID();
    const plugin = (secret: string, name = 'sample') => ({
      id,
      name,
      instance_name: null,
      route: null,
      service: null,
      consumer: null,
      config: { topic: 't', secret },
      tags: null,
    });
    store.write((writes) => writes.put('plugins', plugin('hush-1')));
    store.write((writes) => writes.put('plugins', plugin('hush-2')));
    store.write((writes) => writes.put('plugins', plugin('hush-3', 'unknown')));
    store.write((writes) => writes.delete('plugins', id));
    expect(all().find(({ id: entry }) => entry === 2)).to.deep.include({ changed: ['config.secret'] });
    expect(JSON.stringify(all())).to.contain('******').and.not.contain('hush');
    const rows = database.prepare<[], { document: string }>('SELECT document FROM audit_objects').all();
    expect(JSON.stringify(rows)).to.not.contain('hush');
  });

  it('records what a cascade deletes', () => {
    const routeId = randomUUID();
    const route = { id: routeId, name: 'r', service: null, paths: ['/'], tags: null };
    const plugin = {
      id: randomUUID(),
      name: 'sample',
      instance_name: 'p',
      route: { id: routeId },
      service: null,
      consumer: null,
      config: {},
      tags: null,
    };
    store.write((writes) => {
      writes.put('routes', route);
      writes.put('plugins', plugin);
    });
    store.write((writes) => writes.delete('routes', routeId));
    expect(all().map(({ operation, entity_name: name }) => `${operation} ${name}`)).to.deep.equal([
      'delete r',
      'delete p',
      'create p',
      'create r',
    ]);
  });

  it('is bounded by count and by age', () => {
    open({ ...auditLimits, entriesMax: 3 });
    for (let n = 0; n < 5; n += 1) put(consumer({ username: `u${n}` }));
    expect(all().map(({ entity_name: name }) => name)).to.deep.equal(['u4', 'u3', 'u2']);
    nowMs += auditLimits.ageMsMax + 1;
    put(consumer({ username: 'late' }));
    expect(all().map(({ entity_name: name }) => name)).to.deep.equal(['late']);
  });

  it('records only that a large entity changed', () => {
    open({ ...auditLimits, entityBytesMax: 200 });
    put(consumer({ custom_id: 'x'.repeat(300) }));
    expect(all()[0]).to.include({ operation: 'create', new: null });
  });

  it('is read in pages that stay correct while changes are made', () => {
    for (let n = 0; n < 5; n += 1) put(consumer({ username: `u${n}` }));
    const first = audit.page({ size: 2 });
    put(consumer({ username: 'new' }));
    const second = audit.page({ size: 2, before: Number(first.next) });
    const third = audit.page({ size: 2, before: Number(second.next) });
    expect([first, second, third].flatMap(({ items }) => items.map(({ id }) => id))).to.deep.equal([5, 4, 3, 2, 1]);
    expect(third.next).to.equal(undefined);
  });
});
