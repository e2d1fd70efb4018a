import { hash, randomBytes, scrypt, scryptSync } from 'node:crypto';
import { isDigestMask } from '../schema/mask.ts';

/** scrypt (RFC 7914): some 40 ms and 16 MiB a password. */
const cost = { N: 16_384, r: 8, p: 1 } as const;
const saltBytes = 16;
const hashBytes = 32;

/** The form of hashes, as the PHC string format writes it: `$scrypt$ln=14,r=8,p=1$<salt>$<hash>`. */
const prefix = '$scrypt$';
const parameters = 'ln=14,r=8,p=1';
const form = /^\$scrypt\$ln=14,r=8,p=1\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$/;
/** Kong stores SHA-1 over the consumer's id and the password. */
const hashOfKong = /^[0-9a-f]{40}$/;

export interface PasswordHash {
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** Reads a stored hash; undefined where the text is none. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const [, salt, digest] = form.exec(text) ?? [];
  if (salt === undefined || digest === undefined) return undefined;
  return { salt: Buffer.from(salt, 'base64'), hash: Buffer.from(digest, 'base64') };
}

/** Returns why a text cannot be written as a password; it quotes nothing of the text. */
export function checkPassword(text: string): string | undefined {
  if (hashOfKong.test(text)) {
    return 'this looks like a hash of Kong (40 hexadecimal digits), with which no password can be checked; write the password itself';
  }
  if (!text.startsWith(prefix) || parsePasswordHash(text) !== undefined) return undefined;
  return `this is not a hash that Sluice wrote (${prefix}${parameters}$…); write the password itself`;
}

/** Returns whether a value is a password in clear text that may be written. */
export function isClearPassword(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    !isDigestMask(value) &&
    checkPassword(value) === undefined &&
    parsePasswordHash(value) === undefined
  );
}

/** Returns the key that scrypt derives, off the main thread. */
export function derive(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hashBytes, cost, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

/** Hashes a password off the main thread. With the salt of a known hash, the same password has the same hash. */
export async function hashPassword(password: string, known: unknown): Promise<string> {
  const salt = (typeof known === 'string' ? parsePasswordHash(known)?.salt : undefined) ?? randomBytes(saltBytes);
  return textOf(salt, await derive(password, salt));
}

/**
 * Hashes the password of an entity in a document, on this thread. The salt follows from the id, so that equal documents
 * have equal hashes on every node.
 */
export function hashDocumentPassword(password: string, id: string): string {
  const salt = hash('sha256', `basic-auth ${id}`, 'buffer').subarray(0, saltBytes);
  return textOf(salt, scryptSync(password, salt, hashBytes, cost));
}

function textOf(salt: Buffer, key: Buffer): string {
  return `${prefix}${parameters}$${base64(salt)}$${base64(key)}`;
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
