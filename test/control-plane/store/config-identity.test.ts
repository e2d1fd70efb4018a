import { expect } from 'chai';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { configIdentity } from '../../../control-plane/store/config-identity.ts';
import { openDatabase, type DatabaseOptions } from '../../../control-plane/store/database.ts';
import { migrations } from '../../../control-plane/store/migrations.ts';
import { isUuid } from '../../../shared/uuid.ts';
import { tempFolder, type TempFolder } from '../../helpers/temp-folder.ts';

function identityOf(options: DatabaseOptions): string {
  const database = openDatabase(options);
  try {
    return configIdentity(database);
  } finally {
    database.close();
  }
}

describe('the identity of a configuration', () => {
  let folder: TempFolder;
  before(async () => {
    folder = await tempFolder();
  });
  after(() => folder.remove());

  it('is made with a database, is a UUID, and lasts', () => {
    const path = join(folder.path, 'new.db');
    const identity = identityOf({ path });
    expect(isUuid(identity), identity).to.equal(true);
    expect(identityOf({ path })).to.equal(identity);
    expect(identityOf({ path: join(folder.path, 'other.db') })).not.to.equal(identity);
  });

  it('is given to a database of an older version by a migration', () => {
    const path = join(folder.path, 'old.db');
    openDatabase({ path, migrations: migrations.slice(0, 4) }).close();
    const identity = identityOf({ path });
    expect(isUuid(identity), identity).to.equal(true);
    expect(identityOf({ path })).to.equal(identity);
  });

  it('is that of the original in a copy', () => {
    const path = join(folder.path, 'original.db');
    const identity = identityOf({ path });
    const copy = join(folder.path, 'copy.db');
    copyFileSync(path, copy);
    expect(identityOf({ path: copy })).to.equal(identity);
  });

  it('is an error where a database has none', () => {
    const path = join(folder.path, 'without.db');
    const database = openDatabase({ path, migrations: migrations.slice(0, 4) });
    expect(() => configIdentity(database)).to.throw('has no identity');
    database.close();
  });
});
