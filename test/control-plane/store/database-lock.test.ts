import { expect } from 'chai';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockDatabase } from '../../../control-plane/store/database-lock.ts';
import { openDatabase } from '../../../control-plane/store/database.ts';
import { runControlPlane, runSluice } from '../../helpers/sluice-process.ts';
import { tempFolder, type TempFolder } from '../../helpers/temp-folder.ts';

describe('the lock of a database', () => {
  let folder: TempFolder;
  beforeEach(async () => {
    folder = await tempFolder();
  });
  afterEach(() => folder.remove());

  it('is held by one, names its owner to the next, and can be taken again after its release', () => {
    const path = join(folder.path, 'a', 'control-plane.db');
    const release = lockDatabase(path);
    expect(() => lockDatabase(path)).to.throw(`in use by another control plane (process ${process.pid} on`);
    release();
    lockDatabase(path)();
  });

  it('is one for all links to a file', () => {
    mkdirSync(join(folder.path, 'links'));
    const path = join(folder.path, 'control-plane.db');
    openDatabase({ path }).close();
    const release = lockDatabase(path);
    const link = join(folder.path, 'links', 'control-plane.db');
    symlinkSync(path, link);
    expect(() => lockDatabase(link)).to.throw('in use by another control plane');
    release();
  });

  it('leaves the database itself to others, and is private', () => {
    const path = join(folder.path, 'control-plane.db');
    const release = lockDatabase(path);
    const database = openDatabase({ path });
    database.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)');
    database.close();
    expect(statSync(`${path}.lock`).mode & 0o777).to.equal(0o600);
    release();
  });

  it('leaves no file beside a path that is no database', async () => {
    const text = join(folder.path, 'notes.txt');
    writeFileSync(text, 'no database');
    mkdirSync(join(folder.path, 'folder'));
    for (const path of [text, join(folder.path, 'folder')]) {
      const run = runSluice([
        'start',
        '--role=control_plane',
        `--database=${path}`,
        '--admin-listen=off',
        '--cluster-listen=off',
        '--status-listen=off',
        '--log-format=json',
      ]);
      expect(await run.exited, path).to.equal(1);
    }
    expect(readdirSync(folder.path).toSorted()).to.deep.equal(['folder', 'notes.txt']);
    expect(readFileSync(text, 'utf8')).to.equal('no database');
  });

  it('does not hold databases in memory apart', () => {
    lockDatabase(':memory:')();
    const release = lockDatabase(':memory:');
    lockDatabase(':memory:')();
    release();
  });

  it('refuses a second control plane, by name, until the first is killed', async () => {
    const first = await runControlPlane({ folder: folder.path });
    try {
      const second = runSluice([
        'start',
        '--role=control_plane',
        `--database=${folder.path}/control-plane.db`,
        '--admin-listen=off',
        '--cluster-listen=off',
        '--status-listen=off',
        '--log-format=json',
      ]);
      expect(await second.exited).to.equal(1);
      expect(second.output()).to.contain(`in use by another control plane (process ${first.pid} on`);
    } finally {
      first.kill('SIGKILL');
      await first.exited;
    }
    const third = await runControlPlane({ folder: folder.path });
    expect(await third.stop()).to.equal(0);
  });
});
