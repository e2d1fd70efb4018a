import type { FastifyReply, FastifyRequest } from 'fastify';

export interface OriginSettings {
  /** The host that the server listens on. */
  readonly host: string;
  /** Further names, with or without a port, that the Host header may have. */
  readonly hosts: readonly string[];
  /** Browser origins besides the server's own: `https://console.example.com`. */
  readonly corsOrigins: readonly string[];
}

const allowedHeaders = 'Authorization, Content-Type, If-Match, Kong-Admin-Token';

/**
 * Returns whether the Host header names this server. It protects against DNS rebinding: a name that an attacker points
 * at this server is none of its own.
 */
export function isOurHost(request: FastifyRequest, { host, hosts }: OriginSettings): boolean {
  const header = request.headers.host?.toLowerCase() ?? '';
  const name = hostName(header);
  if (name === 'localhost' || name === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(name)) return true;
  // When the server listens on all addresses, the one that was connected to is its own.
  const own = [host, request.socket.localAddress ?? ''].map((address) => bracketed(address.toLowerCase()));
  if (name !== '' && own.includes(name)) return true;
  return hosts.some((allowed) => allowed.toLowerCase() === header || allowed.toLowerCase() === name);
}

/**
 * Returns whether a browser sends the request for a page of another site: it names the origin, or says that the sites
 * differ where it names none. A page needs no permission to send a form or to open a stream, so the server must look.
 */
export function isForeign(request: FastifyRequest, settings: OriginSettings): boolean {
  const { origin } = request.headers;
  if (origin !== undefined) return !isOurOrigin(origin, request, settings);
  return request.headers['sec-fetch-site'] === 'cross-site';
}

/** Sets the headers that let pages of our own origins read the answer, and send what they ask to send. */
export function setCorsHeaders(request: FastifyRequest, reply: FastifyReply, settings: OriginSettings): void {
  const { origin } = request.headers;
  if (origin === undefined) return;
  reply.header('Vary', 'Origin');
  if (!isOurOrigin(origin, request, settings)) return;
  reply.headers({
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Allow-Credentials': 'true',
    'Access-Control-Allow-Headers': request.headers['access-control-request-headers'] ?? allowedHeaders,
    'Access-Control-Expose-Headers': 'ETag, Sluice-Sync',
  });
}

function isOurOrigin(origin: string, request: FastifyRequest, { corsOrigins }: OriginSettings): boolean {
  return origin === `${request.protocol}://${request.headers.host ?? ''}` || corsOrigins.includes(origin);
}

function hostName(header: string): string {
  return /^(\[[^\]]*\]|[^:]*)(?::\d*)?$/.exec(header)?.[1] ?? '';
}

function bracketed(address: string): string {
  const plain = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
  return plain.includes(':') && !plain.startsWith('[') ? `[${plain}]` : plain;
}
