import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AdminError, plainError } from './admin-error.ts';
import { configPath } from './config-path.ts';
import { isConsole } from './console-routes.ts';
import type { FailedLogins } from './failed-logins.ts';
import { isForeign, isOurHost, setCorsHeaders, type OriginSettings } from './origins.ts';
import { queryFlag, toQuery } from './query.ts';

export interface SecuritySettings extends OriginSettings {
  readonly token?: string;
  /** A second token, for reads without secrets. */
  readonly tokenReadOnly?: string;
}

/** The name of callers who need no token. */
const anonymous = 'anonymous';
export const readMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Checks Host, Origin and token of each request, in this order, before its body is read. */
export function addSecurity(app: FastifyInstance, settings: SecuritySettings, logins: FailedLogins): void {
  app.decorateRequest('readOnly', false);
  app.decorateRequest('isForeign', false);
  app.decorateRequest('actor', anonymous);
  app.addHook('onRequest', async (request, reply) => {
    // Answers hold secrets and states of a moment.
    reply.header('Cache-Control', 'no-store');
    if (!isOurHost(request, settings)) throw plainError(421, 'Misdirected request: this host name is not served here');
    setCorsHeaders(request, reply, settings);
    request.isForeign = isForeign(request, settings);
    if (request.isForeign && !readMethods.has(request.method)) throw plainError(403, 'This origin may not write');
    checkToken(request, settings, logins);
  });
}

function checkToken(request: FastifyRequest, settings: SecuritySettings, logins: FailedLogins): void {
  const { token, tokenReadOnly } = settings;
  // Browsers ask for permission without credentials, and load the console's files so: the console asks for the token.
  if ((token === undefined && tokenReadOnly === undefined) || request.method === 'OPTIONS' || isConsole(request))
    return;
  const given = givenToken(request);
  if (given === undefined) {
    // With a read-only token alone, everybody who sends none is the operator on loopback.
    if (token === undefined) return;
    throw plainError(401, 'Unauthorized');
  }
  const retryAfter = logins.retryAfterSeconds(request.ip);
  if (retryAfter !== undefined) {
    const message = `Too many wrong tokens from this address; try again in ${retryAfter} s`;
    throw new AdminError(429, { message }, { 'Retry-After': String(retryAfter) });
  }
  if (token !== undefined && equal(given, token)) {
    request.actor = 'admin_token';
    return;
  }
  if (tokenReadOnly === undefined || !equal(given, tokenReadOnly)) {
    logins.note(request.ip);
    throw plainError(401, 'Unauthorized');
  }
  if (!isRead(request)) throw plainError(403, 'This token may only read');
  request.readOnly = true;
  request.actor = 'admin_token_read_only';
}

/** Returns whether a request changes nothing: checks of bodies and dry runs are reads that need a body. */
function isRead(request: FastifyRequest): boolean {
  if (readMethods.has(request.method)) return true;
  const path = request.routeOptions.url ?? '';
  if (request.method !== 'POST') return false;
  if (path === configPath) return queryFlag(toQuery(request.query), 'dry_run');
  return path.startsWith('/schemas/') && path.endsWith('/validate');
}

function givenToken({ headers }: FastifyRequest): string | undefined {
  const own = headers['kong-admin-token'];
  if (typeof own === 'string') return own;
  return /^bearer +(.+)$/i.exec(headers.authorization ?? '')?.[1];
}

/** Compares in a time that tells nothing of where two tokens differ, nor of their lengths. */
function equal(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
