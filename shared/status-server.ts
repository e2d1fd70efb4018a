import Fastify from 'fastify';
import type { Registry } from 'prom-client';
import { watchDescriptors } from './descriptor-watch.ts';
import { createHttpPort, httpPortBounds, type HttpPortBounds } from './http-port.ts';
import { limitHits } from './limit-hits.ts';
import { type Logger, stackOf } from './log.ts';

export interface StatusServerOptions {
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Called for each `/status/ready`; the body says why when the node is not ready. */
  readonly ready: () => { readonly ready: boolean; readonly body: object };
  /** Returns the body of `/status`. */
  readonly status: () => object;
  readonly metrics: Registry;
  /** Returns the body of `/metrics`, where it is more than the registry's own. */
  readonly metricsText?: () => Promise<string>;
  readonly logger: Logger;
  /** Bounds of the port, other than the usual ones. */
  readonly bounds?: Partial<HttpPortBounds>;
}

export interface StatusServer {
  /** `host:port` as bound. */
  readonly address: string;
  stop(): Promise<void>;
}

/** How long answers in flight may take when the server stops. */
const stopTimeoutMs = 1_000;

/** Serves health and metrics of a node of any role. Rejects when the port cannot be bound. */
export async function startStatusServer(options: StatusServerOptions): Promise<StatusServer> {
  const { listen, ready, status, metrics, logger } = options;
  const onLimit = limitHits({ metrics, logger });
  const port = createHttpPort({
    bounds: { ...httpPortBounds, drainIdleMs: 0, ...options.bounds },
    onLimit: (limit) => onLimit(limit, 'status'),
  });
  const app = Fastify({
    logger: false,
    // The port ends its connections itself, in steps.
    forceCloseConnections: false,
    return503OnClosing: false,
    serverFactory: port.createServer,
    clientErrorHandler: port.refuse,
  });
  app.get('/status/live', () => ({ message: 'live' }));
  app.get('/status/ready', (_request, reply) => {
    const state = ready();
    return reply.code(state.ready ? 200 : 503).send(state.body);
  });
  app.get('/status', () => status());
  app.get('/metrics', async (_request, reply) => {
    const text = await (options.metricsText?.() ?? metrics.metrics());
    return reply.type(metrics.contentType).send(text);
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ message: 'Not found' }));
  app.setErrorHandler((error, _request, reply) => {
    logger.error('internal_error', 'A status request failed', {
      error: stackOf(error),
    });
    return reply.code(500).send({ message: 'An unexpected error occurred' });
  });
  await app.listen(listen);
  const address = boundAddress(app.addresses()[0], listen.host);
  const endWatch = watchDescriptors({ logger });
  return {
    address,
    async stop() {
      endWatch();
      await port.drain(stopTimeoutMs);
      await app.close();
    },
  };
}

/** Returns `host:port` of a bound socket, IPv6 hosts in brackets as in URLs. */
export function boundAddress(bound: string | { address: string; port: number } | undefined, host: string): string {
  if (bound === undefined || typeof bound === 'string') return bound ?? host;
  return `${bound.address.includes(':') ? `[${bound.address}]` : bound.address}:${bound.port}`;
}
