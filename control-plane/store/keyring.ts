import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';

/** One key of the ring. Only it opens what it sealed. */
export interface KeyringKey {
  /** Tells keys apart and reveals nothing of them: 16 hex digits. */
  readonly id: string;
  /** Seals a text with AES-256-GCM. It opens only with the same `context`. */
  seal(plain: string, context: string): Buffer;
  /** Throws when the bytes were sealed by another key, in another context, or were changed. */
  open(sealed: Buffer, context: string): string;
  /** Returns the same text for the same value, without revealing it: columns hold it to keep values unique. */
  digest(value: string, context: string): string;
}

/** At least one key. The first writes, all read. */
export type Keyring = readonly [KeyringKey, ...KeyringKey[]];

const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const cipherName = 'aes-256-gcm';
const fromEnvironment = 'env:';
const fromFile = 'file:';
const readableByOthers = 0o004;

/**
 * Reads the setting `keyring`: a file (`PATH` or `file:PATH`) with one base64 256-bit key a line, or `env:NAME` for a variable with such lines
 * (or commas between them). Empty lines and those that begin with # do not count. Throws an Error that quotes no key.
 */
export function readKeyring(setting: string, env: Readonly<Record<string, string | undefined>>): Keyring {
  return parseKeyring(readKeyringLines(setting, env));
}

/** Reads the keys in the lines of a keyring. Throws an Error that quotes no key. */
export function parseKeyring(lines: readonly string[]): Keyring {
  const keys: KeyringKey[] = [];
  for (const [index, line] of lines.entries()) {
    const text = line.trim();
    if (text === '' || text.startsWith('#')) continue;
    const bytes = Buffer.from(text, 'base64');
    if (!/^[A-Za-z0-9+/_-]+=?$/.test(text) || bytes.length !== keyBytes) {
      throw new Error(`keyring: line ${index + 1} is not a base64 256-bit key (openssl rand -base64 32 makes one)`);
    }
    const key = createKey(bytes);
    if (keys.some(({ id }) => id === key.id)) throw new Error(`keyring: line ${index + 1} repeats a key`);
    keys.push(key);
  }
  const [first, ...others] = keys;
  if (first === undefined) throw new Error('keyring: it holds no key (openssl rand -base64 32 makes one)');
  return [first, ...others];
}

/** Returns the lines of the setting `keyring`, not parsed yet. */
export function readKeyringLines(setting: string, env: Readonly<Record<string, string | undefined>>): string[] {
  if (setting.startsWith(fromEnvironment)) {
    const name = setting.slice(fromEnvironment.length);
    const value = env[name];
    if (value === undefined) throw new Error(`keyring: the variable ${name} is not set`);
    return value.split(/[\n,]/);
  }
  const path = setting.startsWith(fromFile) ? setting.slice(fromFile.length) : setting;
  try {
    const lines = readFileSync(path, 'utf8').split('\n');
    checkMode(path);
    return lines;
  } catch (error) {
    if (error instanceof OpenKeyringError) throw error;
    throw new Error(`keyring: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

class OpenKeyringError extends Error {}

/** Refuses a file that every user may read. Its group may: Kubernetes mounts secrets so for a pod's group. */
function checkMode(path: string): void {
  const mode = statSync(path).mode & 0o777;
  if ((mode & readableByOthers) === 0) return;
  throw new OpenKeyringError(
    `keyring: every user of this machine can read the file (mode ${mode.toString(8)}); run chmod 600 ${path}`,
  );
}

/** Derives a key for each use, so that none reveals another. */
function createKey(bytes: Buffer): KeyringKey {
  const derive = (use: string) => Buffer.from(hkdfSync('sha256', bytes, '', `sluice ${use}`, keyBytes));
  const sealing = derive('secrets at rest');
  const indexing = derive('unique secrets');
  const id = createHash('sha256').update(derive('key id')).digest('hex').slice(0, 16);
  return {
    id,
    seal(plain, context) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(cipherName, sealing, nonce).setAAD(Buffer.from(context));
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), body]);
    },
    open(sealed, context) {
      const decipher = createDecipheriv(cipherName, sealing, sealed.subarray(0, nonceBytes), {
        authTagLength: tagBytes,
      })
        .setAAD(Buffer.from(context))
        .setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes));
      const body = sealed.subarray(nonceBytes + tagBytes);
      return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8');
    },
    digest: (value, context) => createHmac('sha256', indexing).update(`${context}\0${value}`).digest('hex'),
  };
}
