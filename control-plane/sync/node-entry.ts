import type { Hello__Output } from '../../shared/generated/sluice/sync/v1/Hello.ts';
import type { NodeHeartbeat__Output } from '../../shared/generated/sluice/sync/v1/NodeHeartbeat.ts';
import type { CertificateDetails } from '../../shared/cluster-tls.ts';
import type { NodeRecord, NodeRejection } from '../store/node-store.ts';
import { isDatabaseFault } from '../../shared/config-source.ts';
import { boundedText } from './bounded-text.ts';
import type { ServedClass } from './node-class.ts';
import type { NodeDestinations } from './node-destinations.ts';
import { type RejectionContext, rejectionOf } from './node-rejections.ts';
import type { NodeTargets } from './node-targets.ts';
import type { Session } from './node-session-types.ts';
import type { NodeState } from './node-states.ts';
import { StateHistory } from './state-history.ts';

/** A known node: its saved record and the facts of its present stream. */
export interface NodeEntry {
  record: NodeRecord;
  session: Session | undefined;
  /** Undefined while the node is not connected. */
  nodeClass: ServedClass | undefined;
  /** Since when the applied hash differs from the expected one. */
  behindSinceMs: number | undefined;
  /** The revisions of this stream's last ack and last reject; -1 where unknown. */
  appliedRevision: number;
  rejectedRevision: number;
  /** The newest rejections of this stream, by hash. */
  readonly rejections: Map<string, NodeRejection>;
  heartbeat: NodeHeartbeatFacts | undefined;
  /** The node tells whether it reaches its destinations. */
  readonly tellsDestinations: boolean;
  /** The node runs sample requests. */
  readonly tries: boolean;
  /** Undefined until the node has told them on this stream. */
  destinations: NodeDestinations | undefined;
  /** The node takes the health of targets. */
  readonly takesTargetHealth: boolean;
  /** Undefined until the node has told the health of its targets on this stream. */
  targets: NodeTargets | undefined;
  /** The state that the listeners were told last. */
  state: NodeState;
  readonly history: StateHistory;
}

/** The facts of a node that its connection shows. */
export interface NodePeer {
  readonly ip: string;
  /** Undefined on a connection without TLS. */
  readonly certificate: CertificateDetails | undefined;
}

export interface NodeHeartbeatFacts {
  readonly atMs: number;
  readonly requestsTotal: number;
  readonly requestsPerSecond: number;
  readonly clusters: readonly { readonly name: string; readonly state: string }[];
}

/** Kafka clusters of a node that are shown. */
const clustersMax = 64;

/** Makes the facts of a heartbeat; the rate of requests comes from the difference to the one before. */
export function heartbeatFacts(
  { requestsTotal: total, clusters }: NodeHeartbeat__Output,
  before: NodeHeartbeatFacts | undefined,
): NodeHeartbeatFacts {
  const atMs = Date.now();
  const requestsTotal = Number(total);
  const elapsedMs = before === undefined ? 0 : atMs - before.atMs;
  const answered = before === undefined ? 0 : Math.max(0, requestsTotal - before.requestsTotal);
  const shown = clusters.slice(0, clustersMax).map(({ name, state }) => ({
    name: boundedText(name),
    state: boundedText(state),
  }));
  return {
    atMs,
    requestsTotal,
    requestsPerSecond: elapsedMs > 0 ? (answered * 1_000) / elapsedMs : 0,
    clusters: shown,
  };
}

/** Makes the entry of a node that is not connected. */
export function newEntry(record: NodeRecord): NodeEntry {
  return {
    record,
    session: undefined,
    nodeClass: undefined,
    state: 'offline',
    behindSinceMs: undefined,
    appliedRevision: -1,
    rejectedRevision: -1,
    rejections: new Map(),
    heartbeat: undefined,
    tellsDestinations: false,
    tries: false,
    destinations: undefined,
    history: new StateHistory(),
    takesTargetHealth: false,
    targets: undefined,
  };
}

interface RecordContext extends RejectionContext {
  readonly peer: NodePeer;
  readonly known: NodeRecord | undefined;
  /** The identity of the database. */
  readonly databaseId: string | undefined;
}

/** Makes a node's record from its hello and from the record that was known before. */
export function recordOf(hello: Hello__Output, context: RecordContext): NodeRecord {
  const { peer, known, databaseId } = context;
  const nowMs = Date.now();
  const sameHash = known !== undefined && known.appliedHash === hello.hash;
  // A node that is back at its own database has nothing to reject any more.
  const isBack = databaseId !== undefined && hello.databaseId === databaseId;
  const last = isBack && hello.lastRejected?.faults.some(isDatabaseFault) === true ? null : hello.lastRejected;
  // The first subject that used the id keeps it.
  const owner = known?.owner ?? peer.certificate?.subject;
  const sameRejected = last !== null && known?.rejected?.hash === last.hash ? known.rejected : null;
  return {
    id: hello.nodeId,
    bootId: hello.bootId,
    hostname: boundedText(hello.hostname),
    ip: peer.ip,
    certificate: peer.certificate ?? null,
    version: boundedText(hello.version),
    labels: hello.labels,
    lastSeenMs: nowMs,
    updatedAtMs: nowMs,
    syncStatus: 'normal',
    appliedHash: hello.hash === '' ? null : hello.hash,
    // If this control plane did not see the apply, its time counts from now.
    appliedAtMs: hello.hash === '' ? null : sameHash ? known.appliedAtMs : nowMs,
    applyMs: sameHash ? known.applyMs : null,
    rejected: last === null ? null : (sameRejected ?? rejectionOf(last, context)),
    ...(owner !== undefined && { owner }),
  };
}
