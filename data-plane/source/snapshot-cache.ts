import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../shared/log.ts';
import { packedBytesMax, SnapshotCorruptError, unpackSnapshot, type WireSnapshot } from '../../shared/snapshot-wire.ts';
import { writeFileAtomic } from './atomic-file.ts';

export interface SnapshotCache {
  /** Loads and verifies the last good snapshot. Resolves to undefined when there is none; logs a damaged one. */
  load(): Promise<WireSnapshot | undefined>;
  /** Saves a packed snapshot. Rejects when the disk fails; the old file stays then. */
  save(hash: string, body: Uint8Array): Promise<void>;
}

export interface SnapshotCacheOptions {
  readonly dataDir: string;
  /** The 256-bit key that encrypts the file; in the clear without it. */
  readonly key?: Buffer;
  readonly logger: Logger;
}

/**
 * The first line of the file holds the format and the hash of the snapshot. In format 1 the packed snapshot follows. In
 * format 2 a nonce, the tag and the encrypted snapshot follow: AES-256-GCM with the line as additional data.
 */
const headerPattern = /^sluice-snapshot ([12]) ([0-9a-f]{64})\n/;
const headerBytes = 'sluice-snapshot 1 '.length + 64 + 1;
const cipherName = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

/** Makes the cache in the node's data folder. The file has mode 0600, because the configuration holds secrets. */
export function createSnapshotCache({ dataDir, key, logger }: SnapshotCacheOptions): SnapshotCache {
  const path = join(dataDir, 'snapshot.cache');

  const save = (hash: string, body: Uint8Array): Promise<void> => {
    const header = Buffer.from(`sluice-snapshot ${key === undefined ? 1 : 2} ${hash}\n`, 'latin1');
    return writeFileAtomic(path, [header, ...(key === undefined ? [body] : seal(key, header, body))]);
  };

  return {
    async load() {
      try {
        const file = await readFile(path);
        await chmod(path, 0o600);
        const [, format, hash] = headerPattern.exec(file.toString('latin1', 0, headerBytes)) ?? [];
        if (hash === undefined) throw new SnapshotCorruptError('the file has no header of this format');
        if (file.length > headerBytes + nonceBytes + tagBytes + packedBytesMax) {
          throw new SnapshotCorruptError('the file is too large');
        }
        const header = file.subarray(0, headerBytes);
        const rest = file.subarray(headerBytes);
        const body = format === '2' ? unseal(key, header, rest) : rest;
        const snapshot = await unpackSnapshot(hash, body);
        // The file was written before the node had a key and would stay in the clear until the next change.
        if (format === '1' && key !== undefined) await save(hash, body);
        return snapshot;
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

function seal(key: Buffer, header: Buffer, body: Uint8Array): Buffer[] {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(cipherName, key, nonce).setAAD(header);
  const sealed = [cipher.update(body), cipher.final()];
  return [nonce, cipher.getAuthTag(), ...sealed];
}

function unseal(key: Buffer | undefined, header: Buffer, rest: Buffer): Buffer {
  if (key === undefined) throw new SnapshotCorruptError('the file is encrypted and the node has no cluster_cert_key');
  try {
    const decipher = createDecipheriv(cipherName, key, rest.subarray(0, nonceBytes), { authTagLength: tagBytes })
      .setAAD(header)
      .setAuthTag(rest.subarray(nonceBytes, nonceBytes + tagBytes));
    return Buffer.concat([decipher.update(rest.subarray(nonceBytes + tagBytes)), decipher.final()]);
  } catch (error) {
    throw new SnapshotCorruptError('it cannot be decrypted; was it written with another cluster key?', {
      cause: error,
    });
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
