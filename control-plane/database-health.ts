import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';

export interface DatabaseHealthOptions {
  /** The database file. */
  readonly path: string;
  /** Reads something small; throws when the database cannot be read. */
  readonly read: () => unknown;
  /** Says why the last write of node records failed; undefined when it did not. */
  readonly writeFault: () => string | undefined;
}

/** Less free space than this cannot take a write of the Admin API, in bytes. */
const freeBytesMin = 8 * 1024 * 1024;

/** Returns sentences about what fails in the database or on its disk; none when all is well. */
export function databaseProblems({ path, read, writeFault }: DatabaseHealthOptions): string[] {
  const problems: string[] = [];
  try {
    read();
  } catch (error) {
    problems.push(`the database cannot be read: ${messageOf(error)}`);
  }
  const fault = writeFault();
  if (fault !== undefined) problems.push(`the database cannot be written: ${fault}`);
  const freeBytes = freeBytesOf(path);
  if (freeBytes !== undefined && freeBytes < freeBytesMin)
    problems.push(`the disk of the database has ${freeBytes} bytes left`);
  return problems;
}

/** Returns undefined where the system does not say, and for a database in memory. */
function freeBytesOf(path: string): number | undefined {
  if (path === ':memory:') return undefined;
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
