import type { Hello__Output } from '../../shared/generated/sluice/sync/v1/Hello.ts';
import type { CertificateDetails } from '../../shared/cluster-tls.ts';
import { type EntityFault, toldFaultsMax } from '../../shared/config-source.ts';
import type { NodeRecord, NodeRejection } from '../store/node-store.ts';
import type { ServedClass } from './node-class.ts';
import type { NodeSession } from './node-session.ts';
import type { NodeState } from './node-states.ts';

/** A known node: what is remembered of it, and what only its stream knows. */
export interface NodeEntry {
  record: NodeRecord;
  session: NodeSession | undefined;
  /** While it is connected. */
  nodeClass: ServedClass | undefined;
  /** Since when it waits for what it should run. */
  behindSinceMs: number | undefined;
  /** Revisions that this stream's last ack and last reject belong to, where they are known. */
  appliedRevision: number;
  rejectedRevision: number;
  /** Refused on this stream, by hash; the newest `rejectionsMax`. */
  readonly rejections: Map<string, NodeRejection>;
  heartbeat: NodeHeartbeatFacts | undefined;
  /** As it was last told. */
  state: NodeState;
}

/** What the connection tells of a node. */
export interface NodePeer {
  readonly ip: string;
  /** Undefined without TLS. */
  readonly certificate: CertificateDetails | undefined;
}

export interface NodeHeartbeatFacts {
  readonly atMs: number;
  readonly requestsTotal: number;
  readonly requestsPerSecond: number;
  readonly clusters: readonly { readonly name: string; readonly state: string }[];
}

const labelsMax = 64;
/** Characters of a name that a node tells. */
const textMax = 255;
/** Characters of a fault's path and message. */
const faultTextMax = 2_000;

/** The faults of a refused version as far as they are kept: a node may be of another make. */
export function boundedFaults(faults: readonly EntityFault[]): EntityFault[] {
  return faults.slice(0, toldFaultsMax).map(({ entityType, entityId, entityName, path, message }) => ({
    entityType: boundedText(entityType),
    entityId: boundedText(entityId),
    entityName: boundedText(entityName),
    path: boundedText(path, faultTextMax),
    message: boundedText(message, faultTextMax),
  }));
}

/** The beginning of a text as a text of its own: a slice would keep all of the long one in memory. */
export function boundedText(text: string, charsMax = textMax): string {
  return text.length <= charsMax ? text : Buffer.from(text.slice(0, charsMax)).toString();
}

/** An entry of a node that is not connected. */
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

/** What a hello tells, joined with what was known of the node before. */
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
    // When it was applied is known only of what this control plane saw; else from now on.
    appliedAtMs: hello.hash === '' ? null : sameHash ? known.appliedAtMs : nowMs,
    applyMs: sameHash ? known.applyMs : null,
    rejected:
      last === null ? null : (sameRejected ?? { hash: last.hash, atMs: nowMs, errors: boundedFaults(last.faults) }),
  };
}

/** Characters of a node's version and of all names that it knows, each with one more: also what is empty takes room. */
export function knownChars({ version: own, plugins, entityKinds }: Hello__Output): number {
  const names = [
    own,
    ...plugins.flatMap(({ name, version, fields }) => [name, version, ...fields]),
    ...entityKinds.flatMap(({ plural, fields }) => [plural, ...fields]),
  ];
  return names.reduce((sum, { length }) => sum + length + 1, 0);
}
