import { expect } from 'chai';
import { startExpiry } from '../../control-plane/expire-entities.ts';
import { WriteHold } from '../../control-plane/store/write-hold.ts';
import { createAuditLog } from '../../control-plane/store/audit-log.ts';
import { openDatabase } from '../../control-plane/store/database.ts';
import { createEntityStore } from '../../control-plane/store/entity-store.ts';
import { entities } from '../../shared/entities/entities.ts';
import { createLogger, silentLogger } from '../../shared/log.ts';
import { waitFor } from '../helpers/wait-for.ts';

const consumer = { id: '00000000-0000-4000-8000-000000000001', username: 'u', custom_id: null };
const credential = (n: number, expiresAt: number | null) => ({
  id: `00000000-0000-4000-8000-0000000000${n}`,
  key: `k${n}`,
  consumer: { id: consumer.id },
  expires_at: expiresAt,
  tags: ['t'],
});

describe('the expiry of entities', () => {
  it('deletes them as a change that is sent to nodes, and goes on after a fault', async () => {
    const database = openDatabase({ path: ':memory:' });
    const audit = createAuditLog({ database, plugins: {} });
    const store = createEntityStore({ database, entities, logger: silentLogger(), audit });
    const now = Math.floor(Date.now() / 1000);
    store.write((writes) => {
      writes.put('consumers', consumer);
      writes.put('keyauth_credentials', credential(10, now + 1));
      writes.put('keyauth_credentials', credential(11, now + 3_600));
      writes.put('keyauth_credentials', credential(12, null));
    });
    const deleted: string[] = [];
    store.onChange((_revision, changes) => {
      for (const { id, entity } of changes ?? []) if (entity === undefined) deleted.push(id);
    });
    const lines: string[] = [];
    let failures = 1;
    const hold = new WriteHold();
    let release: () => void = () => undefined;
    hold.hold(new Promise<void>((resolve) => (release = resolve)));
    let writes = 0;
    const stop = startExpiry({
      hold,
      store: {
        ...store,
        write(work) {
          writes += 1;
          if (failures-- > 0) throw new Error('the disk is full');
          return store.write(work);
        },
      },
      logger: createLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) }),
      everyMs: 20,
    });
    // Nothing is due yet, and then another thread writes.
    await waitFor(() => store.hasExpired(), { what: 'a credential that has expired' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(writes).to.equal(0);
    // No list shows it any more.
    const tagged = store.tags({ size: 10, tag: 't' }).items.map(({ entity_id: id }) => id);
    expect(tagged).to.deep.equal([credential(11, null).id, credential(12, null).id]);
    release();
    await waitFor(() => deleted.length > 0, { what: 'the deletion' });
    stop();
    expect(deleted).to.deep.equal([credential(10, null).id]);
    expect(store.referring('keyauth_credentials', 'consumer', [consumer.id])).to.have.length(2);
    expect(lines.join('')).to.contain('the disk is full');
    const [entry] = audit.page({ size: 1 }).items;
    expect(entry).to.deep.include({
      operation: 'delete',
      actor: 'sluice',
      entity_id: credential(10, null).id,
      new: null,
    });
    expect(entry?.old).to.include({ id: credential(10, null).id, key: '******' });
    const { revision } = store.write((writes) => writes.purgeExpired());
    expect(revision).to.equal(store.revision());
    database.close();
  });
});
