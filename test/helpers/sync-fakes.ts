import { randomUUID } from 'node:crypto';
import type { ConfigReader, EntityChange, EntityPiece } from '../../control-plane/store/config-reader.ts';
import type { Publication } from '../../control-plane/sync/node-class.ts';
import type { Apply, ApplyResult } from '../../shared/config-source.ts';
import type { Snapshot, SnapshotEntities, SnapshotEntity } from '../../shared/snapshot.ts';

/** A store that holds what it is told. */
export class FakeReader implements ConfigReader {
  entities: SnapshotEntities;
  reads = 0;
  /** Called after each piece that was read. */
  onPiece: (plural: string) => void = () => undefined;
  #revision = 0;
  readonly #listeners = new Set<Parameters<ConfigReader['onChange']>[0]>();

  constructor(entities: SnapshotEntities = {}) {
    this.entities = entities;
  }

  revision(): number {
    return this.#revision;
  }

  *readPieces(): Generator<EntityPiece> {
    this.reads += 1;
    for (const plural of Object.keys(this.entities)) {
      yield { plural, list: this.entities[plural] ?? [] };
      this.onPiece(plural);
    }
  }

  onChange(listener: Parameters<ConfigReader['onChange']>[0]): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Replaces everything and returns the new revision. */
  set(entities: SnapshotEntities): number {
    this.entities = entities;
    this.#revision += 1;
    for (const listener of this.#listeners) listener(this.#revision);
    return this.#revision;
  }

  /** Writes as the store does, with what it changed, and returns the new revision. */
  change(changes: readonly EntityChange[]): number {
    const lists = new Map(Object.entries(this.entities).map(([plural, list]) => [plural, [...list]]));
    for (const { plural, id, entity } of changes) {
      const kept = (lists.get(plural) ?? []).filter((one) => one.id !== id);
      lists.set(plural, entity === undefined ? kept : [...kept, entity]);
    }
    this.entities = Object.fromEntries(lists);
    this.#revision += 1;
    for (const listener of this.#listeners) listener(this.#revision, changes);
    return this.#revision;
  }

  /** Another database is there when the control plane starts again. */
  restore(entities: SnapshotEntities, revision: number): void {
    this.entities = entities;
    this.#revision = revision;
  }

  /** A write that nobody hears of, as another process makes it. */
  missRevision(): void {
    this.#revision += 1;
  }
}

/** A version that nodes should run, of as many bytes as said; there are no deltas to it unless they are given. */
export function publicationOf(
  hash: string,
  {
    revision = 1,
    bytes = 10,
    deltas = {},
  }: { revision?: number; bytes?: number; deltas?: Record<string, number> } = {},
): Publication & { packed: number } {
  const publication = {
    hash,
    revision,
    entityCount: 1,
    unpackedBytes: bytes,
    packed: 0,
    snapshot: async () => {
      publication.packed += 1;
      return Buffer.alloc(bytes, hash);
    },
    deltaFrom: (base: string) => {
      const size = Object.hasOwn(deltas, base) ? deltas[base] : undefined;
      return size === undefined ? undefined : Promise.resolve(Buffer.alloc(size, hash));
    },
  };
  return publication;
}

/** A configuration of one service with this host. */
export function oneService(host: string): SnapshotEntities {
  return { services: [service('11111111-1111-4111-8111-111111111111', { host })] };
}

export function service(id: string = randomUUID(), fields: object = {}): SnapshotEntity {
  return { id, name: `service-${id.slice(0, 8)}`, host: 'example.test', enabled: true, ...fields };
}

/** An Apply that records what it got; `decide` may refuse. */
export function recordingApply(decide: (snapshot: Snapshot) => ApplyResult | Promise<ApplyResult> = applied): Apply & {
  readonly snapshots: Snapshot[];
  readonly hosts: () => string[];
  running: number;
  runningMax: number;
} {
  const snapshots: Snapshot[] = [];
  const apply = async (snapshot: Snapshot): Promise<ApplyResult> => {
    snapshots.push(snapshot);
    record.running += 1;
    record.runningMax = Math.max(record.runningMax, record.running);
    try {
      return await decide(snapshot);
    } finally {
      record.running -= 1;
    }
  };
  const record = Object.assign(apply, { snapshots, hosts: () => snapshots.map(hostOf), running: 0, runningMax: 0 });
  return record;
}

export function applied(): ApplyResult {
  return { kind: 'applied', applyMs: 1 };
}

export function refused(message = 'no'): ApplyResult {
  const fault = { entityType: 'service', entityId: 'x', entityName: 'bad', path: 'host', message };
  return { kind: 'rejected', faults: [fault] };
}

/** The host of the first service; '' when there is none. */
export function hostOf({ entities }: Snapshot): string {
  const host = entities['services']?.[0]?.['host'];
  return typeof host === 'string' ? host : '';
}
