import { rename, rm, symlink, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { watchFile } from '../../../data-plane/source/watch-file.ts';
import { tempFolder, type TempFolder } from '../../helpers/temp-folder.ts';
import { waitFor } from '../../helpers/wait-for.ts';

const lookMs = 20;

describe('a watched file', () => {
  let folder: TempFolder;
  let end: (() => Promise<void>) | undefined;
  let calls: number;
  let isTaken: boolean;
  beforeEach(async () => {
    folder = await tempFolder();
    calls = 0;
    isTaken = true;
  });
  afterEach(async () => {
    await end?.();
    await folder.remove();
  });

  function watch(path: string): void {
    end = watchFile({
      path,
      lookMs,
      changed: async () => {
        calls += 1;
        return isTaken;
      },
    });
  }

  const called = (times: number) => waitFor(() => calls === times, { what: `${times} calls`, pollMs: 5 });

  it('is reported once when it changes, is replaced, or is created again', async () => {
    const path = `${folder.path}/file`;
    await writeFile(path, 'a');
    watch(path);
    await writeFile(path, 'longer');
    await called(1);
    await writeFile(`${path}.new`, 'other!');
    await rename(`${path}.new`, path);
    await called(2);
    await rm(path);
    await writeFile(path, 'back');
    await called(3);
  });

  it('is reported when a link on its path is replaced, as in a mounted ConfigMap', async () => {
    const path = `${folder.path}/file`;
    await writeFile(`${folder.path}/one`, '1');
    await writeFile(`${folder.path}/two`, '2');
    await symlink(`${folder.path}/one`, path);
    watch(path);
    await symlink(`${folder.path}/two`, `${path}.new`);
    await rename(`${path}.new`, path);
    await called(1);
  });

  it('is reported again until the change is handled', async () => {
    const path = `${folder.path}/file`;
    await writeFile(path, 'a');
    isTaken = false;
    watch(path);
    await writeFile(path, 'longer');
    await waitFor(() => calls >= 3, { what: 'further calls', pollMs: 5 });
    isTaken = true;
    const after = calls + 1;
    await waitFor(() => calls >= after, { what: 'the last call', pollMs: 5 });
    const last = calls;
    await writeFile(path, 'and longer');
    await called(last + 1);
  });

  it('is no longer checked once the watch has ended', async () => {
    const path = `${folder.path}/file`;
    await writeFile(path, 'a');
    watch(path);
    await end?.();
    await writeFile(path, 'longer');
    await new Promise((resolve) => setTimeout(resolve, 4 * lookMs));
    expect(calls).to.equal(0);
  });
});
