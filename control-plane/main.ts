import { Counter, Registry, collectDefaultMetrics } from 'prom-client';
import { entities } from '../shared/entities/entities.ts';
import type { Logger } from '../shared/log.ts';
import { pluginSchemas } from '../shared/plugin-schemas/plugin-schemas.ts';
import { startStatusServer } from '../shared/status-server.ts';
import { createAdminServer } from './admin/admin-server.ts';
import { databaseConfig } from './declarative/database-config.ts';
import { startExpiry } from './expire-entities.ts';
import { refreshEntities } from './refresh-entities.ts';
import { openDatabase } from './store/database.ts';
import { createEntityStore } from './store/entity-store.ts';
import { startConfigSync } from './sync/config-sync.ts';

export type Listener = { readonly host: string; readonly port: number } | 'off';

/** Settings of a control plane, checked and in their units. */
export interface ControlPlaneOptions {
  /** SQLite file, created with its folder. */
  readonly database: string;
  readonly adminListen: Listener;
  readonly adminToken?: string;
  readonly adminTokenReadOnly?: string;
  readonly adminHosts: readonly string[];
  readonly adminCorsOrigins: readonly string[];
  readonly clusterListen: Listener;
  readonly statusListen: Listener;
  readonly nodePurgeAfterMs: number;
  readonly sluiceVersion: string;
  readonly logger: Logger;
}

export interface ControlPlane {
  /** `host:port` as bound of what listens: `admin`, `cluster`, `status`. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Stops accepting, finishes what is under way, closes the database. May be called more than once. */
  stop(): Promise<void>;
}

/** Starts store, config sync, Admin API and status; what was started is stopped again when one of them fails. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const stops: (() => void | Promise<void>)[] = [];
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= stopAll(stops));
  try {
    const addresses = await startParts(options, stops);
    return { addresses, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startParts(
  options: ControlPlaneOptions,
  stops: (() => void | Promise<void>)[],
): Promise<Readonly<Record<string, string>>> {
  const { logger, adminListen, statusListen, sluiceVersion } = options;
  const startedAt = Date.now();
  const addresses: Record<string, string> = {};
  const state = { ready: false, stopping: false };
  const database = openDatabase({ path: options.database });
  stops.push(() => void database.close());
  const store = createEntityStore({ database, entities, logger, plugins: pluginSchemas });
  refreshEntities({ store, entities, plugins: pluginSchemas, logger });
  stops.push(startExpiry({ store, logger }));
  const metrics = new Registry();
  collectDefaultMetrics({ register: metrics });

  const sync = await startConfigSync({
    reader: store,
    database,
    listen: options.clusterListen,
    nodePurgeAfterMs: options.nodePurgeAfterMs,
    entities,
    plugins: pluginSchemas,
    version: sluiceVersion,
    logger,
    metrics,
  });
  stops.push(() => sync.stop());
  if (sync.address !== undefined) addresses['cluster'] = sync.address;

  if (statusListen !== 'off') {
    const status = await startStatusServer({
      listen: statusListen,
      metrics,
      logger,
      ready: () => readiness(state),
      status: () => ({
        role: 'control_plane',
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
    const declarative = databaseConfig({ store, database: options.database });
    stops.push(() => declarative.stop());
    const admin = createAdminServer({
      store,
      declarative,
      entities,
      plugins: pluginSchemas,
      logger,
      clustering: sync.clustering,
      syncGate: sync.syncGate,
      onRequest: countAdminRequests(metrics),
      settings: {
        listen: adminListen,
        role: 'control_plane',
        sluiceVersion,
        hosts: options.adminHosts,
        corsOrigins: options.adminCorsOrigins,
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
  return addresses;
}

function readiness({ ready, stopping }: { readonly ready: boolean; readonly stopping: boolean }) {
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
