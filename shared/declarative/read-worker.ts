import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { autoValues } from '../auto-values.ts';
import { entities } from '../entities/entities.ts';
import { mayHoldMasks, unmasker, type Unmask } from '../entities/unmask.ts';
import { pluginSchemas } from '../plugin-schemas/plugin-schemas.ts';
import { digestMask } from '../schema/mask.ts';
import { entityLine, packLines, unpackSnapshot } from '../snapshot-wire.ts';
import { canonicalJson, createSnapshot, type SnapshotEntities, type SnapshotEntity } from '../snapshot.ts';
import { differenceTo, entitiesById, type Change } from './carry-over.ts';
import { changeSummary } from './change-summary.ts';
import { compileDocument, type CompiledEntity } from './compile-document.ts';
import { documentErrors } from './document-errors.ts';
import { splitDisabled } from './split-disabled.ts';
import { parseDocumentBytes } from './parse-document.ts';
import type { DocumentConfig, ReadOutcome, ReadTask } from './read-document.ts';

// The thread of `readDocument`.

const times: ReadonlySet<string> = new Set(['created_at', 'updated_at']);

async function read({ bytes, json, previous, maskKey }: ReadTask): Promise<ReadOutcome> {
  const parsed = parseDocumentBytes(bytes, { json });
  if (parsed.kind === 'faults') return { kind: 'faults', errors: documentErrors(parsed.faults, pluginSchemas) };
  const stored = previous === undefined ? {} : await entitiesOf(previous);
  const compiled = compileDocument({
    document: parsed.document,
    entities,
    plugins: pluginSchemas,
    auto: autoValues,
    ...(maskKey !== undefined && mayHoldMasks(bytes) && { unmask: unmaskerOf(stored, maskKey) }),
  });
  if (compiled.kind === 'faults') return { kind: 'faults', errors: documentErrors(compiled.faults, pluginSchemas) };
  const before = entitiesById(stored);
  const difference = differenceTo(compiled.entities.map(timeless), before);
  return {
    kind: 'read',
    config: await pack(listed(difference.all)),
    summary: changeSummary(difference, { entities, plugins: pluginSchemas }),
  };
}

/** A dry run may compare the masks that a reader without the right to see secrets was given. */
function unmaskerOf(stored: SnapshotEntities, maskKey: Uint8Array): Unmask {
  const mask = digestMask(Buffer.from(maskKey));
  return unmasker({ entities: stored, descriptors: entities, plugins: pluginSchemas, mask });
}

/** Without a database nothing remembers when an entity was made: the same document is the same on every node. */
function timeless({ entity, value, filled }: CompiledEntity): CompiledEntity {
  const isTime = ([name = '', ...rest]: readonly string[]) => rest.length === 0 && times.has(name);
  const zeros = filled.filter(isTime).map(([name = '']) => [name, 0]);
  return {
    entity,
    value: { ...value, ...Object.fromEntries(zeros), id: value.id },
    filled: filled.filter((path) => !isTime(path)),
  };
}

async function entitiesOf({ hash, body, disabled }: DocumentConfig): Promise<SnapshotEntities> {
  const { snapshot } = await unpackSnapshot(hash, body);
  const plurals = new Set([...Object.keys(snapshot.entities), ...Object.keys(disabled)]);
  return Object.fromEntries(
    [...plurals].map((plural) => [plural, [...(snapshot.entities[plural] ?? []), ...(disabled[plural] ?? [])]]),
  );
}

function listed(changes: readonly Change[]): SnapshotEntities {
  const lists: Record<string, SnapshotEntity[]> = {};
  for (const { plural, value } of changes) (lists[plural] ??= []).push(value);
  return lists;
}

async function pack(all: SnapshotEntities): Promise<DocumentConfig> {
  const { enabled, disabled } = splitDisabled(all, entities);
  const { hash, entities: ordered } = createSnapshot(enabled);
  const lines = Object.entries(ordered).flatMap(([plural, list]) =>
    list.map((entity) => entityLine(plural, canonicalJson(entity))),
  );
  const etag = createHash('sha256').update(hash).update(canonicalJson(disabled)).digest('hex');
  return { hash, body: new Uint8Array(await packLines(lines)), disabled, etag: `"${etag}"` };
}

if (parentPort === null) throw new Error('This file is the thread of readDocument');
// Only `readDocument` starts this file.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
parentPort.postMessage(await read(workerData as ReadTask));
