import { createGunzip, createGzip } from 'node:zlib';
import { EntityHashes } from './entity-hashes.ts';
import { createPacer } from './pacer.ts';
import { sortInSlices } from './sort-in-slices.ts';
import { hashEntityText, type Snapshot, type SnapshotEntity } from './snapshot.ts';

/** An entity as it came over the wire. */
export interface WireEntity {
  readonly plural: string;
  readonly entity: SnapshotEntity;
  /** Plural, space, canonical JSON, line break. */
  readonly line: string;
  readonly hash: string;
}

/** A verified snapshot with what it takes to apply a delta to it, and to pack it again. */
export interface WireSnapshot {
  readonly snapshot: Snapshot;
  /** By `entityKey`. */
  readonly entries: ReadonlyMap<string, WireEntity>;
  readonly hashes: EntityHashes;
}

/** Bound of a packed snapshot or delta, the same as that of a message. */
export const packedBytesMax = 64 * 1024 * 1024;
/** Bound of an unpacked snapshot: keeps a small file from filling the memory. */
export const unpackedBytesMax = 512 * 1024 * 1024;
/** How much is decompressed in one go. */
const chunkBytes = 64 * 1024;
/** How much text is compressed in one go. */
const pieceCharsMax = 256 * 1024;

/** The bytes are not a snapshot with this hash. The message says why and quotes nothing of them. */
export class SnapshotCorruptError extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(`The snapshot is damaged: ${reason}`, options);
    this.name = 'SnapshotCorruptError';
  }
}

export function entityKey(plural: string, id: string): string {
  return `${plural}/${id}`;
}

/** The line of an entity. JSON escapes every line break, so that a line is an entity. */
export function entityLine(plural: string, canonical: string): string {
  return `${plural} ${canonical}\n`;
}

/** The line of a delta for an entity that is gone; no plural begins with a dash. */
export function removalLine(plural: string, id: string): string {
  return `-${plural} ${id}\n`;
}

/** The gzip of all lines. Compression runs off the main thread, and others have their turn between the pieces. */
export async function packLines(lines: Iterable<string>): Promise<Buffer> {
  // The fastest level: large configurations are compressed anew at each change, and nodes wait for it.
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

/** The same snapshot in the form in which it comes whole. */
export async function packSnapshot({ snapshot, entries }: WireSnapshot): Promise<Buffer> {
  return packLines(linesOf(snapshot, entries));
}

function* linesOf({ entities }: Snapshot, entries: WireSnapshot['entries']): Generator<string> {
  for (const plural of Object.keys(entities).sort()) {
    for (const { id } of entities[plural] ?? []) yield entries.get(entityKey(plural, id))?.line ?? '';
  }
}

/**
 * Unpacks and verifies, in slices that leave the event loop to others. Rejects with SnapshotCorruptError when the bytes
 * are not exactly the snapshot of that hash.
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
 * Makes of a snapshot the one with that hash. Rejects with SnapshotCorruptError when the delta does not lead there; the
 * base is left as it is.
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

/** A list with its changes; what did not change stays the very same object, which is what a build goes by. */
function mergedList(
  plural: string,
  list: readonly SnapshotEntity[],
  changes: ReadonlyMap<string, WireEntity | undefined>,
): SnapshotEntity[] {
  const kept = list.filter(({ id }) => !changes.has(entityKey(plural, id)));
  for (const change of changes.values()) if (change?.plural === plural) kept.push(change.entity);
  return kept;
}

/** In slices. */
async function copyOf<Key, Value>(map: ReadonlyMap<Key, Value>): Promise<Map<Key, Value>> {
  const pacer = createPacer();
  const copy = new Map<Key, Value>();
  for (const [key, value] of map) {
    copy.set(key, value);
    if (pacer.isDue()) await pacer.pause();
  }
  return copy;
}

/** Orders the lists by id; kinds without entities are left out. */
async function snapshotOf(hash: string, lists: ReadonlyMap<string, readonly SnapshotEntity[]>): Promise<Snapshot> {
  const ordered: Record<string, readonly SnapshotEntity[]> = {};
  for (const [plural, list] of lists) {
    if (list.length === 0) continue;
    ordered[plural] = Object.isFrozen(list) ? list : Object.freeze(await sortInSlices(list, ({ id }) => id));
  }
  return Object.freeze({ hash, entities: Object.freeze(ordered) });
}

/** Line by line as they are decompressed, in slices. */
async function readLines(body: Uint8Array, take: (line: string) => void, bytesMax = unpackedBytesMax): Promise<void> {
  const pacer = createPacer();
  /** The beginning of a line that has not ended yet. */
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
      if (bytes > bytesMax) throw new RangeError(`it has more than ${bytesMax} bytes`);
      yield chunk;
    }
  } catch (error) {
    throw new SnapshotCorruptError('it cannot be decompressed', { cause: error });
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
  // The hash of the text as it came: what it stands for was canonical when it was packed, or the sum will not fit.
  return { plural, entity, line, hash: hashEntityText(plural, rest) };
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
