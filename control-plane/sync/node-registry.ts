import { status as GrpcStatus } from '@grpc/grpc-js';
import type { Hello__Output } from '../../shared/generated/sluice/sync/v1/Hello.ts';
import type { NodeHeartbeat__Output } from '../../shared/generated/sluice/sync/v1/NodeHeartbeat.ts';
import type { LogFields, Logger } from '../../shared/log.ts';
import type { NodeRecord, NodeStore } from '../store/node-store.ts';
import { pacedLog } from '../../shared/paced-log.ts';
import { heartbeatFacts, newEntry, recordOf, type NodeEntry, type NodePeer } from './node-entry.ts';
import type { WriteHold } from '../store/write-hold.ts';
import { helloRefusal, type HelloRefusal } from './node-admission.ts';
import { nodeDestinations } from './node-destinations.ts';
import {
  type EntityHashOf,
  followsAnotherDatabase,
  rejectionOf,
  remember,
  standingRejection,
} from './node-rejections.ts';
import { NodeSaver } from './node-saver.ts';
import type { Admission, NodeSession, SessionEvents } from './node-session.ts';
import { nodeState, type NodeState } from './node-states.ts';
import type { Publisher } from './publisher.ts';
import type { Pushed } from './transfer.ts';
import { type WentBack, WentBackWatch } from './went-back.ts';

export interface NodeRegistryOptions {
  readonly store: NodeStore;
  /** Says when the store must not be written to. */
  readonly hold?: WriteHold | undefined;
  readonly publisher: Pick<Publisher, 'join' | 'leave' | 'onRevision' | 'revision' | 'latest' | 'entityHash'>;
  /** Nodes that were not seen for this long are removed. */
  readonly nodePurgeAfterMs: number;
  /** How many rows of nodes are kept. */
  readonly nodesMax?: number | undefined;
  /** A node's id belongs to the subject of the certificate that first used it. */
  readonly bindSubjects?: boolean;
  /** The identity of the database. */
  readonly databaseId?: string | undefined;
  readonly logger: Logger;
  readonly onPushed?: ((pushed: Pushed) => void) | undefined;
  readonly onLimit?: (limit: 'nodes_max', fields: { readonly ip: string }) => void;
}

/** A node changed from one state to another. */
export interface StateChange {
  readonly entry: NodeEntry;
  readonly from: NodeState;
  readonly to: NodeState;
  readonly atMs: number;
}

/** How often the states of nodes that are behind are checked: time alone makes them stale. */
const watchMs = 1_000;
const purgeIntervalMsMax = 60 * 60 * 1_000;
const purgeIntervalMsMin = 1_000;
const nodesMaxDefault = 10_000;
const tooManyClasses: HelloRefusal = {
  kind: 'refused',
  code: GrpcStatus.RESOURCE_EXHAUSTED,
  details: 'Nodes of too many different versions and plugin sets are connected',
  event: 'node_classes_exceeded',
  message: 'A node was refused: nodes of too many different versions and plugin sets are connected',
};

/** Keeps all known nodes in memory and writes them to the store at most once a second. */
export class NodeRegistry implements Omit<SessionEvents, 'hello'> {
  readonly #options: NodeRegistryOptions;
  readonly #nodes = new Map<string, NodeEntry>();
  readonly #bySession = new Map<NodeSession, NodeEntry>();
  readonly #saver: NodeSaver;
  readonly #listeners = new Set<() => void>();
  readonly #stateListeners = new Set<(change: StateChange) => void>();
  readonly #purgeTimer: NodeJS.Timeout;
  readonly #watchTimer: NodeJS.Timeout;
  readonly #endRevisions: () => void;
  readonly #wentBack: WentBackWatch;
  readonly #refusalLogs = new Map<string, ReturnType<typeof pacedLog>>();
  readonly #entityHashOf: EntityHashOf;

  constructor(options: NodeRegistryOptions) {
    this.#options = options;
    this.#saver = new NodeSaver(options);
    const { publisher, databaseId, logger } = options;
    this.#entityHashOf = (entityType, entityId) => publisher.entityHash(entityType, entityId);
    this.#wentBack = new WentBackWatch({ databaseId, revision: () => publisher.revision(), logger });
    for (const record of options.store.loadAll()) this.#nodes.set(record.id, newEntry(record));
    this.#purge();
    const purgeIntervalMs = Math.min(Math.max(options.nodePurgeAfterMs / 10, purgeIntervalMsMin), purgeIntervalMsMax);
    this.#purgeTimer = setInterval(() => this.#purge(), purgeIntervalMs);
    this.#watchTimer = setInterval(() => this.#watch(), watchMs);
    this.#endRevisions = options.publisher.onRevision((changed) => {
      if (changed) this.#published();
    });
  }

  /** Returns every known node, ordered by id. */
  list(): readonly NodeEntry[] {
    return [...this.#nodes.values()].sort((a, b) => (a.record.id < b.record.id ? -1 : 1));
  }

  get(id: string): NodeEntry | undefined {
    return this.#nodes.get(id);
  }

  get connected(): number {
    return this.#bySession.size;
  }

  /** Returns the nodes that have a stream. */
  connectedEntries(): readonly NodeEntry[] {
    return [...this.#bySession.values()];
  }

  state(entry: NodeEntry, nowMs = Date.now()): NodeState {
    const expectedHash = entry.nodeClass?.publication()?.hash;
    const rejected = expectedHash !== undefined && entry.session?.hasRejected(expectedHash) === true;
    return nodeState({
      connected: entry.session !== undefined,
      compatible: isCompatible(entry),
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

  /** Calls the listener after each change of a node's state. Returns the function that ends it. */
  onStateChange(listener: (change: StateChange) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  /** Makes the event handlers for the session of a peer. */
  events(peer: NodePeer): SessionEvents {
    return {
      hello: (session, hello) => this.hello(session, hello, peer),
      heard: (session) => this.heard(session),
      heartbeat: (session, heartbeat) => this.heartbeat(session, heartbeat),
      applied: (session, applied) => this.applied(session, applied),
      rejected: (session, rejected) => this.rejected(session, rejected),
      pushed: (session, pushed) => this.pushed(session, pushed),
      ended: (session) => this.ended(session),
    };
  }

  hello(session: NodeSession, hello: Hello__Output, peer: NodePeer): Admission {
    const { logger, publisher, nodesMax = nodesMaxDefault, bindSubjects = false } = this.#options;
    const known = this.#nodes.get(hello.nodeId);
    const hasRoom = (): boolean => this.#nodes.size < nodesMax || this.#evict();
    const refusal = helloRefusal(hello, { known, peer, bindSubjects, hasRoom, nodesMax });
    if (refusal !== undefined) return this.#refuse(refusal, hello, peer);
    const nodeClass = publisher.join(hello);
    if (nodeClass === undefined) return this.#refuse(tooManyClasses, hello, peer);
    known?.session?.replaced();
    const { hash, version, databaseId, destinations: tellsDestinations } = hello;
    const record = recordOf(hello, {
      peer,
      known: known?.record,
      databaseId: this.#options.databaseId,
      entityHashOf: this.#entityHashOf,
    });
    const entry: NodeEntry = {
      ...newEntry(record),
      session,
      nodeClass,
      state: known?.state ?? 'offline',
      tellsDestinations,
    };
    if (record.rejected !== null) entry.rejections.set(record.rejected.hash, record.rejected);
    this.#nodes.set(hello.nodeId, entry);
    this.#bySession.set(session, entry);
    if (known !== undefined) this.#saver.forget(known);
    logger.info('node_connected', 'A data plane connected', { ...namesOf(hello, peer), hash, version });
    this.#wentBack.see({ nodeId: hello.nodeId, databaseId, revision: Number(hello.revision) });
    this.#followClass(entry);
    this.#changed(entry);
    return { kind: 'accepted', target: () => nodeClass.publication() };
  }

  heard(session: NodeSession): void {
    const entry = this.#bySession.get(session);
    if (entry === undefined) return;
    entry.record = { ...entry.record, lastSeenMs: Date.now() };
    this.#saver.touchSoon(entry);
  }

  heartbeat(session: NodeSession, heartbeat: NodeHeartbeat__Output): void {
    const entry = this.#bySession.get(session);
    if (entry === undefined) return;
    entry.heartbeat = heartbeatFacts(heartbeat, entry.heartbeat);
    if (heartbeat.destinations === null) return;
    entry.destinations = nodeDestinations(heartbeat.destinations);
    for (const listener of this.#listeners) listener();
  }

  applied(session: NodeSession, { hash, revision, applyMs }: Parameters<SessionEvents['applied']>[1]): void {
    const entry = this.#bySession.get(session);
    if (entry === undefined) return;
    entry.appliedRevision = Math.max(entry.appliedRevision, revision ?? -1);
    entry.behindSinceMs = undefined;
    const nowMs = Date.now();
    this.#update(session, {
      appliedHash: hash,
      appliedAtMs: nowMs,
      applyMs: applyMs >= 0 && applyMs < Infinity ? applyMs : null,
      rejected: null,
      updatedAtMs: nowMs,
    });
    this.#followClass(entry);
  }

  rejected(session: NodeSession, { hash, revision, faults }: Parameters<SessionEvents['rejected']>[1]): void {
    const entry = this.#bySession.get(session);
    if (entry === undefined) return;
    entry.rejectedRevision = Math.max(entry.rejectedRevision, revision ?? -1);
    const nowMs = Date.now();
    const rejected = rejectionOf(hash, faults, this.#entityHashOf);
    remember(entry.rejections, rejected);
    this.#options.logger.warn('node_rejected', 'A data plane rejected the configuration', {
      node_id: entry.record.id,
      hash,
      faults: rejected.errors.slice(0, 20),
    });
    this.#update(session, { rejected, updatedAtMs: nowMs });
    this.#followClass(entry);
  }

  pushed(_session: NodeSession, pushed: Pushed): void {
    this.#options.onPushed?.(pushed);
  }

  ended(session: NodeSession): void {
    const entry = this.#bySession.get(session);
    if (entry === undefined) return;
    this.#bySession.delete(session);
    entry.session = undefined;
    if (entry.nodeClass !== undefined) this.#options.publisher.leave(entry.nodeClass);
    entry.nodeClass = undefined;
    entry.heartbeat = undefined;
    entry.destinations = undefined;
    this.#changed(entry);
    this.#options.logger.info('node_disconnected', 'A data plane is no longer connected', { node_id: entry.record.id });
  }

  /** Returns the newest case of a database that is older than what a node has run; undefined when there was none. */
  wentBack(): WentBack | undefined {
    return this.#wentBack.found;
  }

  /** Says why node records cannot be saved; undefined when they can. */
  fault(): string | undefined {
    return this.#saver.fault;
  }

  /** Removes the row of a node that is not connected. */
  forget(id: string): 'forgotten' | 'connected' | 'unknown' {
    const entry = this.#nodes.get(id);
    if (entry === undefined) return 'unknown';
    if (entry.session !== undefined) return 'connected';
    this.#remove([entry]);
    for (const listener of this.#listeners) listener();
    return 'forgotten';
  }

  /** Offers the configuration with consent to a node that follows another database. Returns whether it did. */
  adopt(id: string): boolean {
    const entry = this.#nodes.get(id);
    const rejected = entry?.record.rejected;
    if (entry?.session === undefined || !rejected || !followsAnotherDatabase(rejected)) return false;
    entry.rejections.delete(rejected.hash);
    entry.session.adopt(rejected.hash);
    this.#options.logger.info('node_adopted', 'A node is offered the configuration of this database with consent', {
      node_id: id,
    });
    return true;
  }

  /** Saves what is not in the store yet and ends the timers. */
  stop(): void {
    this.#endRevisions();
    clearInterval(this.#purgeTimer);
    clearInterval(this.#watchTimer);
    this.#saver.stop();
  }

  #published(): void {
    this.#wentBack.revisionKnown();
    for (const entry of this.#nodes.values()) this.#expireRejection(entry);
    for (const entry of this.#bySession.values()) this.#followClass(entry);
    for (const session of this.#bySession.keys()) session.offer();
    for (const listener of this.#listeners) listener();
  }

  /**
   * Compares a node with what its class should run: notes since when the node is behind, whether its class is
   * incompatible, and shows the earlier rejection when a rejected version becomes the expected one again.
   */
  #followClass(entry: NodeEntry): void {
    const { nodeClass, record } = entry;
    const expectedHash = nodeClass?.publication()?.hash;
    if (expectedHash === undefined || expectedHash === record.appliedHash) entry.behindSinceMs = undefined;
    else entry.behindSinceMs ??= Date.now();
    const syncStatus = nodeClass?.refusal() ?? 'normal';
    const rejected = entry.rejections.get(expectedHash ?? '');
    const isShown = rejected === undefined || expectedHash === record.appliedHash;
    if (syncStatus !== record.syncStatus) {
      this.#options.logger[syncStatus === 'normal' ? 'info' : 'warn'](
        'node_sync_status',
        'The compatibility of a data plane changed',
        {
          node_id: record.id,
          sync_status: syncStatus,
          reasons: nodeClass?.rows().slice(0, 20),
        },
      );
    }
    entry.record = { ...record, syncStatus, ...(isShown ? {} : { rejected }) };
    if (syncStatus !== record.syncStatus || entry.record.rejected !== record.rejected) this.#changed(entry);
    else this.#tellState(entry);
  }

  /** Tells the states that changed only because time passed. */
  #watch(): void {
    for (const entry of this.#bySession.values()) if (entry.behindSinceMs !== undefined) this.#tellState(entry);
  }

  #tellState(entry: NodeEntry): void {
    const atMs = Date.now();
    const from = entry.state;
    const to = this.state(entry, atMs);
    if (from === to) return;
    entry.state = to;
    for (const listener of this.#stateListeners) listener({ entry, from, to, atMs });
  }

  #update(session: NodeSession, changes: Partial<NodeRecord>): void {
    const entry = this.#bySession.get(session);
    if (entry === undefined) return;
    entry.record = { ...entry.record, ...changes };
    this.#changed(entry);
  }

  #changed(entry: NodeEntry): void {
    this.#saver.saveSoon(entry);
    this.#tellState(entry);
    for (const listener of this.#listeners) listener();
  }

  /** Forgets the node that has been offline for longest of those that never ran a configuration. */
  #evict(): boolean {
    let oldest: NodeEntry | undefined;
    for (const entry of this.#nodes.values()) {
      if (entry.session !== undefined || entry.record.appliedHash !== null) continue;
      if (oldest === undefined || entry.record.lastSeenMs < oldest.record.lastSeenMs) oldest = entry;
    }
    return oldest !== undefined && this.#remove([oldest]);
  }

  /** Returns false when the store fails; nothing is removed then. */
  #remove(entries: readonly NodeEntry[]): boolean {
    if (!this.#saver.remove(entries)) return false;
    for (const { record } of entries) this.#nodes.delete(record.id);
    return true;
  }

  #refuse(refusal: HelloRefusal, hello: Hello__Output, peer: NodePeer): Admission {
    const { logger, onLimit } = this.#options;
    if (refusal.limit !== undefined) onLimit?.(refusal.limit, { ip: peer.ip });
    // A refused node tries again for ever, so that its line is paced.
    let log = this.#refusalLogs.get(refusal.event);
    if (log === undefined) {
      log = pacedLog((event, message, fields) => logger.error(event, message, fields));
      this.#refusalLogs.set(refusal.event, log);
    }
    log(refusal.event, refusal.message, { ...namesOf(hello, peer), reason: refusal.details });
    return refusal;
  }

  /** A rejection of an old version goes when the entities that it names have changed since. */
  #expireRejection(entry: NodeEntry): void {
    const { nodeClass, record } = entry;
    const expected = nodeClass === undefined ? this.#options.publisher.latest() : nodeClass.publication();
    if (record.rejected === null || record.rejected.hash === expected?.hash) return;
    const rejected = standingRejection(record.rejected, this.#entityHashOf);
    if (rejected === record.rejected) return;
    entry.record = { ...record, rejected };
    this.#changed(entry);
  }

  #purge(): void {
    const oldestMs = Date.now() - this.#options.nodePurgeAfterMs;
    const unseen = [...this.#nodes.values()].filter(
      ({ session, record }) => session === undefined && record.lastSeenMs < oldestMs,
    );
    if (unseen.length === 0) return;
    // A row that could not be removed is tried again at the next purge.
    if (!this.#remove(unseen)) return;
    this.#options.logger.info('nodes_purged', 'Nodes that were not seen for node_purge_after were removed', {
      node_ids: unseen.map(({ record }) => record.id),
    });
  }
}

function namesOf({ nodeId, hostname }: Hello__Output, { ip }: NodePeer): LogFields {
  return { node_id: nodeId, hostname, ip };
}

/** Tells whether the node's version and plugins allow it to get the configuration. */
export function isCompatible({ nodeClass }: NodeEntry): boolean {
  return nodeClass?.refusal() === undefined;
}
