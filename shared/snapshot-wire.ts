import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import {
  canonicalJson,
  hashEntities,
  hashEntityText,
  type Snapshot,
  type SnapshotEntities,
  type SnapshotEntity,
} from './snapshot.ts';

/** A snapshot as it travels and as it lies on disk. Lists without entities leave no trace in it. */
export interface PackedSnapshot {
  /** The same as that of the snapshot made by `createSnapshot`. */
  readonly hash: string;
  readonly entityCount: number;
  /** Bytes before compression. */
  readonly rawBytes: number;
  /** gzip of one line an entity: its plural, a space, its canonical JSON. */
  readonly body: Buffer;
}

/** Bound of a packed snapshot: what one message could carry. */
export const packedBytesMax = 64 * 1024 * 1024;
/** Bound of an unpacked snapshot: keeps a small file from filling the memory. */
export const unpackedBytesMax = 512 * 1024 * 1024;
/** How long unpacking holds the event loop before it lets others run. */
const sliceMs = 5;

/** The bytes are not a snapshot with this hash. The message says why and quotes nothing of them. */
export class SnapshotCorruptError extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(`The snapshot is damaged: ${reason}`, options);
    this.name = 'SnapshotCorruptError';
  }
}

const gzipAsync = promisify(gzip);
const gunzipAsync = promisify(gunzip);

/** Canonical text, hash and compression of all entities in one go; compression runs off the main thread. */
export async function packSnapshot(entities: SnapshotEntities): Promise<PackedSnapshot> {
  const hashes: string[] = [];
  const lines: string[] = [];
  for (const plural of Object.keys(entities).sort()) {
    const list = [...(entities[plural] ?? [])].sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const entity of list) {
      // JSON escapes every line break, so that a line is an entity.
      const text = canonicalJson(entity);
      hashes.push(hashEntityText(plural, text));
      lines.push(`${plural} ${text}\n`);
    }
  }
  const raw = Buffer.from(lines.join(''));
  // The fastest level: every change of a large configuration is compressed anew, and nodes wait for it.
  const body = await gzipAsync(raw, { level: 1 });
  return { hash: hashEntities(hashes), entityCount: lines.length, rawBytes: raw.length, body };
}

/**
 * Unpacks and verifies, in slices that leave the event loop to others. Rejects with SnapshotCorruptError when the bytes
 * are not exactly the snapshot of that hash.
 */
export async function unpackSnapshot(hash: string, body: Uint8Array): Promise<Snapshot> {
  const raw = await decompress(body);
  const hashes: string[] = [];
  const entities = new Map<string, SnapshotEntity[]>();
  let sliceEndMs = performance.now() + sliceMs;
  for (let start = 0; start < raw.length;) {
    const end = raw.indexOf(0x0a, start);
    if (end === -1) throw new SnapshotCorruptError('the last line has no end');
    const { plural, entity, entityHash } = readLine(raw.subarray(start, end));
    hashes.push(entityHash);
    const list = entities.get(plural);
    if (list === undefined) entities.set(plural, [entity]);
    else list.push(entity);
    start = end + 1;
    if (performance.now() >= sliceEndMs) {
      await new Promise(setImmediate);
      sliceEndMs = performance.now() + sliceMs;
    }
  }
  if (hashEntities(hashes) !== hash) throw new SnapshotCorruptError('its hash is not the announced one');
  for (const list of entities.values()) Object.freeze(list.sort((a, b) => (a.id < b.id ? -1 : 1)));
  return Object.freeze({ hash, entities: Object.freeze(Object.fromEntries(entities)) });
}

async function decompress(body: Uint8Array): Promise<Buffer> {
  try {
    return await gunzipAsync(body, { maxOutputLength: unpackedBytesMax });
  } catch (error) {
    throw new SnapshotCorruptError('it cannot be decompressed', { cause: error });
  }
}

function readLine(line: Buffer): { plural: string; entity: SnapshotEntity; entityHash: string } {
  const space = line.indexOf(0x20);
  if (space === -1) throw new SnapshotCorruptError('a line names no kind of entity');
  const plural = line.toString('latin1', 0, space);
  const text = line.subarray(space + 1);
  const entity = parseEntity(text.toString());
  if (entity === undefined) throw new SnapshotCorruptError('a line holds no entity');
  // The hash of the text as it came: what it stands for was canonical when it was packed, or the sum will not fit.
  return { plural, entity, entityHash: hashEntityText(plural, text) };
}

function parseEntity(text: string): SnapshotEntity | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isEntity(value) ? value : undefined;
  } catch {
    // A syntax error quotes the text, which may hold secrets.
    return undefined;
  }
}

function isEntity(value: unknown): value is SnapshotEntity {
  return typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string';
}
