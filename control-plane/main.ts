import type { Registry } from 'prom-client';
import { entities } from '../shared/entities/entities.ts';
import {
  checkServerName,
  loadClusterTls,
  logExpiry,
  type ClusterFiles,
  type ClusterTls,
} from '../shared/cluster-tls.ts';
import type { TlsFiles } from '../shared/http-port.ts';
import type { Logger } from '../shared/log.ts';
import { pluginSchemas } from '../shared/plugin-schemas/plugin-schemas.ts';
import type { ListenAddress } from '../shared/settings/setting-values.ts';
import { exposeCertificateExpiry } from '../shared/certificate-expiry.ts';
import { createProcessMetrics } from '../shared/process-metrics.ts';
import { startStatusServer } from '../shared/status-server.ts';
import { createAdminServer } from './admin/admin-server.ts';
import { localTargetHealth } from './admin/local-target-health.ts';
import { adminTlsOf, type AdminTlsFiles } from './admin/admin-tls.ts';
import type { ProxyAddress } from './admin/info-routes.ts';
import type { TryHere } from './admin/try-routes.ts';
import { databaseProblems } from './database-health.ts';
import { ConfigWarnings } from './config-warnings.ts';
import { databaseConfig } from './declarative/database-config.ts';
import { configIdentity } from './store/config-identity.ts';
import { openStore, type OpenStore } from './open-store.ts';
import { maskKey } from './store/mask-key.ts';
import { startConfigSync, type RunningConfigSync } from './sync/config-sync.ts';
import { createLocalSource, type LocalSource } from './sync/local-source.ts';

/** The settings of a control plane, checked and in their units. */
export interface ControlPlaneOptions {
  /** `traditional` serves a data plane in the same process and no others. */
  readonly role?: 'control_plane' | 'traditional';
  /** SQLite file, created with its folder. */
  readonly database: string;
  /** File with keys, or `env:NAME`; without it secrets are stored in clear text. */
  readonly keyring?: string;
  readonly adminListen: ListenAddress;
  /** With them the Admin API speaks HTTPS. */
  readonly adminTlsFiles?: AdminTlsFiles;
  readonly adminToken?: string;
  readonly adminTokenReadOnly?: string;
  readonly adminHosts: readonly string[];
  readonly adminCorsOrigins: readonly string[];
  readonly clusterListen: ListenAddress;
  /** mTLS for data planes; without it plaintext. */
  readonly clusterFiles?: ClusterFiles;
  readonly statusListen: ListenAddress;
  /** Returns the addresses of the proxy of the same process. */
  readonly proxyAddresses?: () => readonly ProxyAddress[];
  readonly nodePurgeAfterMs: number;
  /** Data planes that are kept, connected and not. */
  readonly nodesMax?: number;
  readonly sluiceVersion: string;
  readonly logger: Logger;
  /** Runs sample requests on the data plane of the same process. */
  readonly tryHere?: TryHere;
  /** The registry of its metrics, when they are shown elsewhere. */
  readonly metrics?: Registry;
}

export interface ControlPlane {
  /** Addresses as bound (`host:port`) by listener: `admin`, `cluster`, `status`. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly nodeId: string;
  /** The configuration for a data plane in this process, in role `traditional`. */
  readonly localSource: LocalSource | undefined;
  /** Stops accepting, finishes requests in flight, closes the database. May be called more than once. */
  stop(): Promise<void>;
}

/** Starts store, config sync, Admin API and status. When one fails to start, those before it are stopped again. */
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

type Started = Omit<ControlPlane, 'stop'>;
type Stops = (() => void | Promise<void>)[];

/** The things that the parts of one control plane share. */
interface Parts extends OpenStore {
  readonly options: ControlPlaneOptions;
  readonly role: 'control_plane' | 'traditional';
  readonly metrics: Registry;
  readonly sync: RunningConfigSync;
  readonly warnings: ConfigWarnings;
  readonly localSource: LocalSource | undefined;
  readonly addresses: Record<string, string>;
  readonly stops: Stops;
}

async function startParts(options: ControlPlaneOptions, stops: Stops): Promise<Started> {
  const { role = 'control_plane', logger } = options;
  const addresses: Record<string, string> = {};
  const state = { ready: false, stopping: false };
  const tls = options.clusterFiles && checkedClusterTls(options.clusterFiles, logger);
  const adminTls = options.adminTlsFiles && adminTlsOf(options.adminTlsFiles);
  const opened = openStore({ path: options.database, keyring: options.keyring, logger, stops });
  const metrics = options.metrics ?? createProcessMetrics({ role, sluiceVersion: options.sluiceVersion });
  exposeCertificateExpiry(metrics, { cluster_cert: tls?.validToMs, admin_tls_cert: adminTls?.validToMs });
  const sync = await startConfigSync({
    reader: opened.store,
    database: opened.database,
    hold: opened.hold,
    listen: options.clusterListen,
    ...(tls && { tls }),
    nodePurgeAfterMs: options.nodePurgeAfterMs,
    nodesMax: options.nodesMax,
    databaseId: configIdentity(opened.database),
    entities,
    plugins: pluginSchemas,
    version: options.sluiceVersion,
    logger,
    metrics,
  });
  stops.push(() => sync.stop());
  if (sync.address !== undefined) addresses['cluster'] = sync.address;
  const localSource = role === 'traditional' ? createLocalSource({ publisher: sync.publisher, logger }) : undefined;
  const warnings = new ConfigWarnings({ reader: opened.store, logger });
  stops.push(() => warnings.stop());
  const parts: Parts = { ...opened, options, role, metrics, sync, localSource, warnings, addresses, stops };
  warnInClear(options);
  const problems = (): string[] =>
    databaseProblems({
      path: options.database,
      read: () => opened.store.revision(),
      writeFault: () => sync.fault(),
    });
  const health: Health = { ready: () => readiness(state, problems()), problems };
  await startStatus(parts, health);
  await startAdmin(parts, health, adminTls);
  // Stopping runs in reverse order: the node is no longer ready before anything closes.
  stops.push(() => void (state.stopping = true));
  state.ready = true;
  return { addresses, nodeId: opened.store.nodeId(), localSource };
}

/** Every process of the machine can read all secrets at a cluster port without certificates; a token keeps none out. */
function warnInClear({ clusterFiles, clusterListen, adminToken, logger }: ControlPlaneOptions): void {
  if (clusterFiles !== undefined || clusterListen === 'off' || adminToken === undefined) return;
  logger.warn(
    'cluster_in_clear',
    'admin_token is set, but every local process can read all secrets at the cluster port: cluster_cert is not set',
  );
}

function checkedClusterTls(files: ClusterFiles, logger: Logger): ClusterTls {
  const tls = loadClusterTls(files);
  checkServerName(tls);
  logExpiry(tls, logger);
  return tls;
}

interface Health {
  readonly ready: () => ReturnType<typeof readiness>;
  readonly problems: () => readonly string[];
}

async function startStatus(parts: Parts, { ready, problems }: Health): Promise<void> {
  const { options, role, metrics, store, sync, warnings, addresses, stops } = parts;
  if (options.statusListen === 'off') return;
  const startedAtMs = Date.now();
  const status = await startStatusServer({
    listen: options.statusListen,
    metrics,
    logger: options.logger,
    ready,
    status: () => ({
      role,
      node_id: store.nodeId(),
      version: options.sluiceVersion,
      uptime_seconds: Math.floor((Date.now() - startedAtMs) / 1000),
      addresses,
      configuration_hash: sync.clustering.status()['expected_hash'],
      problems: problems(),
      warnings: warnings.all(),
    }),
  });
  stops.push(() => status.stop());
  addresses['status'] = status.address;
}

async function startAdmin(parts: Parts, { ready }: Health, tls: TlsFiles | undefined): Promise<void> {
  const { options, role, metrics, store, hold, keyring, audit, sync, localSource, warnings, addresses, stops } = parts;
  const { adminListen, adminToken, adminTokenReadOnly, logger, proxyAddresses } = options;
  if (adminListen === 'off') return;
  const key = maskKey(parts.database);
  const declarative = databaseConfig({ store, hold, database: options.database, keyring, maskKey: key });
  stops.push(() => declarative.stop());
  const admin = createAdminServer({
    store,
    declarative,
    entities,
    plugins: pluginSchemas,
    logger,
    audit,
    ...(localSource === undefined
      ? { clustering: sync.clustering, syncGate: sync.syncGate, targetHealth: sync.targetHealth }
      : {
          syncGate: localSource,
          targetHealth: localTargetHealth(store.nodeId(), () => localSource.targets()),
        }),
    ...(proxyAddresses && { proxyAddresses }),
    ...(options.tryHere && { tryHere: options.tryHere }),
    metrics,
    maskKey: key,
    ready,
    pluginWarnings: (plugin) => warnings.about(plugin),
    settings: {
      listen: adminListen,
      role,
      sluiceVersion: options.sluiceVersion,
      hosts: options.adminHosts,
      corsOrigins: options.adminCorsOrigins,
      ...(tls && { tls }),
      ...(adminToken === undefined ? {} : { token: adminToken }),
      ...(adminTokenReadOnly === undefined ? {} : { tokenReadOnly: adminTokenReadOnly }),
    },
  });
  stops.push(async () => {
    // At once: writes that wait for nodes get their answer, which says that the connection ends.
    await Promise.all([admin.stop(), sync.stop()]);
  });
  addresses['admin'] = await admin.start();
}

/** Returns the state for `/status/ready`: not ready before everything is up, while the database fails, and from the stop on. */
export function readiness(
  { ready, stopping }: { readonly ready: boolean; readonly stopping: boolean },
  problems: readonly string[] = [],
) {
  if (stopping || !ready)
    return { ready: false, body: { message: 'not ready', reasons: [stopping ? 'draining' : 'starting'] } };
  if (problems.length > 0) return { ready: false, body: { message: 'not ready', reasons: problems } };
  return { ready: true, body: { message: 'ready' } };
}

/** Stops every part, in reverse order of the start, then throws the first failure. */
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
