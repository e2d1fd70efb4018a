import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../shared/log.ts';
import { packedBytesMax, SnapshotCorruptError, unpackSnapshot, type WireSnapshot } from '../../shared/snapshot-wire.ts';
import { writeFileAtomic } from './atomic-file.ts';

export interface SnapshotCache {
  /** The last good snapshot, verified; undefined when there is none or it is damaged, which is logged. */
  load(): Promise<WireSnapshot | undefined>;
  /** Keeps a snapshot as it came over the wire. Rejects when the disk does not take it; the old one stays then. */
  save(hash: string, body: Uint8Array): Promise<void>;
}

export interface SnapshotCacheOptions {
  readonly dataDir: string;
  readonly logger: Logger;
}

/** First line of the file; the packed snapshot follows. The number is that of the format. */
const headerPattern = /^sluice-snapshot 1 ([0-9a-f]{64})\n/;
const headerBytes = 'sluice-snapshot 1 '.length + 64 + 1;

/** The file holds secrets of the configuration: mode 0600, in the node's data folder. */
export function createSnapshotCache({ dataDir, logger }: SnapshotCacheOptions): SnapshotCache {
  const path = join(dataDir, 'snapshot.cache');
  return {
    async load() {
      try {
        const file = await readFile(path);
        await chmod(path, 0o600);
        const hash = headerPattern.exec(file.toString('latin1', 0, headerBytes))?.[1];
        if (hash === undefined) throw new SnapshotCorruptError('the file has no header of this format');
        if (file.length > headerBytes + packedBytesMax) throw new SnapshotCorruptError('the file is too large');
        return await unpackSnapshot(hash, file.subarray(headerBytes));
      } catch (error) {
        if (isMissing(error)) return undefined;
        // Whatever is wrong with the file, the control plane has the truth: it is replaced by the next good snapshot.
        logger.error('cache_unusable', 'The cached configuration is not used', {
          path,
          error: error instanceof Error ? error.message : String(error),
        });
        return undefined;
      }
    },
    save: (hash, body) => writeFileAtomic(path, [Buffer.from(`sluice-snapshot 1 ${hash}\n`, 'latin1'), body]),
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
