import { listOf, numberOf, recordOf, recordsOf, textOf, type Values } from './read.ts';

/** The states of a node, the most urgent first. */
export const nodeStates = ['rejected', 'stale', 'incompatible', 'offline', 'pending', 'in_sync'] as const;
export type NodeState = (typeof nodeStates)[number];

export interface Destination {
  readonly kind: string;
  readonly name: string;
  readonly state: string;
  readonly error: string | undefined;
}

export interface Fault {
  readonly entityType: string;
  readonly entityId: string;
  readonly entityName: string;
  readonly field: string;
  readonly message: string;
}

/** A data plane as `GET /clustering/data-planes` tells it. Times are seconds since 1970. */
export interface Node {
  readonly id: string;
  readonly hostname: string;
  readonly ip: string;
  readonly version: string;
  readonly labels: readonly (readonly [string, string])[];
  readonly state: NodeState;
  readonly connected: boolean;
  readonly lastSeen: number | undefined;
  readonly expectedHash: string | undefined;
  readonly appliedHash: string | undefined;
  readonly appliedAt: number | undefined;
  readonly applyMs: number | undefined;
  readonly behindMs: number;
  readonly syncStatus: string;
  readonly rejected:
    { readonly hash: string; readonly at: number | undefined; readonly errors: readonly Fault[] } | undefined;
  readonly compatibility: readonly { field: string; plugin: string; action: string; reason: string }[];
  readonly clusters: readonly Values[];
  readonly destinations: readonly Destination[];
  readonly destinationsOmitted: number;
  readonly requestsPerSecond: number;
  readonly certificate: { readonly expiresAt: number; readonly subject: string } | undefined;
}

/** Reads a node; undefined when it has no id or a state of a newer version. */
export function toNode(value: Values): Node | undefined {
  const id = textOf(value['id']);
  const state = nodeStates.find((one) => one === value['state']);
  if (id === undefined || state === undefined) return undefined;
  const text = (name: string) => textOf(value[name]) ?? '';
  return {
    id,
    state,
    hostname: text('hostname'),
    ip: text('ip'),
    version: text('version'),
    labels: Object.entries(recordOf(value['labels'])).map(([name, label]) => [name, String(label)] as const),
    connected: value['connected'] === true,
    lastSeen: numberOf(value['last_seen']),
    expectedHash: textOf(value['expected_hash']),
    appliedHash: textOf(value['applied_hash']),
    appliedAt: numberOf(value['applied_at']),
    applyMs: numberOf(value['apply_ms']),
    behindMs: numberOf(value['behind_ms']) ?? 0,
    syncStatus: text('sync_status'),
    rejected: toRejection(value['rejected']),
    compatibility: recordsOf(value['compatibility']).map((row) => ({
      field: textOf(row['field']) ?? '',
      plugin: textOf(row['plugin']) ?? '',
      action: textOf(row['action']) ?? '',
      reason: textOf(row['reason']) ?? '',
    })),
    clusters: recordsOf(value['clusters']),
    destinations: recordsOf(value['destinations']).map(toDestination),
    destinationsOmitted: numberOf(value['destinations_omitted']) ?? 0,
    requestsPerSecond: numberOf(value['requests_per_second']) ?? 0,
    certificate: toCertificate(recordOf(value['cert_details'])),
  };
}

/** Returns the names of nodes by id: the host name, with the beginning of the id where several nodes share it. */
export function nodeNames(nodes: readonly Node[]): ReadonlyMap<string, string> {
  const counts = new Map<string, number>();
  for (const { hostname } of nodes) counts.set(hostname, (counts.get(hostname) ?? 0) + 1);
  return new Map(
    nodes.map(({ id, hostname }) => [id, counts.get(hostname) === 1 ? hostname : `${hostname} (${id.slice(0, 8)})`]),
  );
}

export function toFault(value: Values): Fault {
  const text = (name: string) => textOf(value[name]) ?? '';
  const field = listOf(value['field']).map(String).join('.');
  return {
    entityType: text('entity_type'),
    entityId: text('entity_id'),
    entityName: text('entity_name'),
    field: field === '' ? text('field') : field,
    message: text('message'),
  };
}

function toRejection(value: unknown): Node['rejected'] {
  const { hash, at, errors } = recordOf(value);
  if (typeof hash !== 'string') return undefined;
  return { hash, at: numberOf(at), errors: recordsOf(errors).map(toFault) };
}

function toDestination(value: Values): Destination {
  const text = (name: string) => textOf(value[name]) ?? '';
  return { kind: text('kind'), name: text('name'), state: text('state'), error: textOf(value['error']) };
}

function toCertificate(value: Values): Node['certificate'] {
  const expiresAt = numberOf(value['expiry_timestamp']);
  return expiresAt === undefined ? undefined : { expiresAt, subject: textOf(value['subject']) ?? '' };
}
