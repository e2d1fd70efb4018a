import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { exists } from '../../control-plane/cli/services/download.ts';
import { withLock } from '../../control-plane/cli/services/lock.ts';

const run = promisify(execFile);
const installTimeoutMs = 10 * 60_000;
const root = resolve('sluice-data', 'python');

/**
 * A folder with the Python packages (for PYTHONPATH), installed once and kept; undefined where there is no Python with
 * pip. Several processes may call this at once.
 */
export async function pythonPackages(folder: string, requirements: readonly string[]): Promise<string | undefined> {
  const target = join(root, folder);
  if (await exists(target)) return target;
  try {
    await run('python3', ['-m', 'pip', '--version']);
  } catch {
    return undefined;
  }
  await mkdir(root, { recursive: true });
  await withLock({ path: join(root, 'install.lock'), timeoutMs: installTimeoutMs }, async () => {
    if (await exists(target)) return;
    const work = join(root, `.${folder}-${randomUUID()}`);
    try {
      const args = [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--disable-pip-version-check',
        '--target',
        work,
        ...requirements,
      ];
      await run('python3', args, { timeout: installTimeoutMs });
      await rename(work, target);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });
  return target;
}
