import { Counter, Registry, collectDefaultMetrics } from 'prom-client';
import { entities } from '../shared/entities/entities.ts';
import { checkServerName, loadClusterTls, logExpiry, type ClusterFiles } from '../shared/cluster-tls.ts';
import type { Logger } from '../shared/log.ts';
import { pluginSchemas } from '../shared/plugin-schemas/plugin-schemas.ts';
import type { Listener } from '../shared/settings/setting-values.ts';
import { startStatusServer } from '../shared/status-server.ts';
import { createAdminServer } from './admin/admin-server.ts';
import { adminTlsOf, type AdminTlsFiles } from './admin/admin-tls.ts';
import { databaseConfig } from './declarative/database-config.ts';
import { startExpiry } from './expire-entities.ts';
import { refreshEntities } from './refresh-entities.ts';
import { createAuditLog } from './store/audit-log.ts';
import { lockDatabase } from './store/database-lock.ts';
import { openDatabase } from './store/database.ts';
import { plainDocuments, sealedDocuments, type Documents } from './store/documents.ts';
import { createEntityStore } from './store/entity-store.ts';
import { parseKeyring, readKeyringLines } from './store/keyring.ts';
import { WriteHold } from './store/write-hold.ts';
import { startConfigSync } from './sync/config-sync.ts';
import { createLocalSource, type LocalSource } from './sync/local-source.ts';

/** Settings of a control plane, checked and in their units. */
export interface ControlPlaneOptions {
  /** `traditional` serves a data plane in the same process and no others. */
  readonly role?: 'control_plane' | 'traditional';
  /** SQLite file, created with its folder. */
  readonly database: string;
  /** File with keys, or `env:NAME`; without it secrets are stored in the clear. */
  readonly keyring?: string;
  readonly adminListen: Listener;
  /** HTTPS. */
  readonly adminTlsFiles?: AdminTlsFiles;
  readonly adminToken?: string;
  readonly adminTokenReadOnly?: string;
  readonly adminHosts: readonly string[];
  readonly adminCorsOrigins: readonly string[];
  readonly clusterListen: Listener;
  /** mTLS for data planes; without it plaintext. */
  readonly clusterFiles?: ClusterFiles;
  readonly statusListen: Listener;
  /** Where the proxy of the same process listens. */
  readonly proxyAddresses?: () => readonly string[];
  readonly nodePurgeAfterMs: number;
  /** Data planes that are kept, connected and not. */
  readonly nodesMax?: number;
  readonly sluiceVersion: string;
  readonly logger: Logger;
  /** Where its metrics go, when they are shown elsewhere. */
  readonly metrics?: Registry;
}

export interface ControlPlane {
  /** `host:port` as bound of what listens: `admin`, `cluster`, `status`. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly nodeId: string;
  /** The configuration for a data plane in this process; of role `traditional`. */
  readonly localSource: LocalSource | undefined;
  /** Stops accepting, finishes what is under way, closes the database. May be called more than once. */
  stop(): Promise<void>;
}

/**
 * One entity at a time hardly reads a page twice, and reading all reads each once: the system's cache of the file will do.
 * The loads of whole files, in threads of their own, have more.
 */
const cacheKib = 4_096;

/** Starts store, config sync, Admin API and status; what was started is stopped again when one of them fails. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const stops: (() => void | Promise<void>)[] = [];
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= stopAll(stops));
  try {
    return { ...(await startParts(options, stops)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startParts(
  options: ControlPlaneOptions,
  stops: (() => void | Promise<void>)[],
): Promise<Omit<ControlPlane, 'stop'>> {
  const { role = 'control_plane', logger, adminListen, statusListen, sluiceVersion } = options;
  const startedAt = Date.now();
  const addresses: Record<string, string> = {};
  const state = { ready: false, stopping: false };
  const tls = options.clusterFiles && loadClusterTls(options.clusterFiles);
  if (tls !== undefined) {
    checkServerName(tls);
    logExpiry(tls, logger);
  }
  const adminTls = options.adminTlsFiles && adminTlsOf(options.adminTlsFiles);
  const keyring = options.keyring === undefined ? undefined : readKeyringLines(options.keyring, process.env);
  const documents = documentsOf(keyring, logger);
  stops.push(lockDatabase(options.database));
  const database = openDatabase({ path: options.database, cacheKib });
  stops.push(() => void database.close());
  const audit = createAuditLog({ database, plugins: pluginSchemas });
  const store = createEntityStore({ database, entities, logger, plugins: pluginSchemas, documents, audit });
  refreshEntities({ store, entities, plugins: pluginSchemas, logger });
  const hold = new WriteHold();
  stops.push(startExpiry({ store, hold, logger }));
  const metrics = options.metrics ?? defaultMetrics();

  const sync = await startConfigSync({
    reader: store,
    database,
    hold,
    listen: options.clusterListen,
    ...(tls && { tls }),
    nodePurgeAfterMs: options.nodePurgeAfterMs,
    entities,
    plugins: pluginSchemas,
    version: sluiceVersion,
    logger,
    metrics,
  });
  stops.push(() => sync.stop());
  if (sync.address !== undefined) addresses['cluster'] = sync.address;
  const localSource = role === 'traditional' ? createLocalSource({ publisher: sync.publisher, logger }) : undefined;

  if (statusListen !== 'off') {
    const status = await startStatusServer({
      listen: statusListen,
      metrics,
      logger,
      ready: () => readiness(state),
      status: () => ({
        role,
        node_id: store.nodeId(),
        version: sluiceVersion,
        uptime_seconds: Math.floor((Date.now() - startedAt) / 1000),
        addresses,
        configuration_hash: sync.clustering.status()['expected_hash'],
      }),
    });
    stops.push(() => status.stop());
    addresses['status'] = status.address;
  }
  if (adminListen !== 'off') {
    const declarative = databaseConfig({ store, hold, database: options.database, keyring });
    stops.push(() => declarative.stop());
    const admin = createAdminServer({
      store,
      declarative,
      entities,
      plugins: pluginSchemas,
      logger,
      audit,
      ...(localSource === undefined
        ? { clustering: sync.clustering, syncGate: sync.syncGate }
        : { syncGate: localSource }),
      ...(options.proxyAddresses && { proxyAddresses: options.proxyAddresses }),
      onRequest: countAdminRequests(metrics),
      settings: {
        listen: adminListen,
        role,
        sluiceVersion,
        hosts: options.adminHosts,
        corsOrigins: options.adminCorsOrigins,
        ...(adminTls && { tls: adminTls }),
        ...(options.adminToken === undefined ? {} : { token: options.adminToken }),
        ...(options.adminTokenReadOnly === undefined ? {} : { tokenReadOnly: options.adminTokenReadOnly }),
      },
    });
    stops.push(() => admin.stop());
    addresses['admin'] = await admin.start();
  }
  // Before the Admin API, so that writes that wait for nodes get their answer.
  stops.push(() => sync.stop());
  // The last is the first: no longer ready before anything closes.
  stops.push(() => void (state.stopping = true));
  state.ready = true;
  return { addresses, nodeId: store.nodeId(), localSource };
}

function defaultMetrics(): Registry {
  const metrics = new Registry();
  collectDefaultMetrics({ register: metrics });
  return metrics;
}

function documentsOf(keyring: readonly string[] | undefined, logger: Logger): Documents {
  if (keyring !== undefined) return sealedDocuments({ keyring: parseKeyring(keyring), plugins: pluginSchemas });
  logger.warn('secrets_in_clear', 'Secrets are stored in the clear: the setting keyring names no keys');
  return plainDocuments;
}

/** Body of `/status/ready`: 503 with the reason before everything is up, and from the moment that it stops. */
export function readiness({ ready, stopping }: { readonly ready: boolean; readonly stopping: boolean }) {
  if (ready && !stopping) return { ready: true, body: { message: 'ready' } };
  return { ready: false, body: { message: 'not ready', reasons: [stopping ? 'draining' : 'starting'] } };
}

function countAdminRequests(metrics: Registry) {
  const counter = new Counter({
    name: 'sluice_admin_requests_total',
    help: 'Requests to the Admin API by method and status',
    labelNames: ['method', 'status'],
    registers: [metrics],
  });
  return ({ method, status }: { method: string; status: number }) => counter.inc({ method, status: String(status) });
}

/** In reverse order of the start. Every part is stopped, then the first failure is thrown. */
async function stopAll(stops: readonly (() => void | Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const stop of stops.toReversed()) {
    try {
      await stop();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
