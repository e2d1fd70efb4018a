import { createServer as createTcpServer, type Server as TcpServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { ServerCredentials, type Server } from '@grpc/grpc-js';
import type { ClusterTls } from '../../shared/cluster-tls.ts';
import type { Logger } from '../../shared/log.ts';
import { type ConnectionGuard, peerOf } from './connection-guard.ts';
import { createRefusalLog } from './refusal-log.ts';
import { peerFault, refusePeer } from './refuse-peer.ts';

export interface ClusterListenerOptions {
  /** Gets the connections of accepted peers. */
  readonly server: Server;
  /** Port 0 takes a free port. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Plaintext when absent. */
  readonly tls: ClusterTls | undefined;
  readonly guard: ConnectionGuard;
  readonly logger: Logger;
}

export interface ClusterListener {
  readonly port: number;
  /** Stops accepting connections. */
  close(): void;
}

/** The guard's deadline covers the TLS handshake too; the one of Node.js must not come before it. */
const tlsHandshakeTimeoutMs = 60_000;

/**
 * Listens in front of a gRPC server, with mutual TLS or in plaintext, so that the guard sees every connection. A peer
 * whose certificate is not accepted gets a gRPC status with the reason from here: nothing that it sends reaches the
 * server. Rejects when the port cannot be bound.
 */
export function listenForNodes(options: ClusterListenerOptions): Promise<ClusterListener> {
  const { server, listen, tls, guard, logger } = options;
  const inject = server.createConnectionInjector(ServerCredentials.createInsecure());
  const accept = (socket: Socket): void => inject.injectConnection(socket);
  const listener = tls === undefined ? plainListener(guard, accept) : tlsListener(tls, guard, logger, accept);
  return new Promise((resolve, reject) => {
    const fail = (error: Error) =>
      reject(new Error(`Cannot listen on ${listen.host}:${listen.port}: ${error.message}`, { cause: error }));
    listener.once('error', fail);
    listener.listen(listen, () => {
      listener.off('error', fail);
      listener.on('error', (error) =>
        logger.error('listener_error', 'A connection of a data plane could not be accepted', { error: error.message }),
      );
      const bound = listener.address();
      resolve({
        port: typeof bound === 'object' && bound !== null ? bound.port : listen.port,
        close: () => void listener.close(),
      });
    });
  });
}

function plainListener(guard: ConnectionGuard, accept: (socket: Socket) => void): TcpServer {
  return createTcpServer((socket) => {
    // Without a listener an error of a connection would end the process.
    socket.on('error', () => undefined);
    if (guard.add(socket)) accept(socket);
  });
}

function tlsListener(
  tls: ClusterTls,
  guard: ConnectionGuard,
  logger: Logger,
  accept: (socket: Socket) => void,
): TcpServer {
  const refusals = createRefusalLog(logger);
  const listener = createTlsServer({
    cert: tls.certPem,
    key: tls.keyPem,
    ca: tls.trustedPem,
    requestCert: true,
    // `peerFault` decides, so that both sides can say what is wrong.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['h2'],
    handshakeTimeout: tlsHandshakeTimeoutMs,
  });
  listener.on('connection', (socket: Socket) => {
    const { remoteAddress: ip = '' } = socket;
    guard.add(socket, (wasJudged) => {
      if (!wasJudged) refusals.add(ip, 'it ended the TLS handshake; does it trust our certificate?');
    });
  });
  listener.on('tlsClientError', (error, socket) => {
    // A peer that disconnected has no address any more; the close of its connection logs the reason.
    if (socket.remoteAddress === undefined) return;
    guard.judge(peerOf(socket));
    const isPlain = 'code' in error && error.code === 'ERR_SSL_WRONG_VERSION_NUMBER';
    refusals.add(socket.remoteAddress, isPlain ? 'it does not speak TLS' : `no TLS handshake: ${codeOf(error)}`);
  });
  listener.on('secureConnection', (socket) => {
    guard.judge(peerOf(socket));
    const reason = peerFault(tls, socket);
    if (reason === undefined) return accept(socket);
    refusals.add(socket.remoteAddress ?? '', reason);
    refusePeer(socket, reason);
  });
  return listener;
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
