import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Apply, EntityFault } from '../../shared/config-source.ts';
import type { ChangeSummary } from '../../shared/declarative/change-summary.ts';
import { documentErrors, type DocumentErrors } from '../../shared/declarative/document-errors.ts';
import type { DocumentItem } from '../../shared/declarative/document-item.ts';
import { readDocument, type DocumentConfig } from '../../shared/declarative/read-document.ts';
import { entities } from '../../shared/entities/entities.ts';
import type { Logger } from '../../shared/log.ts';
import { pluginSchemas } from '../../shared/plugin-schemas/plugin-schemas.ts';
import { unpackSnapshot, type WireSnapshot } from '../../shared/snapshot-wire.ts';
import type { Snapshot, SnapshotEntities } from '../../shared/snapshot.ts';
import type { NodeSource } from './node-source.ts';
import { watchFile } from './watch-file.ts';

/** Where a declarative document in YAML or JSON stands. */
export type DocumentPlace =
  | {
      readonly kind: 'file';
      readonly path: string;
      /** Loads the file again when it changes. */ readonly watch: boolean;
    }
  | { readonly kind: 'text'; readonly text: string };

export interface FileSourceOptions {
  readonly place: DocumentPlace;
  readonly logger: Logger;
  /** The key of the masks that a dry run may hold instead of secrets; without it masks are refused there too. */
  readonly maskKey?: Uint8Array;
}

/** The running configuration of a node that was loaded from a document. */
export interface LoadedConfig {
  readonly etag: string;
  /** The hash of the snapshot that the node runs. */
  readonly hash: string;
  /** All entities, disabled ones included; each list ordered by id. */
  readonly entities: SnapshotEntities;
}

export interface FileLoadRequest {
  /** The caller gives the bytes away: they may move to another thread. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly json: boolean;
  readonly dryRun: boolean;
  /** The load happens only while this configuration runs. */
  readonly expectedEtag?: string;
}

export type FileLoad =
  | { readonly kind: 'loaded'; readonly summary: ChangeSummary; readonly etag: string }
  | { readonly kind: 'faults'; readonly errors: DocumentErrors }
  | { readonly kind: 'changed' }
  | { readonly kind: 'busy' };

export interface FileSource extends NodeSource {
  /** Returns the running configuration; undefined before the start. */
  current(): LoadedConfig | undefined;
  /** Replaces the configuration by another document, whole or not at all. */
  load(request: FileLoadRequest): Promise<FileLoad>;
}

/** Makes the source of a node without a database. Its start logs every fault of the file and rejects if there is any. */
export function createFileSource({ place, logger, maskKey }: FileSourceOptions): FileSource {
  let running: Promise<FileLoad> | undefined;
  let started: Promise<void> | undefined;
  let applyOf: Apply | undefined;
  let document: DocumentConfig | undefined;
  let current: LoadedConfig | undefined;
  let loadedAtMs: number | undefined;
  let endWatch: (() => Promise<void>) | undefined;
  const reloading = createReload({ place, logger, load, hashOf: () => current?.hash });

  async function loadNow(apply: Apply, { bytes, json, dryRun }: FileLoadRequest): Promise<FileLoad> {
    const read = await readDocument({
      bytes,
      json,
      ...(document !== undefined && { previous: document }),
      ...(dryRun && maskKey !== undefined && { maskKey }),
    });
    if (read.kind === 'faults') return read;
    const { config, summary } = read;
    const { snapshot } = await unpackSnapshot(config.hash, config.body);
    const result = await apply(snapshot, { dryRun });
    if (result.kind === 'rejected') return { kind: 'faults', errors: runtimeErrors(result.faults, snapshot) };
    if (dryRun) return { kind: 'loaded', summary, etag: current?.etag ?? '' };
    document = config;
    current = { etag: config.etag, hash: config.hash, entities: merged(snapshot.entities, config.disabled) };
    loadedAtMs = Date.now();
    return { kind: 'loaded', summary, etag: config.etag };
  }

  async function start(apply: Apply): Promise<void> {
    applyOf = apply;
    const result = await loadNow(apply, { bytes: await bytesOf(place), json: false, dryRun: false });
    if (result.kind === 'faults') {
      logFaults(logger, nameOf(place), result.errors);
      const count = result.errors.lines.length;
      throw new Error(
        `${settingOf(place)}: it has ${count} ${count === 1 ? 'fault' : 'faults'}: ${result.errors.message}`,
      );
    }
    if (place.kind === 'file' && place.watch)
      endWatch = watchFile({ path: place.path, changed: () => reloading.reload() });
  }

  async function load(request: FileLoadRequest): Promise<FileLoad> {
    if (running !== undefined || applyOf === undefined || current === undefined) return { kind: 'busy' };
    if (request.expectedEtag !== undefined && request.expectedEtag !== current.etag) return { kind: 'changed' };
    running = loadNow(applyOf, request).finally(() => (running = undefined));
    return running;
  }

  return {
    nodeId: randomUUID(),
    start: (apply) => (started ??= start(apply)),
    async stop() {
      applyOf = undefined;
      await Promise.allSettled([started, running]);
      await endWatch?.();
    },
    current: () => current,
    describe: () => ({
      declarative_config: {
        loaded_at: loadedAtMs === undefined ? null : Math.floor(loadedAtMs / 1000),
        ...(reloading.fault === undefined ? {} : { reload_fault: reloading.fault }),
      },
    }),
    load,
  };
}

interface Reload {
  /** The last reload's failure; undefined when it succeeded. */
  readonly fault: string | undefined;
  /** Loads the changed file, whole or not at all. Resolves to false when another load runs. */
  reload(): Promise<boolean>;
}

function createReload({
  place,
  logger,
  load,
  hashOf,
}: FileSourceOptions & {
  readonly load: (request: FileLoadRequest) => Promise<FileLoad>;
  /** Returns the hash of the running configuration. */
  readonly hashOf: () => string | undefined;
}): Reload {
  const path = nameOf(place);
  let fault: string | undefined;

  function failed(reason: string, text: string): void {
    fault = reason;
    logger.error('config_reload_failed', `${path} has changed and ${text}; the node keeps what it runs`, {
      path,
      error: reason,
    });
  }

  return {
    get fault() {
      return fault;
    },
    async reload() {
      try {
        const result = await load({ bytes: await bytesOf(place), json: false, dryRun: false });
        if (result.kind === 'busy') return false;
        if (result.kind === 'faults') {
          logFaults(logger, path, result.errors);
          failed(result.errors.message, 'has faults');
        } else {
          fault = undefined;
          const fields = { path, configuration_hash: hashOf() };
          logger.info('config_reloaded', `${path} has changed and was loaded`, fields);
        }
      } catch (error) {
        failed(error instanceof Error ? error.message : String(error), 'cannot be read');
      }
      return true;
    },
  };
}

async function bytesOf(place: DocumentPlace): Promise<Uint8Array<ArrayBuffer>> {
  if (place.kind === 'text') return new TextEncoder().encode(place.text);
  try {
    return new Uint8Array(await readFile(place.path));
  } catch (error) {
    // Node.js names no path when it was to read a folder.
    throw Object.assign(new Error(error instanceof Error ? error.message : String(error)), {
      code: error instanceof Error && 'code' in error ? error.code : undefined,
      path: place.path,
    });
  }
}

function settingOf({ kind }: DocumentPlace): string {
  return kind === 'file' ? 'declarative_config' : 'declarative_config_text';
}

function nameOf(place: DocumentPlace): string {
  return place.kind === 'file' ? place.path : 'declarative_config_text';
}

/**
 * Reads the file that a data plane starts with while its cache is empty and no control plane answers. Logs every fault and
 * resolves to undefined when the file cannot be used.
 */
export async function readSeed({
  path,
  logger,
}: {
  readonly path: string;
  readonly logger: Logger;
}): Promise<WireSnapshot | undefined> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = new Uint8Array(await readFile(path));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    logger.error('declarative_unusable', 'The declarative file cannot be read', { path, error: reason });
    return undefined;
  }
  const read = await readDocument({ bytes, json: false });
  if (read.kind === 'read') return unpackSnapshot(read.config.hash, read.config.body);
  logFaults(logger, path, read.errors);
  return undefined;
}

function logFaults(logger: Logger, path: string, { lines }: DocumentErrors): void {
  for (const line of lines) logger.error('declarative_fault', `${path}: ${line}`, { path, fault: line });
}

/** Turns faults that only this node can see, such as a missing environment variable, into those of the document. */
function runtimeErrors(faults: readonly EntityFault[], snapshot: Snapshot): DocumentErrors {
  const items = new Map<string, DocumentItem>();
  const itemOf = ({ entityType, entityId, entityName }: EntityFault): DocumentItem | undefined => {
    const entity = entities.find(({ name }) => name === entityType);
    const input = entity && snapshot.entities[entity.plural]?.find(({ id }) => id === entityId);
    if (entity === undefined || input === undefined) return undefined;
    const known = items.get(entityId);
    if (known !== undefined) return known;
    const item = { entity, path: [entity.plural, entityName === '' ? entityId : entityName], input };
    items.set(entityId, item);
    return item;
  };
  return documentErrors(
    faults.map((fault) => {
      const item = itemOf(fault);
      const place = item?.path ?? [fault.entityType];
      const path = [...place, ...(fault.path === '' ? [] : fault.path.split('.'))];
      return { path, message: fault.message, ...(item && { item }) };
    }),
    pluginSchemas,
  );
}

function merged(enabled: SnapshotEntities, disabled: SnapshotEntities): SnapshotEntities {
  const lists = Object.entries(disabled).map(([plural, list]) => {
    const all = [...(enabled[plural] ?? []), ...list];
    return [plural, all.sort((a, b) => (a.id < b.id ? -1 : 1))] as const;
  });
  return { ...enabled, ...Object.fromEntries(lists) };
}
