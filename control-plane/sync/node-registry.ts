import { status as GrpcStatus } from '@grpc/grpc-js';
import type { Hello__Output } from '../../shared/generated/sluice/sync/v1/Hello.ts';
import type { NodeHeartbeat__Output } from '../../shared/generated/sluice/sync/v1/NodeHeartbeat.ts';
import type { Logger } from '../../shared/log.ts';
import type { NodeRecord, NodeStore } from '../store/node-store.ts';
import { newEntry, recordOf, type NodeEntry, type NodePeer } from './node-entry.ts';
import type { Admission, NodeSession, SessionEvents } from './node-session.ts';
import { nodeState, type NodeState } from './node-states.ts';
import type { Publication, Publisher } from './publisher.ts';

export interface NodeRegistryOptions {
  readonly store: NodeStore;
  readonly publisher: Pick<Publisher, 'latest' | 'onRevision'>;
  /** Nodes unseen for this long are forgotten. */
  readonly nodePurgeAfterMs: number;
  /** Version of this control plane; nodes of another major version are not served. '' serves all. */
  readonly version: string;
  readonly logger: Logger;
  readonly onPushed?: (publication: Publication) => void;
}

const saveMs = 1_000;
const purgeIntervalMs = 60 * 60 * 1_000;
const rejectionsMax = 10;
const clustersMax = 64;
const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** All known nodes. Kept in memory and written to the store at most once a second. */
export class NodeRegistry implements Omit<SessionEvents, 'hello'> {
  readonly #options: NodeRegistryOptions;
  readonly #nodes = new Map<string, NodeEntry>();
  readonly #bySession = new Map<NodeSession, NodeEntry>();
  readonly #dirty = new Set<NodeEntry>();
  readonly #listeners = new Set<() => void>();
  readonly #purgeTimer: NodeJS.Timeout;
  readonly #endRevisions: () => void;
  #saveTimer: NodeJS.Timeout | undefined;

  constructor(options: NodeRegistryOptions) {
    this.#options = options;
    for (const record of options.store.loadAll()) this.#nodes.set(record.id, newEntry(record));
    this.#purge();
    this.#purgeTimer = setInterval(() => this.#purge(), purgeIntervalMs);
    this.#endRevisions = options.publisher.onRevision((changed) => {
      if (changed) this.#published();
    });
  }

  /** Every known node in order of id. */
  list(): readonly NodeEntry[] {
    return [...this.#nodes.values()].sort((a, b) => (a.record.id < b.record.id ? -1 : 1));
  }

  get(id: string): NodeEntry | undefined {
    return this.#nodes.get(id);
  }

  get connected(): number {
    return this.#bySession.size;
  }

  /** Nodes whose stream lives. */
  connectedEntries(): readonly NodeEntry[] {
    return [...this.#bySession.values()];
  }

  state(entry: NodeEntry, nowMs = Date.now()): NodeState {
    const expectedHash = this.#options.publisher.latest()?.hash;
    const rejected = expectedHash !== undefined && entry.session?.hasRejected(expectedHash) === true;
    return nodeState({
      connected: entry.session !== undefined,
      compatible: entry.compatible,
      expectedHash,
      appliedHash: entry.record.appliedHash ?? undefined,
      rejectedHash: rejected ? expectedHash : undefined,
      behindSinceMs: entry.behindSinceMs,
      nowMs,
    });
  }

  /** Calls the listener after any change of any node. Returns the function that ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  hello(session: NodeSession, hello: Hello__Output, peer: NodePeer): Admission {
    const { logger, version } = this.#options;
    const fields = { node_id: hello.nodeId, hostname: hello.hostname, ip: peer.ip };
    if (!uuidPattern.test(hello.nodeId) || !uuidPattern.test(hello.bootId))
      return { kind: 'refused', code: GrpcStatus.INVALID_ARGUMENT, details: 'node_id and boot_id must be UUIDs' };
    const known = this.#nodes.get(hello.nodeId);
    if (known?.session !== undefined) {
      if (known.record.bootId !== hello.bootId) {
        logger.error('node_duplicate', 'A second node with the same id was refused; was a data folder copied?', fields);
        const details = `Node ${hello.nodeId} is connected already; a data folder must not be shared by two nodes`;
        return { kind: 'refused', code: GrpcStatus.ALREADY_EXISTS, details };
      }
      known.session.replaced();
    }
    const compatible = version === '' || majorOf(hello.version) === majorOf(version);
    const record = recordOf(hello, peer, compatible, known?.record);
    const entry = { ...newEntry(record), session, compatible };
    for (const rejection of record.rejected === null ? [] : [record.rejected])
      entry.rejections.set(rejection.hash, rejection);
    this.#nodes.set(hello.nodeId, entry);
    this.#bySession.set(session, entry);
    if (known !== undefined) this.#dirty.delete(known);
    this.#followExpectation(entry);
    this.#changed(entry);
    logger.info('node_connected', 'A data plane connected', { ...fields, hash: hello.hash, version: hello.version });
    if (!compatible) logger.warn('node_incompatible', 'A data plane has another major version', fields);
    return { kind: 'accepted', compatible };
  }

  heard(session: NodeSession): void {
    const entry = this.#bySession.get(session);
    if (entry === undefined) return;
    entry.record = { ...entry.record, lastSeenMs: Date.now() };
    this.#saveSoon(entry);
  }

  heartbeat(session: NodeSession, { requestsTotal: total, clusters }: NodeHeartbeat__Output): void {
    const entry = this.#bySession.get(session);
    if (entry === undefined) return;
    const atMs = Date.now();
    const requestsTotal = Number(total);
    const before = entry.heartbeat;
    const elapsedMs = before === undefined ? 0 : atMs - before.atMs;
    const answered = before === undefined ? 0 : Math.max(0, requestsTotal - before.requestsTotal);
    const requestsPerSecond = elapsedMs > 0 ? (answered * 1_000) / elapsedMs : 0;
    entry.heartbeat = { atMs, requestsTotal, requestsPerSecond, clusters: clusters.slice(0, clustersMax) };
  }

  applied(session: NodeSession, { hash, revision, applyMs }: Parameters<SessionEvents['applied']>[1]): void {
    const entry = this.#bySession.get(session);
    if (entry === undefined) return;
    entry.appliedRevision = Math.max(entry.appliedRevision, revision ?? -1);
    entry.behindSinceMs = undefined;
    const nowMs = Date.now();
    this.#update(session, { appliedHash: hash, appliedAtMs: nowMs, applyMs, rejected: null, updatedAtMs: nowMs });
    this.#followExpectation(entry);
  }

  rejected(session: NodeSession, { hash, revision, faults }: Parameters<SessionEvents['rejected']>[1]): void {
    const entry = this.#bySession.get(session);
    if (entry === undefined) return;
    entry.rejectedRevision = Math.max(entry.rejectedRevision, revision ?? -1);
    const nowMs = Date.now();
    const rejected = { hash, atMs: nowMs, errors: faults };
    for (const oldest of entry.rejections.keys()) {
      if (entry.rejections.size < rejectionsMax) break;
      entry.rejections.delete(oldest);
    }
    entry.rejections.set(hash, rejected);
    this.#options.logger.warn('node_rejected', 'A data plane refused the configuration', {
      node_id: entry.record.id,
      hash,
      faults: faults.slice(0, 20),
    });
    this.#update(session, { rejected, updatedAtMs: nowMs });
    this.#followExpectation(entry);
  }

  pushed(_session: NodeSession, publication: Publication): void {
    this.#options.onPushed?.(publication);
  }

  ended(session: NodeSession): void {
    const entry = this.#bySession.get(session);
    if (entry === undefined) return;
    this.#bySession.delete(session);
    entry.session = undefined;
    entry.heartbeat = undefined;
    this.#changed(entry);
    this.#options.logger.info('node_disconnected', 'A data plane is no longer connected', { node_id: entry.record.id });
  }

  /** Writes what is not yet in the store and ends the timers. */
  stop(): void {
    this.#endRevisions();
    clearInterval(this.#purgeTimer);
    clearTimeout(this.#saveTimer);
    this.#save();
  }

  #published(): void {
    for (const entry of this.#bySession.values()) this.#followExpectation(entry);
    for (const session of this.#bySession.keys()) session.offer();
    for (const listener of this.#listeners) listener();
  }

  /** Starts the clock of a node that falls behind, and shows the refusal of a version that is wanted again. */
  #followExpectation(entry: NodeEntry): void {
    const expectedHash = this.#options.publisher.latest()?.hash;
    if (expectedHash === undefined || expectedHash === entry.record.appliedHash) {
      entry.behindSinceMs = undefined;
      return;
    }
    entry.behindSinceMs ??= Date.now();
    const rejected = entry.rejections.get(expectedHash);
    if (rejected === undefined || rejected.hash === entry.record.rejected?.hash) return;
    entry.record = { ...entry.record, rejected };
    this.#changed(entry);
  }

  #update(session: NodeSession, changes: Partial<NodeRecord>): void {
    const entry = this.#bySession.get(session);
    if (entry === undefined) return;
    entry.record = { ...entry.record, ...changes };
    this.#changed(entry);
  }

  #saveSoon(entry: NodeEntry): void {
    this.#dirty.add(entry);
    this.#saveTimer ??= setTimeout(() => this.#save(), saveMs);
  }

  #changed(entry: NodeEntry): void {
    this.#saveSoon(entry);
    for (const listener of this.#listeners) listener();
  }

  #save(): void {
    this.#saveTimer = undefined;
    if (this.#dirty.size === 0) return;
    try {
      this.#options.store.saveAll([...this.#dirty].map(({ record }) => record));
      this.#dirty.clear();
    } catch (error) {
      // Kept as dirty: the next change writes them too. Nodes are served all the same.
      this.#options.logger.error('nodes_not_saved', 'What is known of the nodes could not be stored', {
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  #purge(): void {
    const oldestMs = Date.now() - this.#options.nodePurgeAfterMs;
    const unseen = [...this.#nodes.values()].filter(
      ({ session, record }) => session === undefined && record.lastSeenMs < oldestMs,
    );
    if (unseen.length === 0) return;
    const ids = unseen.map(({ record }) => record.id);
    this.#options.store.removeAll(ids);
    for (const entry of unseen) {
      this.#nodes.delete(entry.record.id);
      this.#dirty.delete(entry);
    }
    this.#options.logger.info('nodes_purged', 'Nodes that were not seen for long are forgotten', { node_ids: ids });
  }
}

function majorOf(version: string): string {
  return version.split('.', 1)[0] ?? '';
}
