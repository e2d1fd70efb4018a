import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { plainError } from './admin-error.ts';

// @fastify/static 10 needs Node.js 22, and the console is a handful of files that fit into memory.

const consolePath = '/console';
/** The build writes the console's files here. */
const builtFolder = new URL('../console/', import.meta.url);
const page = 'index.html';

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const headers = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  Vary: 'Accept-Encoding',
};

interface ConsoleFile {
  readonly type: string;
  readonly plain: Buffer;
  readonly gzipped: Buffer;
}

/** Returns whether a request asks for a file of the console. These files hold no data and need no token. */
export function isConsole({ method, routeOptions: { url } }: FastifyRequest): boolean {
  return (method === 'GET' || method === 'HEAD') && (url === consolePath || url === `${consolePath}/*`);
}

/** Serves the console's files. An address below `/console/` that names no file is one of its pages. */
export function addConsoleRoutes(app: FastifyInstance): void {
  let files: ReadonlyMap<string, ConsoleFile> | undefined;
  const answer = async ({ params }: FastifyRequest<{ Params: { '*'?: string } }>, reply: FastifyReply) => {
    files ??= readFiles();
    const name = params['*'] ?? '';
    const isAsset = name.startsWith('assets/');
    const file = files.get(isAsset ? name : page);
    if (file === undefined) {
      throw plainError(404, isAsset ? 'Not found' : 'The console is not part of this build: run npm run build');
    }
    reply.headers({ ...headers, 'Content-Type': file.type });
    // The names of assets hold a hash of their content.
    reply.header('Cache-Control', isAsset ? 'public, max-age=31536000, immutable' : 'no-cache');
    if (!acceptsGzip(reply.request)) return reply.send(file.plain);
    return reply.header('Content-Encoding', 'gzip').send(file.gzipped);
  };
  app.get(consolePath, answer);
  app.get(`${consolePath}/*`, answer);
}

function readFiles(): ReadonlyMap<string, ConsoleFile> {
  return new Map([...filesIn(''), ...filesIn('assets/')]);
}

function filesIn(folder: string): readonly (readonly [string, ConsoleFile])[] {
  return names(new URL(folder, builtFolder)).flatMap((name) => {
    const type = types[extname(name)];
    if (type === undefined) return [];
    const plain = readFileSync(new URL(`${folder}${name}`, builtFolder));
    return [[`${folder}${name}`, { type, plain, gzipped: gzipSync(plain) }] as const];
  });
}

/** Returns the names of the files in a folder; none where the console was not built. */
function names(folder: URL): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [entry.name] : []));
  } catch {
    return [];
  }
}

function acceptsGzip({ headers: sent }: FastifyRequest): boolean {
  const codings = (sent['accept-encoding']?.toString() ?? '').split(',');
  return codings.some((coding) => /^\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(coding));
}
