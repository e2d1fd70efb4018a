import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import type { Readable } from 'node:stream';
import { isRecord } from '../../shared/schema/is-record.ts';
import { actAs } from '../store/actor.ts';
import { plainError } from './admin-error.ts';
import { RawBody, type Body } from './body.ts';
import { toQuery, type Query } from './query.ts';

/** A request without the server's types. */
export interface Call {
  /** The path as sent, without the query. */
  readonly path: string;
  readonly query: Query;
  readonly body: Body | undefined;
  /** The body as it came, where the resource reads it itself. */
  readonly raw: RawBody | undefined;
  readonly accept: string;
  readonly ifMatch: string | undefined;
  /** The caller may not see secrets. */
  readonly readOnly: boolean;
  /** A browser sends the request for a page of another site. */
  readonly isForeign: boolean;
  /** Returns a decoded part of the path. */
  param(name: string): string;
}

export interface AdminAnswer {
  readonly status: number;
  readonly body?: unknown;
  /** Server-sent events instead of a body; destroyed when the client goes. */
  readonly events?: Readable;
  /** A body that is text already, instead of one that becomes JSON. */
  readonly text?: string;
  /** The Content-Type of the text. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Handler = (call: Call) => AdminAnswer | Promise<AdminAnswer>;
export type Handlers = Readonly<Partial<Record<'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', Handler>>>;

const methodsAll: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'];

export interface ResourceOptions {
  readonly app: FastifyInstance;
  /** The path as fastify writes it: `/services/:id`. */
  readonly path: string;
  readonly handlers: Handlers;
}

/** Registers a path: its methods, HEAD with GET, OPTIONS, and 405 for all others before their body is read. */
export function addResource({ app, path, handlers }: ResourceOptions): void {
  const methods = Object.keys(handlers);
  const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].sort().join(', ');
  for (const [method, handler] of Object.entries(handlers)) {
    app.route({
      // fastify answers HEAD with GET's handler, without the body.
      method,
      url: path,
      handler: async (request, reply) => send(reply, await actAs(request.actor, async () => handler(toCall(request)))),
    });
  }
  app.route({
    method: 'OPTIONS',
    url: path,
    handler: async (_request, reply) =>
      send(reply, { status: 204, headers: { Allow: allow, 'Access-Control-Allow-Methods': allow } }),
  });
  const others = methodsAll.filter((method) => !allow.split(', ').includes(method));
  app.route({
    method: others,
    url: path,
    exposeHeadRoute: false,
    onRequest: async (_request, reply) => {
      reply.header('Allow', allow);
      throw plainError(405, 'Method not allowed');
    },
    handler: () => undefined,
  });
}

const jsonType = 'application/json; charset=utf-8';

/** Sends an answer; entities carry an ETag among the headers. */
function send(
  reply: FastifyReply,
  { status, body, text, type = jsonType, events, headers }: AdminAnswer,
): FastifyReply {
  reply.code(status).headers(headers ?? {});
  if (events !== undefined) {
    reply.raw.once('close', () => events.destroy());
    return reply.type('text/event-stream').send(events);
  }
  if (text !== undefined) return reply.type(type).send(text);
  if (body === undefined) return reply.send();
  return reply.type(jsonType).send(JSON.stringify(body));
}

function toCall(request: FastifyRequest): Call {
  const params: unknown = request.params;
  return {
    path: request.url.split('?', 1)[0] ?? '/',
    query: toQuery(request.query),
    // Only our own parsers make bodies.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    body: request.body instanceof RawBody ? undefined : ((request.body ?? undefined) as Body | undefined),
    raw: request.body instanceof RawBody ? request.body : undefined,
    accept: request.headers.accept ?? '',
    ifMatch: request.headers['if-match'],
    readOnly: request.readOnly,
    isForeign: request.isForeign,
    param(name) {
      const value = isRecord(params) ? params[name] : undefined;
      if (typeof value !== 'string') throw new Error(`The path has no ${name}`);
      return value;
    },
  };
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set where the token is checked. */
    readOnly: boolean;
    /** A browser sends the request for a page of another site. */
    isForeign: boolean;
    /** The name of the caller's token. */
    actor: string;
  }
}
