import Fastify, { type FastifyInstance } from 'fastify';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { type Logger, stackOf } from '../../shared/log.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { boundAddress } from '../../shared/status-server.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { EntityStore } from '../store/entity-store.ts';
import { AdminError, plainError } from './admin-error.ts';
import { addAuditRoutes } from './audit-routes.ts';
import { addBodyParsers, bodyBytesMax } from './body.ts';
import { addClusteringRoutes } from './clustering-routes.ts';
import type { Clustering, SyncGate } from './clustering.ts';
import { addConfigRoutes, configPath } from './config-routes.ts';
import type { DeclarativeConfig } from './declarative-config.ts';
import { addEntityRoutes } from './entity-routes.ts';
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
  /** HTTPS; without it HTTP. */
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
  /** Called for each answered request. */
  readonly onRequest?: (request: { readonly method: string; readonly status: number }) => void;
}

export interface AdminServer {
  /** Resolves with `host:port` as bound; rejects when it cannot be bound. */
  start(): Promise<string>;
  stop(): Promise<void>;
}

// Kong has no such limit; this one keeps a path's segment within what an index should hold.
const pathSegmentLengthMax = 4096;
// How long requests under way may take when the server stops.
const stopTimeoutMs = 5_000;

/** The Admin API. Kong's, so that its clients work unchanged. */
export function createAdminServer(options: AdminServerOptions): AdminServer {
  const { settings, logger, entities, plugins, store, clustering, syncGate, declarative } = options;
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

  const paths: DocumentedPath[] = [];
  let address: string | undefined;
  const add = (path: string, handlers: Handlers, about?: PathAbout) => {
    paths.push({ path: path.replace(/:([a-z]+)/g, '{$1}'), methods: Object.keys(handlers), about });
    addResource({ app, path, handlers });
  };
  addEntityRoutes({
    entities,
    plugins,
    store,
    readOnly: settings.role === 'dbless',
    add,
    ...(syncGate === undefined ? {} : { syncGate }),
  });
  addSchemaRoutes({ entities, plugins, store, add });
  addInfoRoutes({
    store,
    entities,
    plugins,
    role: settings.role,
    sluiceVersion: settings.sluiceVersion,
    addresses: () => (address === undefined ? [] : [address]),
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
    const routes = { declarative, entities, plugins, ...(syncGate === undefined ? {} : { syncGate }) };
    paths.push({ path: configPath, methods: ['GET', 'POST'], about: undefined });
    void app.register(async (scope) => addConfigRoutes(scope, routes));
  }

  return {
    async start() {
      await app.listen(settings.listen);
      address = boundAddress(app.addresses()[0], settings.listen.host);
      return address;
    },
    async stop() {
      endEvents?.();
      const timer = setTimeout(() => app.server.closeAllConnections(), stopTimeoutMs);
      await app.close().finally(() => clearTimeout(timer));
    },
  };
}

/** Turns every error into an answer; what is a fault of ours shows its stack in the log only. */
function addErrorAnswers(app: FastifyInstance, logger: Logger): void {
  app.setNotFoundHandler(() => {
    throw plainError(404, 'Not found');
  });
  app.setErrorHandler((error, request, reply) => {
    const answer = error instanceof AdminError ? error : parserError(error, request.routeOptions.bodyLimit);
    if (answer !== undefined) return reply.code(answer.status).headers(answer.headers).send(answer.body);
    logger.error('internal_error', 'An Admin API request failed', {
      method: request.method,
      // Not as it was asked for: a key may stand in the path of a credential.
      path: request.routeOptions.url,
      error: stackOf(error),
    });
    return reply.code(500).send({ message: 'An unexpected error occurred' });
  });
}

/** Errors of fastify itself that are the client's. */
function parserError(error: unknown, bodyLimit: number): AdminError | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return plainError(413, `Payload too large: the limit is ${bodyLimit} bytes`);
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return plainError(415, 'Unsupported Content-Type');
  if (code === 'FST_ERR_CTP_INVALID_CONTENT_LENGTH')
    return plainError(400, 'The body is not as long as its Content-Length');
  return undefined;
}

function countConnections(app: FastifyInstance, onRequest: AdminServerOptions['onRequest']) {
  let accepted = 0;
  let active = 0;
  let requests = 0;
  let writing = 0;
  app.server.on('connection', (socket) => {
    accepted += 1;
    active += 1;
    socket.once('close', () => (active -= 1));
  });
  app.addHook('onRequest', async (_request, reply) => {
    requests += 1;
    writing += 1;
    reply.raw.once('close', () => (writing -= 1));
  });
  app.addHook('onResponse', async (request, reply) =>
    onRequest?.({ method: request.method, status: reply.statusCode }),
  );
  return () => ({ accepted, active, requests, writing });
}
