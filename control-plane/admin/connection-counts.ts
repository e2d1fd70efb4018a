import type { FastifyInstance } from 'fastify';

export interface ConnectionCounts {
  readonly accepted: number;
  readonly active: number;
  /** Requests since the start. */
  readonly requests: number;
  /** Requests that are being answered. */
  readonly writing: number;
}

/** Called for each answered request. */
export type OnRequest = (request: { readonly method: string; readonly status: number }) => void;

/** Counts connections and requests. Returns the function that reads the counts. */
export function countConnections(app: FastifyInstance, onRequest: OnRequest | undefined): () => ConnectionCounts {
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
