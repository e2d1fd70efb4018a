import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { type Logger, stackOf } from '../../shared/log.ts';
import { packedBytesMax, packSnapshot, type PackedSnapshot } from '../../shared/snapshot-wire.ts';
import { findDanglingReferences } from '../../shared/snapshot.ts';
import type { ConfigReader } from '../store/config-reader.ts';
import { enabledEntities } from './enabled-entities.ts';

/** A snapshot that nodes should run. */
export interface Publication extends PackedSnapshot {
  /** The newest revision that was read when this came to be. */
  readonly revision: number;
}

export interface Publisher {
  /** The newest snapshot; undefined until the first one is made. */
  latest(): Publication | undefined;
  /** The newest revision whose snapshot is `latest()`, be it that the change altered nothing that travels. */
  revision(): number;
  /**
   * Calls the listener after each revision that was looked at; `changed` says whether `latest()` is another one now.
   * Returns the function that ends it.
   */
  onRevision(listener: (changed: boolean) => void): () => void;
  /** Ends it after the snapshot under way. */
  stop(): Promise<void>;
}

export interface PublisherOptions {
  readonly reader: ConfigReader;
  readonly entities: readonly EntityDescriptor[];
  readonly logger: Logger;
  /** The first change leaves at once, later ones at most this often. */
  readonly coalesceMs?: number;
}

/** How often a failure to make a snapshot is tried again, besides at each change. */
const retryMs = 5_000;

/** Makes a packed snapshot of each change, one at a time and only of the newest; the same hash makes no new one. */
export function startPublisher({ reader, entities, logger, coalesceMs = 100 }: PublisherOptions): Publisher {
  const listeners = new Set<(changed: boolean) => void>();
  let latest: Publication | undefined;
  let revision = -1;
  let dirty = false;
  let stopped = false;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let lastStartMs = -Infinity;

  const schedule = (waitMs: number): void => {
    if (stopped || running !== undefined || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      running = run().finally(() => {
        running = undefined;
        if (dirty) schedule(Math.max(0, lastStartMs + coalesceMs - performance.now()));
      });
    }, waitMs);
  };

  const run = async (): Promise<void> => {
    dirty = false;
    lastStartMs = performance.now();
    try {
      const publication = await readPublication(reader, entities, logger);
      // Left as it is: the fault is logged, and the next change is looked at again.
      if (publication === undefined || stopped) return;
      const changed = publication.hash !== latest?.hash;
      if (changed) {
        latest = publication;
        const { hash, entityCount, body } = publication;
        logger.info('config_published', 'A new configuration leaves for the nodes', {
          hash,
          revision: publication.revision,
          entities: entityCount,
          bytes: body.length,
        });
      }
      revision = publication.revision;
      for (const listener of listeners) listener(changed);
    } catch (error) {
      logger.error('publish_failed', 'The configuration could not be read; it is tried again', {
        error: stackOf(error),
      });
      // The finally of the caller has not run yet, so that this cannot schedule by itself.
      dirty = true;
      lastStartMs = performance.now() + retryMs - coalesceMs;
    }
  };

  const endChanges = reader.onChange(() => {
    dirty = true;
    schedule(Math.max(0, lastStartMs + coalesceMs - performance.now()));
  });
  schedule(0);

  return {
    latest: () => latest,
    revision: () => revision,
    onRevision(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async stop() {
      stopped = true;
      endChanges();
      clearTimeout(timer);
      timer = undefined;
      await running;
    },
  };
}

async function readPublication(
  reader: ConfigReader,
  descriptors: readonly EntityDescriptor[],
  logger: Logger,
): Promise<Publication | undefined> {
  const { revision, entities: all } = reader.readAll();
  const entities = enabledEntities(all, descriptors);
  const faults = findDanglingReferences(entities, descriptors);
  if (faults.length > 0) {
    logger.error('config_dangling', 'The configuration is not published: it refers to what is not there', {
      revision,
      faults: faults.slice(0, 20),
      faultCount: faults.length,
    });
    return undefined;
  }
  const packed = await packSnapshot(entities);
  if (packed.body.length > packedBytesMax) {
    logger.error('config_too_large', 'The configuration is not published: no node would take it', {
      revision,
      bytes: packed.body.length,
      bytesMax: packedBytesMax,
    });
    return undefined;
  }
  return { ...packed, revision };
}
