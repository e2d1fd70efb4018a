import type { FastifyInstance } from 'fastify';
import { Counter, type Registry } from 'prom-client';

export interface ConnectionCounts {
  readonly accepted: number;
  readonly active: number;
  /** Requests since the start. */
  readonly requests: number;
  /** Requests that are being answered. */
  readonly writing: number;
}

type OnRequest = (request: { readonly method: string; readonly status: number }) => void;

/** Counts connections and requests. Returns the function that reads the counts. */
export function countConnections(app: FastifyInstance, onRequest: OnRequest): () => ConnectionCounts {
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
  app.addHook('onResponse', async (request, reply) => onRequest({ method: request.method, status: reply.statusCode }));
  return () => ({ accepted, active, requests, writing });
}

/** Returns the function that counts answered requests in `sluice_admin_requests_total`. */
export function countRequests(metrics: Registry): OnRequest {
  const counter = new Counter({
    name: 'sluice_admin_requests_total',
    help: 'Requests to the Admin API by method and status',
    labelNames: ['method', 'status'],
    registers: [metrics],
  });
  return ({ method, status }) => counter.inc({ method, status: String(status) });
}
