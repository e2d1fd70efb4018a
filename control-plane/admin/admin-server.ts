import { randomBytes } from 'node:crypto';
import Fastify, { type FastifyInstance } from 'fastify';
import { Registry } from 'prom-client';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import {
  createHttpPort,
  httpPortBounds,
  type HttpPort,
  type HttpPortBounds,
  type TlsFiles,
} from '../../shared/http-port.ts';
import { limitHits } from '../../shared/limit-hits.ts';
import type { Logger } from '../../shared/log.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { digestMask } from '../../shared/schema/mask.ts';
import type { SnapshotEntity } from '../../shared/snapshot.ts';
import { boundAddress } from '../../shared/status-server.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { EntityStore } from '../store/entity-store.ts';
import { addAuditRoutes } from './audit-routes.ts';
import { addBodyParsers, bodyBytesMax } from './body.ts';
import { addClusteringRoutes } from './clustering-routes.ts';
import type { Clustering, SyncGate, TargetHealthView } from './clustering.ts';
import { configPath } from './config-path.ts';
import { addConfigRoutes } from './config-routes.ts';
import { addConsoleRoutes } from './console-routes.ts';
import { countConnections, countRequests, type ConnectionCounts } from './connection-counts.ts';
import type { DeclarativeConfig } from './declarative-config.ts';
import { addEntityRoutes } from './entity-routes.ts';
import { addErrorAnswers } from './error-answers.ts';
import { failedLogins } from './failed-logins.ts';
import { addInfoRoutes, type ProxyAddress } from './info-routes.ts';
import type { DocumentedPath, PathAbout } from './openapi.ts';
import { addResource, type Handlers } from './resource.ts';
import { addUpstreamHealth } from './upstream-health.ts';
import { addSchemaRoutes } from './schema-routes.ts';
import { addTryRoutes, type TryHere } from './try-routes.ts';
import { addSecurity, readMethods, type SecuritySettings } from './security.ts';

export interface AdminSettings extends Omit<SecuritySettings, 'host'> {
  readonly listen: { readonly host: string; readonly port: number };
  readonly role: 'control_plane' | 'traditional' | 'dbless';
  readonly sluiceVersion: string;
  /** With it the server speaks HTTPS. */
  readonly tls?: TlsFiles;
  readonly bounds?: HttpPortBounds;
}

export interface AdminServerOptions {
  readonly store: EntityStore;
  readonly entities: readonly EntityDescriptor[];
  readonly plugins: PluginSchemas;
  readonly settings: AdminSettings;
  readonly logger: Logger;
  /** Without it there is no `/config`. */
  readonly declarative?: DeclarativeConfig;
  /** Without it there is no endpoint of changes. */
  readonly audit?: AuditLog;
  /** Without it there are no endpoints of data planes. */
  readonly clustering?: Clustering;
  /** Without it nobody checks targets. */
  readonly targetHealth?: TargetHealthView;
  /** Without it writes do not wait for nodes. */
  readonly syncGate?: SyncGate;
  /** Returns the addresses of this process's proxy for `GET /`; without it there is no proxy. */
  readonly proxyAddresses?: () => readonly ProxyAddress[];
  /** Without a database `GET /status` tells what runs. */
  readonly configurationHash?: () => string | undefined;
  /** Sentences about a plugin that was written, for the answer. */
  readonly pluginWarnings?: (plugin: SnapshotEntity) => readonly string[];
  /** The key of masks for the read-only token; without it one of this process. */
  readonly maskKey?: Buffer;
  /** Runs sample requests on the node of this process. */
  readonly tryHere?: TryHere;
  /** The state for `/status/ready`, as the status port tells it; without it the node is ready. */
  readonly ready?: () => { readonly ready: boolean; readonly body: object };
  /** The registry of its metrics; without it nobody reads them. */
  readonly metrics?: Registry;
}

export interface AdminServer {
  /** Resolves with `host:port` as bound; rejects when it cannot be bound. */
  start(): Promise<string>;
  stop(): Promise<void>;
}

// Kong has no such limit; this one keeps a path's segment within what an index should hold.
const pathSegmentLengthMax = 4096;
/** The time that requests in flight have when the server stops. */
const stopTimeoutMs = 5_000;

/** Creates the Admin API. It is Kong's, so that its clients work unchanged. */
export function createAdminServer(options: AdminServerOptions): AdminServer {
  const { settings, logger, metrics = new Registry() } = options;
  const onLimit = limitHits({ metrics, logger });
  const port = createHttpPort({
    tls: settings.tls,
    bounds: settings.bounds ?? httpPortBounds,
    onLimit: (limit) => onLimit(limit, 'admin'),
  });
  const app = createApp(port);
  const counts = countConnections(app, countRequests(metrics));
  addSecurity(app, { ...settings, host: settings.listen.host }, failedLogins({ logger, metrics }));
  addBodyParsers(app);
  addErrorAnswers(app, logger);
  let address: string | undefined;
  const endEvents = addRoutes(app, options, { counts, addresses: () => (address === undefined ? [] : [address]) });

  return {
    async start() {
      await app.listen(settings.listen);
      address = boundAddress(app.addresses()[0], settings.listen.host);
      return address;
    },
    async stop() {
      endEvents();
      await port.drain(stopTimeoutMs);
      await app.close();
    },
  };
}

function createApp(port: HttpPort): FastifyInstance {
  return Fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    // The port ends its connections itself, in steps.
    forceCloseConnections: false,
    return503OnClosing: false,
    serverFactory: port.createServer,
    clientErrorHandler: port.refuse,
    routerOptions: {
      ignoreTrailingSlash: true,
      maxParamLength: pathSegmentLengthMax,
      onBadUrl: (_path, _request, response) => {
        response.writeHead(400, { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' });
        response.end('{"message":"Bad request: the path is not well percent-encoded"}');
      },
    },
  });
}

/** Adds all endpoints. Returns the function that ends the streams of events. */
function addRoutes(
  app: FastifyInstance,
  options: AdminServerOptions,
  { counts, addresses }: { readonly counts: () => ConnectionCounts; readonly addresses: () => readonly string[] },
): () => void {
  const { settings, entities, plugins, store, clustering, declarative } = options;
  const { role, sluiceVersion } = settings;
  const isDbless = role === 'dbless';
  const mask = digestMask(options.maskKey ?? randomBytes(32));
  const paths: DocumentedPath[] = [];
  const add = (path: string, handlers: Handlers, about?: PathAbout) => {
    paths.push({ path: path.replace(/:([a-z]+)/g, '{$1}'), methods: Object.keys(handlers), about });
    addResource({ app, path, handlers });
  };
  const syncGate = options.syncGate === undefined ? {} : { syncGate: options.syncGate };
  addEntityRoutes({
    entities,
    plugins,
    store,
    readOnly: isDbless,
    mask,
    add,
    ...syncGate,
    ...(options.pluginWarnings && { pluginWarnings: options.pluginWarnings }),
  });
  addSchemaRoutes({ entities, plugins, store, mask, add });
  addUpstreamHealth({ store, entities, health: options.targetHealth, add });
  addInfoRoutes({
    store,
    entities,
    plugins,
    role,
    sluiceVersion,
    addresses,
    isTls: settings.tls !== undefined,
    proxyAddresses: options.proxyAddresses ?? (() => []),
    ready: options.ready ?? (() => ({ ready: true, body: { message: 'ready' } })),
    configurationHash: options.configurationHash,
    connections: counts,
    add,
    paths,
  });
  const endEvents = clustering && addClusteringRoutes({ clustering, store, entities, add });
  const { tryHere, audit } = options;
  addTryRoutes({ clustering, tryHere, audit, nodeId: () => store.nodeId(), add });
  if (options.audit !== undefined && !isDbless) {
    addAuditRoutes({ audit: options.audit, store, entities, plugins, add, ...syncGate });
  }
  addConsoleRoutes(app);
  if (declarative !== undefined) {
    app.addHook('preHandler', async ({ method, routeOptions }) => {
      if (!readMethods.has(method) && routeOptions.url !== configPath) await declarative.writable();
    });
    paths.push({ path: configPath, methods: ['GET', 'POST'], about: undefined });
    void app.register(async (scope) =>
      addConfigRoutes(scope, { declarative, entities, plugins, mask, isDbless, ...syncGate }),
    );
  }
  return () => endEvents?.();
}
