import { entityLine, packLines } from '../../shared/snapshot-wire.ts';
import { canonicalJson, createSnapshot, type SnapshotEntities } from '../../shared/snapshot.ts';

export interface PackedEntities {
  readonly hash: string;
  readonly entityCount: number;
  readonly body: Buffer;
}

/** A snapshot of these entities as it travels. */
export async function packEntities(entities: SnapshotEntities): Promise<PackedEntities> {
  const { hash, entities: ordered } = createSnapshot(entities);
  const lines = Object.entries(ordered).flatMap(([plural, list]) =>
    list.map((entity) => entityLine(plural, canonicalJson(entity))),
  );
  return { hash, entityCount: lines.length, body: await packLines(lines) };
}
