import { readFileSync } from 'node:fs';
import { ValueError } from './setting-values.ts';

const fromFile = 'file:';
const fromVariable = 'env:';

/** Says whether the text only names the place of the secret. */
export function namesPlace(written: string): boolean {
  return written.startsWith(fromFile) || written.startsWith(fromVariable);
}

/**
 * Returns the secret itself where `file:PATH` or `env:NAME` is written: a secret on a command line is visible to every
 * user of the machine. The newline at the end of a file is none of it.
 */
export function readSecret(written: string, env: Readonly<Record<string, string | undefined>>): string {
  if (written.startsWith(fromFile)) return readFileText(written.slice(fromFile.length)).replace(/\r?\n$/, '');
  if (!written.startsWith(fromVariable)) return written;
  const name = written.slice(fromVariable.length);
  const value = env[name];
  if (value === undefined || value === '') throw new ValueError(`the variable ${name} is not set`);
  return value;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not read it',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is a file',
};

/** Reads a file that a setting names; throws a `ValueError` that says why it cannot be read. */
export function readFileText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    throw new ValueError(`the file ${path} cannot be read: ${reasons[code] ?? code}`);
  }
}
