import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

const pollMs = 100;

export interface LockOptions {
  /** The lock file. Its content is the holder's process id. */
  readonly path: string;
  /** How long to wait for a living holder. */
  readonly timeoutMs: number;
}

/**
 * Runs the work while this process alone holds the lock file; a lock whose holder no longer lives is taken over.
 * Node offers no flock, hence a file made exclusively.
 */
export async function withLock<T>({ path, timeoutMs }: LockOptions, work: () => Promise<T>): Promise<T> {
  await acquire(path, timeoutMs);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function acquire(path: string, timeoutMs: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    if (await tryCreate(path)) return;
    const holder = await readHolder(path);
    if (holder === undefined) continue;
    if (!processExists(holder)) {
      await removeStale(path, holder);
      continue;
    }
    if (Date.now() > deadline) throw new Error(`Process ${holder} holds ${path} for longer than ${timeoutMs} ms.`);
    await delay(pollMs);
  }
}

/** A finished file is linked into place, so that nobody ever reads a lock without its holder. */
async function tryCreate(path: string): Promise<boolean> {
  const candidate = `${path}.${randomUUID()}`;
  await writeFile(candidate, String(process.pid));
  try {
    await link(candidate, path);
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(candidate, { force: true });
  }
}

async function readHolder(path: string): Promise<number | undefined> {
  try {
    return Number(await readFile(path, 'utf8'));
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Moves the lock aside before it is removed: if another process took it over meanwhile, its lock is put back. */
async function removeStale(path: string, holder: number): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return;
    throw error;
  }
  if ((await readHolder(aside)) !== holder) await link(aside, path);
  await rm(aside, { force: true });
}

function processExists(pid: number): boolean {
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, 'EPERM');
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
