import type { TargetHealthChange } from '../../shared/target-health.ts';
import type { Hello__Output } from '../../shared/generated/sluice/sync/v1/Hello.ts';
import type { NodeHeartbeat__Output } from '../../shared/generated/sluice/sync/v1/NodeHeartbeat.ts';
import type { NodeRecord } from '../store/node-store.ts';
import { heartbeatFacts, newEntry, recordOf, type NodeEntry, type NodePeer } from './node-entry.ts';
import { helloRefusal, HelloRefusals, namesOf, tooManyClasses } from './node-admission.ts';
import { expireRejection, followClass } from './follow-class.ts';
import { nodeDestinations } from './node-destinations.ts';
import {
  type EntityHashOf,
  followsAnotherDatabase,
  type RejectionContext,
  rejectionOf,
  remember,
} from './node-rejections.ts';
import { nodeTargets } from './node-targets.ts';
import type { NodeRegistryOptions, StateChange } from './node-registry-types.ts';
import { NodeRows } from './node-rows.ts';
import type { Admission, SessionEvents, Session } from './node-session-types.ts';
import type { NodeState } from './node-states.ts';
import { rejectionReason } from './state-history.ts';
import { stateOf } from './state-of.ts';
import { TrafficBook } from './traffic/traffic-book.ts';
import type { Pushed } from './transfer.ts';
import { type WentBack, WentBackWatch } from './went-back.ts';

/** How often the states of nodes that are behind are checked: time alone makes them stale. */
const watchMs = 1_000;
const nodesMaxDefault = 10_000;
/** Keeps all known nodes in memory and writes them to the store at most once a second. */
export class NodeRegistry implements Omit<SessionEvents, 'hello'> {
  readonly #options: NodeRegistryOptions;
  readonly #rows: NodeRows;
  readonly #bySession = new Map<Session, NodeEntry>();
  readonly #listeners = new Set<() => void>();
  readonly #stateListeners = new Set<(change: StateChange) => void>();
  readonly #watchTimer: NodeJS.Timeout;
  readonly #endRevisions: () => void;
  readonly #wentBack: WentBackWatch;
  readonly #refusals: HelloRefusals;
  readonly #entityHashOf: EntityHashOf;
  /** The traffic that nodes tell. */
  readonly traffic = new TrafficBook();

  constructor(options: NodeRegistryOptions) {
    this.#options = options;
    this.#rows = new NodeRows({ ...options, nodesMax: options.nodesMax ?? nodesMaxDefault });
    const { publisher, databaseId, logger } = options;
    this.#refusals = new HelloRefusals(options);
    this.#entityHashOf = (entityType, entityId) => publisher.entityHash(entityType, entityId);
    this.#wentBack = new WentBackWatch({ databaseId, revision: () => publisher.revision(), logger });
    this.#watchTimer = setInterval(() => this.#watch(), watchMs);
    this.#endRevisions = options.publisher.onRevision((changed) => {
      if (changed) this.#published();
    });
  }

  /** Returns every known node, ordered by id. */
  list(): readonly NodeEntry[] {
    return [...this.#rows.all()].sort((a, b) => (a.record.id < b.record.id ? -1 : 1));
  }

  get(id: string): NodeEntry | undefined {
    return this.#rows.get(id);
  }

  get connected(): number {
    return this.#bySession.size;
  }

  /** Returns the nodes that have a stream. */
  connectedEntries(): readonly NodeEntry[] {
    return [...this.#bySession.values()];
  }

  state(entry: NodeEntry, nowMs = Date.now()): NodeState {
    return stateOf(entry, nowMs);
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

  hello(session: Session, hello: Hello__Output, peer: NodePeer): Admission {
    const { logger, publisher, nodesMax = nodesMaxDefault, bindSubjects = false } = this.#options;
    const known = this.#rows.get(hello.nodeId);
    const hasRoom = (): boolean => this.#rows.hasRoom();
    const refusal = helloRefusal(hello, { known, peer, bindSubjects, hasRoom, nodesMax });
    if (refusal !== undefined) return this.#refusals.tell(refusal, hello, peer);
    const nodeClass = publisher.join(hello);
    if (nodeClass === undefined) return this.#refusals.tell(tooManyClasses, hello, peer);
    known?.session?.replaced();
    const { hash, version, databaseId, destinations: tellsDestinations, tries } = hello;
    const { targetHealth: takesTargetHealth } = hello;
    const record = recordOf(hello, {
      peer,
      known: known?.record,
      databaseId: this.#options.databaseId,
      ...this.#rejectionContext(),
    });
    const entry: NodeEntry = {
      ...newEntry(record),
      session,
      nodeClass,
      state: known?.state ?? 'offline',
      ...(known && { history: known.history }),
      tellsDestinations,
      tries,
      takesTargetHealth,
    };
    if (record.rejected !== null) entry.rejections.set(record.rejected.hash, record.rejected);
    this.#rows.set(entry);
    this.#bySession.set(session, entry);
    logger.info('node_connected', 'A data plane connected', { ...namesOf(hello, peer), hash, version });
    this.#wentBack.see({ nodeId: hello.nodeId, databaseId, revision: Number(hello.revision) });
    this.#followClass(entry);
    this.#changed(entry);
    return { kind: 'accepted', target: () => nodeClass.publication() };
  }

  heard(session: Session): void {
    const entry = this.#bySession.get(session);
    if (entry === undefined) return;
    entry.record = { ...entry.record, lastSeenMs: Date.now() };
    this.#rows.touchSoon(entry);
  }

  heartbeat(session: Session, heartbeat: NodeHeartbeat__Output): void {
    const entry = this.#bySession.get(session);
    if (entry === undefined) return;
    entry.heartbeat = heartbeatFacts(heartbeat, entry.heartbeat);
    if (heartbeat.traffic !== null) this.traffic.add(session, entry.record.id, heartbeat.traffic);
    if (heartbeat.targetHealth !== null) entry.targets = nodeTargets(heartbeat.targetHealth);
    if (heartbeat.destinations === null) return;
    entry.destinations = nodeDestinations(heartbeat.destinations);
    for (const listener of this.#listeners) listener();
  }

  applied(session: Session, { hash, revision, applyMs, ackMs }: Parameters<SessionEvents['applied']>[1]): void {
    const entry = this.#bySession.get(session);
    if (entry === undefined) return;
    if (ackMs !== undefined) this.#options.onAcked?.(ackMs);
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

  rejected(session: Session, { hash, revision, faults }: Parameters<SessionEvents['rejected']>[1]): void {
    const entry = this.#bySession.get(session);
    if (entry === undefined) return;
    entry.rejectedRevision = Math.max(entry.rejectedRevision, revision ?? -1);
    const nowMs = Date.now();
    const rejected = rejectionOf({ hash, faults }, this.#rejectionContext());
    remember(entry.rejections, rejected);
    this.#options.logger.warn('node_rejected', 'A data plane rejected the configuration', {
      node_id: entry.record.id,
      hash,
      faults: rejected.errors.slice(0, 20),
    });
    this.#update(session, { rejected, updatedAtMs: nowMs });
    this.#followClass(entry);
  }

  pushed(_session: Session, pushed: Pushed): void {
    this.#options.onPushed?.(pushed);
  }

  ended(session: Session): void {
    const entry = this.#bySession.get(session);
    if (entry === undefined) return;
    this.#bySession.delete(session);
    this.traffic.ended(session);
    entry.session = undefined;
    if (entry.nodeClass !== undefined) this.#options.publisher.leave(entry.nodeClass);
    entry.nodeClass = undefined;
    entry.heartbeat = undefined;
    entry.destinations = undefined;
    // The row keeps the last one; the others were of this stream.
    entry.rejections.clear();
    entry.targets = undefined;
    this.#changed(entry);
    this.#options.logger.info('node_disconnected', 'A data plane is no longer connected', { node_id: entry.record.id });
  }

  /** Returns the newest case of a database that is older than what a node has run; undefined when there was none. */
  wentBack(): WentBack | undefined {
    return this.#wentBack.found;
  }

  /** Says why node records cannot be saved; undefined when they can. */
  fault(): string | undefined {
    return this.#rows.fault;
  }

  /** Removes the row of a node that is not connected. */
  forget(id: string): 'forgotten' | 'connected' | 'unknown' {
    const entry = this.#rows.get(id);
    if (entry === undefined) return 'unknown';
    if (entry.session !== undefined) return 'connected';
    if (!this.#rows.remove([entry])) throw new Error('The row of the node could not be removed');
    for (const listener of this.#listeners) listener();
    return 'forgotten';
  }

  /** Offers the configuration with consent to a node that follows another database. Returns whether it did. */
  adopt(id: string): boolean {
    const entry = this.#rows.get(id);
    const rejected = entry?.record.rejected;
    if (entry?.session === undefined || !rejected || !followsAnotherDatabase(rejected)) return false;
    entry.rejections.delete(rejected.hash);
    entry.session.adopt(rejected.hash);
    this.#options.logger.info('node_adopted', 'A node is offered the configuration of this database with consent', {
      node_id: id,
    });
    return true;
  }

  /** Sets the health of a target on every connected node that can take it. */
  setTargetHealth(change: TargetHealthChange): void {
    for (const [session, { takesTargetHealth }] of this.#bySession) {
      if (takesTargetHealth) session.setTargetHealth(change);
    }
  }

  /** Saves what is not in the store yet and ends the timers. */
  stop(): void {
    this.#endRevisions();
    clearInterval(this.#watchTimer);
    this.#rows.stop();
  }

  #rejectionContext(): RejectionContext {
    return { entityHashOf: this.#entityHashOf, nodes: this.#rows.size };
  }

  #published(): void {
    this.#wentBack.revisionKnown();
    const { publisher } = this.#options;
    for (const entry of this.#rows.all()) {
      const expected = entry.nodeClass === undefined ? publisher.latest() : entry.nodeClass.publication();
      if (expireRejection(entry, expected?.hash, this.#entityHashOf)) this.#changed(entry);
    }
    for (const entry of this.#bySession.values()) this.#followClass(entry);
    for (const session of this.#bySession.keys()) session.offer();
    for (const listener of this.#listeners) listener();
  }

  #followClass(entry: NodeEntry): void {
    if (followClass(entry, this.#options.logger)) this.#changed(entry);
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
    entry.history.note({
      atMs,
      from,
      to,
      expectedHash: entry.nodeClass?.publication()?.hash ?? null,
      appliedHash: entry.record.appliedHash,
      reason: to === 'rejected' ? rejectionReason(entry.record.rejected) : null,
    });
    for (const listener of this.#stateListeners) listener({ entry, from, to, atMs });
  }

  #update(session: Session, changes: Partial<NodeRecord>): void {
    const entry = this.#bySession.get(session);
    if (entry === undefined) return;
    entry.record = { ...entry.record, ...changes };
    this.#changed(entry);
  }

  #changed(entry: NodeEntry): void {
    this.#rows.saveSoon(entry);
    this.#tellState(entry);
    for (const listener of this.#listeners) listener();
  }
}
