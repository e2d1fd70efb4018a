import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { chmod, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../shared/log.ts';
import { packedBytesMax, SnapshotCorruptError, unpackSnapshot, type WireSnapshot } from '../../shared/snapshot-wire.ts';
import { writeFileAtomic } from './atomic-file.ts';

/** The database that a configuration comes from. */
export interface DatabaseMark {
  /** Its identity, a UUID. */
  readonly id: string;
  readonly revision: number;
}

export interface CachedSnapshot {
  readonly wire: WireSnapshot;
  /** Undefined in files of older versions, and when the control plane has no identity. */
  readonly database: DatabaseMark | undefined;
}

export interface SnapshotCache {
  /** Loads and verifies the last good snapshot. Resolves to undefined when there is none; logs a damaged one. */
  load(): Promise<CachedSnapshot | undefined>;
  /** Saves a packed snapshot. Rejects when the disk fails; the old file stays then. */
  save(snapshot: PackedSnapshot): Promise<void>;
}

interface PackedSnapshot {
  readonly hash: string;
  readonly database: DatabaseMark | undefined;
  readonly body: Uint8Array;
}

export interface SnapshotCacheOptions {
  readonly dataDir: string;
  /** 256-bit keys: the first encrypts the file, all decrypt it. In the clear without one. */
  readonly keys?: readonly Buffer[];
  readonly logger: Logger;
}

/**
 * The first line of the file holds the format and the hash of the snapshot, in formats 3 and 4 also the identity and the
 * revision of the database. In formats 1 and 3 the packed snapshot follows. In formats 2 and 4 a nonce, the tag and the
 * encrypted snapshot follow: AES-256-GCM with the line as additional data.
 */
const headerPattern =
  /^sluice-snapshot (?:([12]) ([0-9a-f]{64})|([34]) ([0-9a-f]{64}) ([0-9a-f-]{36}) ([0-9]{1,16}))\n/;
const headerBytesMax = 160;
const cipherName = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

/** Makes the cache in the node's data folder. The file has mode 0600, because the configuration holds secrets. */
export function createSnapshotCache({ dataDir, keys = [], logger }: SnapshotCacheOptions): SnapshotCache {
  const path = join(dataDir, 'snapshot.cache');
  const [key] = keys;

  const save = (snapshot: PackedSnapshot): Promise<void> => {
    const header = Buffer.from(headerOf(snapshot, key !== undefined), 'latin1');
    const { body } = snapshot;
    return writeFileAtomic(path, [header, ...(key === undefined ? [body] : seal(key, header, body))]);
  };

  return {
    async load() {
      try {
        if ((await stat(path)).size > headerBytesMax + nonceBytes + tagBytes + packedBytesMax)
          throw new SnapshotCorruptError('the file is too large');
        const file = await readFile(path);
        await chmod(path, 0o600);
        const { header, isSealed, hash, database } = readHeader(file);
        const rest = file.subarray(header.length);
        const opened = isSealed ? unseal(keys, header, rest) : { body: rest, key: undefined };
        const wire = await unpackSnapshot(hash, opened.body);
        // The file was written before the node had this key, and would stay as it is until the next change.
        if (opened.key !== key) await save({ hash, database, body: opened.body });
        return { wire, database };
      } catch (error) {
        if (isMissing(error)) return undefined;
        // The next good snapshot from the control plane replaces the file, whatever is wrong with it.
        logger.error('cache_unusable', 'The cached configuration is not used', {
          path,
          error: error instanceof Error ? error.message : String(error),
        });
        return undefined;
      }
    },
    save,
  };
}

function headerOf({ hash, database }: PackedSnapshot, isSealed: boolean): string {
  if (database === undefined) return `sluice-snapshot ${isSealed ? 2 : 1} ${hash}\n`;
  return `sluice-snapshot ${isSealed ? 4 : 3} ${hash} ${database.id} ${database.revision}\n`;
}

interface Header {
  readonly header: Buffer;
  readonly isSealed: boolean;
  readonly hash: string;
  readonly database: DatabaseMark | undefined;
}

function readHeader(file: Buffer): Header {
  const match = headerPattern.exec(file.toString('latin1', 0, headerBytesMax));
  if (match === null) throw new SnapshotCorruptError('the file has no header of a known format');
  const [line, shortFormat, shortHash, longFormat, longHash, id, revision] = match;
  const database = id === undefined ? undefined : { id, revision: Number(revision) };
  const isSealed = shortFormat === '2' || longFormat === '4';
  return { header: file.subarray(0, line.length), isSealed, hash: shortHash ?? longHash ?? '', database };
}

function seal(key: Buffer, header: Buffer, body: Uint8Array): Buffer[] {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(cipherName, key, nonce).setAAD(header);
  const sealed = [cipher.update(body), cipher.final()];
  return [nonce, cipher.getAuthTag(), ...sealed];
}

function unseal(keys: readonly Buffer[], header: Buffer, rest: Buffer): { body: Buffer; key: Buffer } {
  if (keys.length === 0) throw new SnapshotCorruptError('the file is encrypted and the node has no cluster_cert_key');
  let cause: unknown;
  for (const key of keys) {
    try {
      const decipher = createDecipheriv(cipherName, key, rest.subarray(0, nonceBytes), { authTagLength: tagBytes })
        .setAAD(header)
        .setAuthTag(rest.subarray(nonceBytes, nonceBytes + tagBytes));
      return { body: Buffer.concat([decipher.update(rest.subarray(nonceBytes + tagBytes)), decipher.final()]), key };
    } catch (error) {
      cause = error;
    }
  }
  throw new SnapshotCorruptError('it cannot be decrypted; was it written with another cluster key?', { cause });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
