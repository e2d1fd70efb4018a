import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import { request as httpRequest, type OutgoingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, isIP } from 'node:net';
import type { Endpoint } from './endpoint.ts';

/** The result of a probe. */
export type ProbeResult =
  | { readonly kind: 'connected' }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'failed'; readonly message: string };

export interface ProbeOptions {
  readonly type: 'tcp' | 'http' | 'https' | 'grpc' | 'grpcs';
  readonly timeoutMs: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** Server name of the TLS handshake; the target's host name when null. */
  readonly sni: string | null;
  readonly verifyCertificate: boolean;
  /** Host header; the target's `host:port` when null. */
  readonly hostHeader: string | null;
}

/** Probes an endpoint over a connection of its own. Never rejects; ends within the timeout. */
export async function probe(endpoint: Endpoint, options: ProbeOptions): Promise<ProbeResult> {
  const signal = AbortSignal.timeout(Math.max(1, options.timeoutMs));
  try {
    return await send(endpoint, options, signal);
  } catch (error) {
    if (signal.aborted) return { kind: 'timeout' };
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}

function send(endpoint: Endpoint, options: ProbeOptions, signal: AbortSignal): Promise<ProbeResult> {
  const { type } = options;
  if (type === 'tcp') return probeTcp(endpoint, signal);
  if (type === 'http' || type === 'https') return probeHttp(endpoint, options, signal);
  return probeGrpc(endpoint, options, signal);
}

async function probeTcp({ address, port }: Endpoint, signal: AbortSignal): Promise<ProbeResult> {
  const socket = connect({ host: address, port });
  try {
    await once(socket, 'connect', { signal });
    return { kind: 'connected' };
  } finally {
    socket.destroy();
  }
}

async function probeHttp(endpoint: Endpoint, options: ProbeOptions, signal: AbortSignal): Promise<ProbeResult> {
  const headers: OutgoingHttpHeaders = { host: hostHeader(endpoint, options) };
  for (const [name, values] of Object.entries(options.headers)) headers[name.toLowerCase()] = [...values];
  const send = options.type === 'https' ? httpsRequest : httpRequest;
  const request = send({
    host: endpoint.address,
    port: endpoint.port,
    method: 'GET',
    path: options.path,
    headers,
    signal,
    agent: false,
    ...(options.type === 'https' ? tlsOptions(endpoint, options) : {}),
  });
  request.end();
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      resolve({ kind: 'status', status: response.statusCode ?? 0 });
      // Only the status counts.
      response.destroy();
    });
  });
}

/** An empty HealthCheckRequest (`service` is ''), uncompressed, in its frame. */
const healthRequest = Buffer.alloc(5);
const grpcOk = 0;
const grpcUnimplemented = 12;
/** `HealthCheckResponse.status` SERVING, in its frame: field 1, varint, 1. */
const serving = Buffer.from([0, 0, 0, 0, 2, 0x08, 1]);

/**
 * Calls `grpc.health.v1.Health/Check`. A server without that service counts as serving, since it answers calls; the result
 * is told as status 200 or 503, so that the lists of statuses of an upstream apply.
 */
async function probeGrpc(endpoint: Endpoint, options: ProbeOptions, signal: AbortSignal): Promise<ProbeResult> {
  const isTls = options.type === 'grpcs';
  const host = endpoint.address.includes(':') ? `[${endpoint.address}]` : endpoint.address;
  const session = connectHttp2(
    `${isTls ? 'https' : 'http'}://${host}:${endpoint.port}`,
    isTls ? { ...tlsOptions(endpoint, options), ALPNProtocols: ['h2'] } : {},
  );
  const abort = () => session.destroy(new Error('timed out'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await new Promise<ProbeResult>((resolve, reject) => {
      session.on('error', reject);
      const stream = session.request({
        [constants.HTTP2_HEADER_METHOD]: 'POST',
        [constants.HTTP2_HEADER_PATH]: '/grpc.health.v1.Health/Check',
        [constants.HTTP2_HEADER_AUTHORITY]: hostHeader(endpoint, options),
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      const answer = { status: undefined as string | undefined, body: Buffer.alloc(0) };
      const note = (headers: Readonly<Record<string, unknown>>) => {
        const status = headers['grpc-status'];
        if (typeof status === 'string') answer.status = status;
      };
      stream.on('response', note).on('trailers', note).on('error', reject);
      stream.on('data', (chunk: Buffer) => {
        if (answer.body.length < serving.length) answer.body = Buffer.concat([answer.body, chunk]);
      });
      stream.on('close', () => resolve({ kind: 'status', status: isServing(answer) ? 200 : 503 }));
      stream.end(healthRequest);
    });
  } finally {
    signal.removeEventListener('abort', abort);
    session.destroy();
  }
}

function isServing({ status, body }: { readonly status: string | undefined; readonly body: Buffer }): boolean {
  if (Number(status ?? NaN) === grpcUnimplemented) return true;
  return Number(status ?? NaN) === grpcOk && body.subarray(0, serving.length).equals(serving);
}

function hostHeader({ hostname, port }: Endpoint, { hostHeader: given }: ProbeOptions): string {
  return given ?? `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`;
}

function tlsOptions({ hostname }: Endpoint, { sni, verifyCertificate }: ProbeOptions) {
  const name = sni ?? hostname;
  // An address is no server name (RFC 6066 section 3).
  return { ...(isIP(name) === 0 && { servername: name }), rejectUnauthorized: verifyCertificate };
}
