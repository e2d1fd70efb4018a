import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { exists } from '../../control-plane/cli/services/download.ts';
import { withLock } from '../../control-plane/cli/services/lock.ts';

const run = promisify(execFile);
const installTimeoutMs = 10 * 60_000;
const root = resolve('sluice-data', 'python');

/**
 * Returns a folder with the Python packages (for PYTHONPATH), installed once and kept; undefined where there is no Python
 * with pip. Several processes may call this at once.
 */
export function pythonPackages(folder: string, requirements: readonly string[]): Promise<string | undefined> {
  return filledFolder(folder, (work) => pip('install', '--target', work, ...requirements));
}

/** Likewise returns a folder with the unpacked source of one Python package, which holds more than what is installed. */
export function pythonSource(folder: string, requirement: string): Promise<string | undefined> {
  return filledFolder(folder, async (work) => {
    const archives = join(work, '.archives');
    await pip('download', '--no-deps', '--no-binary', ':all:', '--dest', archives, requirement);
    for (const archive of await readdir(archives)) {
      await run('tar', ['-xzf', join(archives, archive), '-C', work, '--strip-components', '1']);
    }
    await rm(archives, { recursive: true });
  });
}

async function filledFolder(folder: string, fill: (work: string) => Promise<unknown>): Promise<string | undefined> {
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
      await mkdir(work);
      await fill(work);
      await rename(work, target);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });
  return target;
}

async function pip(command: string, ...args: readonly string[]): Promise<void> {
  const all = ['-m', 'pip', command, '--quiet', '--disable-pip-version-check', ...args];
  await run('python3', all, { timeout: installTimeoutMs });
}
