import type { Hello__Output } from '../../shared/generated/sluice/sync/v1/Hello.ts';
import type { NodeHeartbeat__Output } from '../../shared/generated/sluice/sync/v1/NodeHeartbeat.ts';
import type { CertificateDetails } from '../../shared/cluster-tls.ts';
import { type EntityFault, toldFaultsMax } from '../../shared/config-source.ts';
import type { NodeRecord, NodeRejection } from '../store/node-store.ts';
import type { ServedClass } from './node-class.ts';
import type { NodeSession } from './node-session.ts';
import type { NodeState } from './node-states.ts';

/** A known node: its saved record and the facts of its present stream. */
export interface NodeEntry {
  record: NodeRecord;
  session: NodeSession | undefined;
  /** Undefined while the node is not connected. */
  nodeClass: ServedClass | undefined;
  /** Since when the applied hash differs from the expected one. */
  behindSinceMs: number | undefined;
  /** The revisions of this stream's last ack and last reject; -1 where unknown. */
  appliedRevision: number;
  rejectedRevision: number;
  /** The newest rejections of this stream, by hash; at most `rejectionsMax`. */
  readonly rejections: Map<string, NodeRejection>;
  heartbeat: NodeHeartbeatFacts | undefined;
  /** The state that the listeners were told last. */
  state: NodeState;
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

const labelsMax = 64;
/** Kafka clusters of a node that are shown. */
const clustersMax = 64;
/** Bound of a name that a node sends, in characters. */
const textMax = 255;
/** Bound of the path and the message of a fault, in characters. */
const faultTextMax = 2_000;

/** Cuts the faults of a rejected version to the bounds that are kept, whatever software sent them. */
export function boundedFaults(faults: readonly EntityFault[]): EntityFault[] {
  return faults.slice(0, toldFaultsMax).map(({ entityType, entityId, entityName, path, message }) => ({
    entityType: boundedText(entityType),
    entityId: boundedText(entityId),
    entityName: boundedText(entityName),
    path: boundedText(path, faultTextMax),
    message: boundedText(message, faultTextMax),
  }));
}

/** Copies the beginning of a text. V8 keeps the whole text in memory as long as a slice of it is in use. */
export function boundedText(text: string, charsMax = textMax): string {
  return text.length <= charsMax ? text : Buffer.from(text.slice(0, charsMax)).toString();
}

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
  };
}

/** Makes a node's record from its hello and from the record that was known before. */
export function recordOf(hello: Hello__Output, peer: NodePeer, known: NodeRecord | undefined): NodeRecord {
  const nowMs = Date.now();
  const sameHash = known !== undefined && known.appliedHash === hello.hash;
  const last = hello.lastRejected;
  const sameRejected = last !== null && known?.rejected?.hash === last.hash ? known.rejected : null;
  return {
    id: hello.nodeId,
    bootId: hello.bootId,
    hostname: boundedText(hello.hostname),
    ip: peer.ip,
    certificate: peer.certificate ?? null,
    version: boundedText(hello.version),
    labels: Object.fromEntries(
      Object.entries(hello.labels)
        .slice(0, labelsMax)
        .map(([name, value]) => [boundedText(name), boundedText(value)]),
    ),
    lastSeenMs: nowMs,
    updatedAtMs: nowMs,
    syncStatus: 'normal',
    appliedHash: hello.hash === '' ? null : hello.hash,
    // If this control plane did not see the apply, its time counts from now.
    appliedAtMs: hello.hash === '' ? null : sameHash ? known.appliedAtMs : nowMs,
    applyMs: sameHash ? known.applyMs : null,
    rejected:
      last === null ? null : (sameRejected ?? { hash: last.hash, atMs: nowMs, errors: boundedFaults(last.faults) }),
  };
}
