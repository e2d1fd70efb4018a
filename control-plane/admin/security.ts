import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { plainError } from './admin-error.ts';

export interface SecuritySettings {
  /** The host that the server listens on. */
  readonly host: string;
  readonly token?: string;
  /** A second token, for GET and HEAD without secrets. */
  readonly tokenReadOnly?: string;
  /** Further names, with or without a port, that the Host header may have. */
  readonly hosts: readonly string[];
  /** Browser origins besides the server's own: `https://console.example.com`. */
  readonly corsOrigins: readonly string[];
}

/** Who needs no token. */
const anonymous = 'anonymous';
export const readMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Checks Host, Origin and token of each request, in this order, before its body is read. */
export function addSecurity(app: FastifyInstance, settings: SecuritySettings): void {
  app.decorateRequest('readOnly', false);
  app.decorateRequest('actor', anonymous);
  app.addHook('onRequest', async (request, reply) => {
    if (!isOurHost(request, settings)) throw plainError(421, 'Misdirected request: this host name is not served here');
    const { origin } = request.headers;
    if (origin !== undefined) {
      reply.header('Vary', 'Origin');
      if (isOurOrigin(origin, request, settings)) {
        reply.headers({
          'Access-Control-Allow-Origin': origin,
          'Access-Control-Allow-Headers': 'Authorization, Content-Type, If-Match, Kong-Admin-Token',
          'Access-Control-Expose-Headers': 'ETag, Sluice-Sync',
        });
      } else if (!readMethods.has(request.method)) {
        // A page of another site can send a form without asking first: its browser names the site, and that is enough.
        throw plainError(403, 'This origin may not write');
      }
    }
    checkToken(request, settings);
  });
}

/** Against DNS rebinding: a name that an attacker points at this server is none of those that it has. */
function isOurHost(request: FastifyRequest, { host, hosts }: SecuritySettings): boolean {
  const header = request.headers.host?.toLowerCase() ?? '';
  const name = hostName(header);
  if (name === 'localhost' || name === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(name)) return true;
  // When all addresses are listened on, the one that was connected to is the listen address.
  const own = [host, request.socket.localAddress ?? ''].map((address) => bracketed(address.toLowerCase()));
  if (name !== '' && own.includes(name)) return true;
  return hosts.some((allowed) => allowed.toLowerCase() === header || allowed.toLowerCase() === name);
}

function hostName(header: string): string {
  return /^(\[[^\]]*\]|[^:]*)(?::\d*)?$/.exec(header)?.[1] ?? '';
}

function bracketed(address: string): string {
  const plain = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
  return plain.includes(':') && !plain.startsWith('[') ? `[${plain}]` : plain;
}

function isOurOrigin(origin: string, request: FastifyRequest, { corsOrigins }: SecuritySettings): boolean {
  return origin === `${request.protocol}://${request.headers.host ?? ''}` || corsOrigins.includes(origin);
}

function checkToken(request: FastifyRequest, { token, tokenReadOnly }: SecuritySettings): void {
  // Browsers ask for permission without credentials.
  if ((token === undefined && tokenReadOnly === undefined) || request.method === 'OPTIONS') return;
  const given = givenToken(request);
  if (given !== undefined && token !== undefined && equal(given, token)) {
    request.actor = 'admin_token';
    return;
  }
  const mayRead = tokenReadOnly !== undefined && given !== undefined && equal(given, tokenReadOnly);
  if (mayRead) {
    if (!readMethods.has(request.method)) throw plainError(403, 'This token may only read');
    request.readOnly = true;
    request.actor = 'admin_token_read_only';
    return;
  }
  // With a read-only token alone, everybody who has none is the operator on loopback.
  if (token === undefined && given === undefined) return;
  throw plainError(401, 'Unauthorized');
}

function givenToken({ headers }: FastifyRequest): string | undefined {
  const own = headers['kong-admin-token'];
  if (typeof own === 'string') return own;
  return /^bearer +(.+)$/i.exec(headers.authorization ?? '')?.[1];
}

/** In a time that tells nothing of where they differ, nor of the length. */
function equal(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
