import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';

/** The name that stands for standard input. */
export const standardInput = '-';

/** Reads a file, or standard input for `-`. Tells on standard error why it cannot be read; undefined then. */
export async function readInput(file: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return new Uint8Array(file === standardInput ? await buffer(process.stdin) : await readFile(file));
  } catch (error) {
    console.error(`${file}: ${readFault(error)}`);
    return undefined;
  }
}

function readFault(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such file; `-` reads standard input';
  if (code === 'EISDIR') return 'it is a folder: name the files in it';
  if (code === 'EACCES') return 'it may not be read by this user';
  return error instanceof Error ? error.message : String(error);
}
