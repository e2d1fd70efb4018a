import type { Clustering, DataPlaneView } from '../admin/clustering.ts';
import { destinationViews } from './destination-views.ts';
import type { NodeEntry } from './node-entry.ts';
import type { NodeRegistry } from './node-registry.ts';
import { nodeStates } from './node-states.ts';
import { NodeTries } from './node-tries.ts';
import type { Publisher } from './publisher.ts';
import type { PastChange } from './state-history.ts';
import type { WentBack } from './went-back.ts';

export interface ClusteringOptions {
  readonly registry: Pick<
    NodeRegistry,
    | 'list'
    | 'get'
    | 'state'
    | 'onStateChange'
    | 'forget'
    | 'adopt'
    | 'wentBack'
    | 'traffic'
    | 'connected'
    | 'connectedEntries'
  >;
  /** The identity of the database. */
  readonly databaseId: string | undefined;
  readonly publisher: Pick<Publisher, 'latest' | 'withheld'>;
  readonly nodePurgeAfterMs: number;
}

/** `GET /clustering/status` shows at most this many faults of withheld entities. */
const withheldShownMax = 100;

/** The hash that Kong answers for a node without a configuration. */
const noHash = '0'.repeat(32);

/** Makes the views of data planes for the Admin API: Kong's fields first, then ours. Times are seconds since 1970. */
export function createClustering(options: ClusteringOptions): Clustering {
  const { registry, publisher, nodePurgeAfterMs, databaseId } = options;
  // A node that is not connected is expected to run what all others do.
  const expectedHashOf = ({ nodeClass }: NodeEntry): string | null =>
    (nodeClass === undefined ? publisher.latest() : nodeClass.publication())?.hash ?? null;

  const tries = new NodeTries();
  const view = (entry: NodeEntry): DataPlaneView =>
    dataPlaneView(entry, {
      expectedHash: expectedHashOf(entry),
      nodePurgeAfterMs,
      state: (nowMs) => registry.state(entry, nowMs),
    });

  return {
    listDataPlanes: () => registry.list().map(view),
    getDataPlane(id) {
      const entry = registry.get(id);
      return entry && view(entry);
    },
    status() {
      const nowMs = Date.now();
      const states = Object.fromEntries(nodeStates.map((state) => [state, 0]));
      const entries = registry.list();
      for (const entry of entries) {
        const state = registry.state(entry, nowMs);
        states[state] = (states[state] ?? 0) + 1;
      }
      const latest = publisher.latest();
      return {
        expected_hash: latest?.hash ?? null,
        revision: latest?.revision ?? null,
        nodes: entries.length,
        connected: entries.filter(({ session }) => session !== undefined).length,
        states,
        slowest_node: slowest(entries, registry, nowMs),
        database: { id: databaseId ?? null, went_back: wentBackView(registry.wentBack()) },
        withheld: publisher.withheld().slice(0, withheldShownMax).map(errorView),
      };
    },
    forgetDataPlane: (id) => registry.forget(id),
    adoptDatabase: (ids) =>
      (ids === 'all' ? registry.list().map(({ record }) => record.id) : ids).filter((id) => registry.adopt(id)),
    tryRequest: (id, json) => tries.run(registry.get(id), json),
    history: (id) => registry.get(id)?.history.all().map(pastChangeView),
    destinations: () => destinationViews(registry.connectedEntries()),
    traffic: (subject, sinceMs) => ({
      ...registry.traffic.view(subject, sinceMs),
      nodes_connected: registry.connected,
    }),
    onStateChange: (listener) =>
      registry.onStateChange(({ entry, from, to, atMs }) =>
        listener({
          id: entry.record.id,
          hostname: entry.record.hostname,
          from,
          state: to,
          expected_hash: expectedHashOf(entry),
          applied_hash: entry.record.appliedHash,
          at: atMs / 1_000,
        }),
      ),
  };
}

function pastChangeView({ atMs, from, to, expectedHash, appliedHash, reason }: PastChange): object {
  return { at: seconds(atMs), from, state: to, expected_hash: expectedHash, applied_hash: appliedHash, reason };
}

interface ViewContext {
  readonly expectedHash: string | null;
  readonly nodePurgeAfterMs: number;
  readonly state: (nowMs: number) => string;
}

function dataPlaneView(entry: NodeEntry, { expectedHash, nodePurgeAfterMs, state }: ViewContext): DataPlaneView {
  const { record, session, heartbeat } = entry;
  const { rejected } = record;
  const nowMs = Date.now();
  return {
    id: record.id,
    hostname: record.hostname,
    ip: record.ip,
    version: record.version,
    labels: record.labels,
    last_seen: Math.floor(record.lastSeenMs / 1_000),
    config_hash: record.appliedHash ?? noHash,
    sync_status: record.syncStatus,
    cert_details: certificateView(record.certificate),
    ttl: Math.max(0, Math.ceil((record.lastSeenMs + nodePurgeAfterMs - nowMs) / 1_000)),
    updated_at: Math.floor(record.updatedAtMs / 1_000),
    connected: session !== undefined,
    state: state(nowMs),
    boot_id: record.bootId,
    expected_hash: expectedHash,
    applied_hash: record.appliedHash,
    applied_at: seconds(record.appliedAtMs),
    apply_ms: record.applyMs,
    behind_ms: entry.behindSinceMs === undefined ? 0 : nowMs - entry.behindSinceMs,
    rejected: rejected && { hash: rejected.hash, at: seconds(rejected.atMs), errors: rejected.errors.map(errorView) },
    compatibility: (entry.nodeClass?.rows() ?? []).map(({ field, plugin, action, reason }) => ({
      field,
      plugin,
      action,
      reason,
    })),
    clusters: heartbeat?.clusters ?? [],
    destinations: entry.destinations?.items ?? [],
    destinations_omitted: entry.destinations?.omitted ?? 0,
    requests_per_second: round(heartbeat?.requestsPerSecond ?? 0),
  };
}

/** Picks the connected node that has been behind for longest, else the one that took longest to apply. */
function slowest(entries: readonly NodeEntry[], registry: Pick<NodeRegistry, 'state'>, nowMs: number): object | null {
  const behindMs = ({ behindSinceMs }: NodeEntry): number => (behindSinceMs === undefined ? 0 : nowMs - behindSinceMs);
  const [first] = entries
    .filter(({ session }) => session !== undefined)
    .sort((a, b) => behindMs(b) - behindMs(a) || (b.record.applyMs ?? 0) - (a.record.applyMs ?? 0));
  if (first === undefined) return null;
  const { id, hostname, applyMs } = first.record;
  return { id, hostname, state: registry.state(first, nowMs), apply_ms: applyMs, behind_ms: behindMs(first) };
}

function wentBackView(wentBack: WentBack | undefined): object | null {
  if (wentBack === undefined) return null;
  const { atMs, nodeId, nodeRevision, revision } = wentBack;
  return { at: seconds(atMs), node: nodeId, node_revision: nodeRevision, revision };
}

function errorView(fault: NonNullable<NodeEntry['record']['rejected']>['errors'][number]): object {
  const { entityType, entityId, entityName, path, message } = fault;
  return { entity_type: entityType, entity_id: entityId, entity_name: entityName, field: path, message };
}

/** Shows a certificate, Kong's field first. */
function certificateView(certificate: NodeEntry['record']['certificate']): object | null {
  if (certificate === undefined || certificate === null) return null;
  const { digest, subject, validToMs } = certificate;
  return { expiry_timestamp: Math.floor(validToMs / 1_000), subject, digest };
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1_000;
}

function round(perSecond: number): number {
  return Math.round(perSecond * 10) / 10;
}
