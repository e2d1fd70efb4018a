import Fastify, { type FastifyInstance } from 'fastify';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import type { Logger } from '../../shared/log.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { boundAddress } from '../../shared/status-server.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { EntityStore } from '../store/entity-store.ts';
import { addAuditRoutes } from './audit-routes.ts';
import { addBodyParsers, bodyBytesMax } from './body.ts';
import { addClusteringRoutes } from './clustering-routes.ts';
import type { Clustering, SyncGate } from './clustering.ts';
import { addConfigRoutes, configPath } from './config-routes.ts';
import { countConnections, type ConnectionCounts, type OnRequest } from './connection-counts.ts';
import type { DeclarativeConfig } from './declarative-config.ts';
import { addEntityRoutes } from './entity-routes.ts';
import { addErrorAnswers } from './error-answers.ts';
import { addInfoRoutes } from './info-routes.ts';
import {
  answerBrokenRequest,
  createListener,
  defaultAdminLimits,
  type AdminLimits,
  type AdminTls,
} from './listener.ts';
import type { DocumentedPath, PathAbout } from './openapi.ts';
import { addResource, type Handlers } from './resource.ts';
import { addSchemaRoutes } from './schema-routes.ts';
import { addSecurity, readMethods, type SecuritySettings } from './security.ts';

export interface AdminSettings extends Omit<SecuritySettings, 'host'> {
  readonly listen: { readonly host: string; readonly port: number };
  readonly role: 'control_plane' | 'traditional' | 'dbless';
  readonly sluiceVersion: string;
  /** With it the server speaks HTTPS. */
  readonly tls?: AdminTls;
  readonly limits?: AdminLimits;
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
  /** Without it writes do not wait for nodes. */
  readonly syncGate?: SyncGate;
  /** Where this process's proxy listens, as `GET /` tells; without it there is none. */
  readonly proxyAddresses?: () => readonly string[];
  /** Without a database `GET /status` tells what runs. */
  readonly configurationHash?: () => string | undefined;
  readonly onRequest?: OnRequest;
}

export interface AdminServer {
  /** Resolves with `host:port` as bound; rejects when it cannot be bound. */
  start(): Promise<string>;
  stop(): Promise<void>;
}

// Kong has no such limit; this one keeps a path's segment within what an index should hold.
const pathSegmentLengthMax = 4096;
// How long requests in flight may take when the server stops.
const stopTimeoutMs = 5_000;

/** Creates the Admin API. It is Kong's, so that its clients work unchanged. */
export function createAdminServer(options: AdminServerOptions): AdminServer {
  const { settings, logger } = options;
  const app = Fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    forceCloseConnections: 'idle',
    serverFactory: (handler) =>
      createListener({ handler, tls: settings.tls, limits: settings.limits ?? defaultAdminLimits, logger }),
    clientErrorHandler: answerBrokenRequest,
    routerOptions: {
      ignoreTrailingSlash: true,
      maxParamLength: pathSegmentLengthMax,
      onBadUrl: (_path, _request, response) => {
        response.writeHead(400, { 'Content-Type': 'application/json; charset=utf-8' });
        response.end('{"message":"Bad request: the path is not well percent-encoded"}');
      },
    },
  });
  const counts = countConnections(app, options.onRequest);
  addSecurity(app, { ...settings, host: settings.listen.host });
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
      const timer = setTimeout(() => app.server.closeAllConnections(), stopTimeoutMs);
      await app.close().finally(() => clearTimeout(timer));
    },
  };
}

/** Adds all endpoints. Returns the function that ends the streams of events. */
function addRoutes(
  app: FastifyInstance,
  options: AdminServerOptions,
  { counts, addresses }: { readonly counts: () => ConnectionCounts; readonly addresses: () => readonly string[] },
): () => void {
  const { settings, entities, plugins, store, clustering, declarative } = options;
  const { role, sluiceVersion } = settings;
  const paths: DocumentedPath[] = [];
  const add = (path: string, handlers: Handlers, about?: PathAbout) => {
    paths.push({ path: path.replace(/:([a-z]+)/g, '{$1}'), methods: Object.keys(handlers), about });
    addResource({ app, path, handlers });
  };
  const syncGate = options.syncGate === undefined ? {} : { syncGate: options.syncGate };
  addEntityRoutes({ entities, plugins, store, readOnly: role === 'dbless', add, ...syncGate });
  addSchemaRoutes({ entities, plugins, store, add });
  addInfoRoutes({
    store,
    entities,
    plugins,
    role,
    sluiceVersion,
    addresses,
    proxyAddresses: options.proxyAddresses ?? (() => []),
    configurationHash: options.configurationHash,
    connections: counts,
    add,
    paths,
  });
  const endEvents = clustering && addClusteringRoutes(clustering, add);
  if (options.audit !== undefined) addAuditRoutes(options.audit, add);
  if (declarative !== undefined) {
    app.addHook('preHandler', async ({ method, routeOptions }) => {
      if (!readMethods.has(method) && routeOptions.url !== configPath) await declarative.writable();
    });
    paths.push({ path: configPath, methods: ['GET', 'POST'], about: undefined });
    void app.register(async (scope) => addConfigRoutes(scope, { declarative, entities, plugins, ...syncGate }));
  }
  return () => endEvents?.();
}
