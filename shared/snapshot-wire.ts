import { createGunzip, createGzip } from 'node:zlib';
import { EntityHashes } from './entity-hashes.ts';
import { createPacer } from './pacer.ts';
import { sortInSlices } from './sort-in-slices.ts';
import { hashEntityText, type Snapshot, type SnapshotEntity } from './snapshot.ts';

/** An entity as it arrived over the wire. */
export interface WireEntity {
  readonly plural: string;
  readonly entity: SnapshotEntity;
  /** The plural, a space, canonical JSON and a line break. */
  readonly line: string;
  readonly hash: string;
}

/** A verified snapshot, with the parts that are needed to apply a delta to it and to pack it again. */
export interface WireSnapshot {
  readonly snapshot: Snapshot;
  /** The entities by `entityKey`. */
  readonly entries: ReadonlyMap<string, WireEntity>;
  readonly hashes: EntityHashes;
}

/** Bound of a packed snapshot or delta: the same as that of a message. */
export const packedBytesMax = 64 * 1024 * 1024;
/** Bound of an unpacked snapshot, so that a small file cannot fill the memory. */
export const unpackedBytesMax = 128 * 1024 * 1024;
/** Bytes that are decompressed at a time. */
const chunkBytes = 64 * 1024;
/** Characters that are compressed at a time. */
const pieceCharsMax = 256 * 1024;

/** The bytes are not the snapshot of this hash. The message says why and quotes none of the bytes. */
export class SnapshotCorruptError extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(`The snapshot is damaged: ${reason}`, options);
    this.name = 'SnapshotCorruptError';
  }
}

export function entityKey(plural: string, id: string): string {
  return `${plural}/${id}`;
}

/** Makes the line of an entity. JSON escapes every line break, so that each line is one entity. */
export function entityLine(plural: string, canonical: string): string {
  return `${plural} ${canonical}\n`;
}

/** Makes the line of a delta for an entity that was removed. No plural begins with a dash. */
export function removalLine(plural: string, id: string): string {
  return `-${plural} ${id}\n`;
}

/** Compresses all lines with gzip. The compression runs off the main thread and yields between pieces. */
export async function packLines(lines: Iterable<string>): Promise<Buffer> {
  // The fastest level, because nodes wait while a large configuration is compressed.
  const gzip = createGzip({ level: 1 });
  const chunks: Buffer[] = [];
  gzip.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise<void>((resolve, reject) => gzip.on('end', resolve).on('error', reject));
  let piece = '';
  for (const line of lines) {
    piece += line;
    if (piece.length < pieceCharsMax) continue;
    await write(gzip, piece);
    piece = '';
  }
  gzip.end(piece);
  await ended;
  return Buffer.concat(chunks);
}

function write(gzip: ReturnType<typeof createGzip>, piece: string): Promise<void> {
  return new Promise((resolve, reject) => gzip.write(piece, (error) => (error ? reject(error) : resolve())));
}

/** Packs the snapshot into the form in which it travels whole. */
export async function packSnapshot({ snapshot, entries }: WireSnapshot): Promise<Buffer> {
  return packLines(linesOf(snapshot, entries));
}

function* linesOf({ entities }: Snapshot, entries: WireSnapshot['entries']): Generator<string> {
  for (const plural of Object.keys(entities).sort()) {
    for (const { id } of entities[plural] ?? []) yield entries.get(entityKey(plural, id))?.line ?? '';
  }
}

/**
 * Unpacks and verifies a snapshot, in slices that leave the event loop to others. Rejects with SnapshotCorruptError when
 * the bytes are not exactly the snapshot of that hash.
 */
export async function unpackSnapshot(
  hash: string,
  body: Uint8Array,
  bytesMax = unpackedBytesMax,
): Promise<WireSnapshot> {
  const entries = new Map<string, WireEntity>();
  const lists = new Map<string, SnapshotEntity[]>();
  const hashes: string[] = [];
  await readLines(
    body,
    (line) => {
      const read = readEntity(line);
      entries.set(entityKey(read.plural, read.entity.id), read);
      hashes.push(read.hash);
      const list = lists.get(read.plural);
      if (list === undefined) lists.set(read.plural, [read.entity]);
      else list.push(read.entity);
    },
    bytesMax,
  );
  if (entries.size !== hashes.length) throw new SnapshotCorruptError('an entity is there twice');
  const all = await EntityHashes.of(hashes);
  if ((await all.digest()) !== hash) throw new SnapshotCorruptError('its hash is not the announced one');
  return { snapshot: await snapshotOf(hash, lists), entries, hashes: all };
}

/**
 * Applies a delta to a snapshot, which stays unchanged. Rejects with SnapshotCorruptError when the result does not have
 * the announced hash.
 */
export async function applyDelta(base: WireSnapshot, hash: string, body: Uint8Array): Promise<WireSnapshot> {
  const changes = new Map<string, WireEntity | undefined>();
  await readLines(body, (line) => {
    if (line.startsWith('-')) {
      const { plural, rest } = splitLine(line.slice(1));
      changes.set(entityKey(plural, rest), undefined);
    } else {
      const read = readEntity(line);
      changes.set(entityKey(read.plural, read.entity.id), read);
    }
  });
  const removed: string[] = [];
  const added: string[] = [];
  const touched = new Set<string>();
  const entries = await copyOf(base.entries);
  for (const [key, change] of changes) {
    const before = entries.get(key);
    if (before !== undefined) {
      removed.push(before.hash);
      touched.add(before.plural);
    }
    if (change === undefined) entries.delete(key);
    else {
      entries.set(key, change);
      added.push(change.hash);
      touched.add(change.plural);
    }
  }
  const hashes = await base.hashes.with(removed, added);
  if ((await hashes.digest()) !== hash)
    throw new SnapshotCorruptError('the delta leads to another hash than the announced one');
  const lists = new Map(Object.entries(base.snapshot.entities));
  for (const plural of touched) lists.set(plural, mergedList(plural, lists.get(plural) ?? [], changes));
  return { snapshot: await snapshotOf(hash, lists), entries, hashes };
}

/** Merges changes into a list. Unchanged entities keep their object, by which a build recognises them. */
function mergedList(
  plural: string,
  list: readonly SnapshotEntity[],
  changes: ReadonlyMap<string, WireEntity | undefined>,
): SnapshotEntity[] {
  const kept = list.filter(({ id }) => !changes.has(entityKey(plural, id)));
  for (const change of changes.values()) if (change?.plural === plural) kept.push(change.entity);
  return kept;
}

/** Copies a map in slices. */
async function copyOf<Key, Value>(map: ReadonlyMap<Key, Value>): Promise<Map<Key, Value>> {
  const pacer = createPacer();
  const copy = new Map<Key, Value>();
  for (const [key, value] of map) {
    copy.set(key, value);
    if (pacer.isDue()) await pacer.pause();
  }
  return copy;
}

/** Makes a snapshot of the lists, each ordered by id; empty lists are left out. */
async function snapshotOf(hash: string, lists: ReadonlyMap<string, readonly SnapshotEntity[]>): Promise<Snapshot> {
  const ordered: Record<string, readonly SnapshotEntity[]> = {};
  for (const [plural, list] of lists) {
    if (list.length === 0) continue;
    ordered[plural] = Object.isFrozen(list) ? list : Object.freeze(await sortInSlices(list, ({ id }) => id));
  }
  return Object.freeze({ hash, entities: Object.freeze(ordered) });
}

/** Reads line by line as the bytes are decompressed, in slices. */
async function readLines(body: Uint8Array, take: (line: string) => void, bytesMax = unpackedBytesMax): Promise<void> {
  const pacer = createPacer();
  /** The pieces of a line whose end has not come yet. */
  let begun: Buffer[] = [];
  for await (const chunk of decompressed(body, bytesMax)) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      const rest = chunk.subarray(start, end + 1);
      take((begun.length === 0 ? rest : Buffer.concat([...begun, rest])).toString());
      begun = [];
      start = end + 1;
      if (pacer.isDue()) await pacer.pause();
    }
    if (start < chunk.length) begun.push(chunk.subarray(start));
  }
  if (begun.length > 0) throw new SnapshotCorruptError('the last line has no end');
}

async function* decompressed(body: Uint8Array, bytesMax: number): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: chunkBytes });
  gunzip.end(body);
  let bytes = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw new RangeError(`it has more than ${bytesMax} bytes unpacked`);
      yield chunk;
    }
  } catch (error) {
    const reason = error instanceof RangeError ? error.message : 'it cannot be decompressed';
    throw new SnapshotCorruptError(reason, { cause: error });
  }
}

function splitLine(line: string): { plural: string; rest: string } {
  const space = line.indexOf(' ');
  if (space === -1) throw new SnapshotCorruptError('a line names no kind of entity');
  return { plural: line.slice(0, space), rest: line.slice(space + 1, -1) };
}

function readEntity(line: string): WireEntity {
  const { plural, rest } = splitLine(line);
  const entity = parseEntity(rest);
  if (entity === undefined) throw new SnapshotCorruptError('a line holds no entity');
  // The hash covers the text as it came. If that text is not canonical, the hash of the whole does not match.
  return { plural, entity, line, hash: hashEntityText(plural, rest) };
}

function parseEntity(text: string): SnapshotEntity | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isEntity(value) ? value : undefined;
  } catch {
    // A message of JSON.parse would quote the text, which may hold secrets.
    return undefined;
  }
}

function isEntity(value: unknown): value is SnapshotEntity {
  return typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string';
}
