import type { FastifyInstance } from 'fastify';
import { Counter, Histogram, type Registry } from 'prom-client';

export interface ConnectionCounts {
  readonly accepted: number;
  readonly active: number;
  /** Requests since the start. */
  readonly requests: number;
  /** Requests that are being answered. */
  readonly writing: number;
}

type OnRequest = (request: { readonly method: string; readonly status: number; readonly tookMs: number }) => void;

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
  app.addHook('onResponse', async (request, reply) =>
    onRequest({ method: request.method, status: reply.statusCode, tookMs: reply.elapsedTime }),
  );
  return () => ({ accepted, active, requests, writing });
}

const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Returns the function that counts answered requests, and how long they took, in the metrics of the Admin API. */
export function countRequests(metrics: Registry): OnRequest {
  const counter = new Counter({
    name: 'sluice_admin_requests_total',
    help: 'Requests to the Admin API by method and status',
    labelNames: ['method', 'status'],
    registers: [metrics],
  });
  const duration = new Histogram({
    name: 'sluice_admin_request_duration_seconds',
    help: 'Time from the head of a request to the Admin API to the end of its answer',
    labelNames: ['method'],
    buckets: durationBuckets,
    registers: [metrics],
  });
  return ({ method, status, tookMs }) => {
    counter.inc({ method, status: String(status) });
    duration.observe({ method }, tookMs / 1000);
  };
}
