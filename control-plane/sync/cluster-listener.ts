import { performServerHandshake } from 'node:http2';
import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { ServerCredentials, status as GrpcStatus, type Server } from '@grpc/grpc-js';
import { sharedFault, type ClusterTls } from '../../shared/cluster-tls.ts';
import type { Logger } from '../../shared/log.ts';
import { createRefusalLog } from './refusal-log.ts';

export interface ClusterListenerOptions {
  /** Gets the connections of peers that may have them. */
  readonly server: Server;
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly tls: ClusterTls;
  readonly logger: Logger;
}

export interface ClusterListener {
  readonly port: number;
  /** Takes no connections any more. */
  close(): void;
  /** Cuts what is left once the gRPC server has stopped: handshakes under way and refused peers. */
  destroy(): void;
}

const handshakeTimeoutMs = 10_000;
/** How long a refused peer is given to read why. */
const refusalMs = 3_000;

/**
 * Listens with mutual TLS in front of a gRPC server. A peer whose certificate is not good gets a gRPC status that says
 * why, from here: nothing that it sends reaches the server. Rejects when the port cannot be bound.
 */
export function listenSecurely({ server, listen, tls, logger }: ClusterListenerOptions): Promise<ClusterListener> {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const refusals = createRefusalLog(logger);
  const sockets = new Set<Socket>();
  const listener = createServer({
    cert: tls.certPem,
    key: tls.keyPem,
    ca: tls.trustedPem,
    requestCert: true,
    // Judged below, so that both sides can say what is wrong.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['h2'],
    handshakeTimeout: handshakeTimeoutMs,
  });
  // Connections of which something is known already, by address and port: the socket under TLS is another object.
  const judged = new Set<string>();
  listener.on('connection', (socket: Socket) => {
    const { remoteAddress: ip = '' } = socket;
    const peer = peerOf(socket);
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      if (!judged.delete(peer)) refusals.add(ip, 'it ended the TLS handshake; does it trust our certificate?');
    });
  });
  listener.on('tlsClientError', (error, socket) => {
    // A peer that is gone has no address any more; its connection closes and says so.
    if (socket.remoteAddress === undefined) return;
    judged.add(peerOf(socket));
    const plain = 'code' in error && error.code === 'ERR_SSL_WRONG_VERSION_NUMBER';
    refusals.add(socket.remoteAddress, plain ? 'it does not speak TLS' : `no TLS handshake: ${codeOf(error)}`);
  });
  listener.on('secureConnection', (socket) => {
    judged.add(peerOf(socket));
    const reason = peerFault(tls, socket);
    if (reason === undefined) return injector.injectConnection(socket);
    refusals.add(socket.remoteAddress ?? '', reason);
    refuse(socket, reason);
  });
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
        destroy() {
          for (const socket of sockets) socket.destroy();
        },
      });
    });
  });
}

function peerFault(tls: ClusterTls, socket: TLSSocket): string | undefined {
  const peer = socket.getPeerCertificate();
  if (tls.mode === 'shared') {
    const fault = sharedFault(tls, peer);
    if (fault !== undefined) return fault;
  } else if (peer.raw === undefined) return 'it shows no certificate';
  if (socket.authorized) return undefined;
  const code = String(socket.authorizationError);
  if (code === 'CERT_HAS_EXPIRED') return 'its certificate has expired';
  if (code === 'CERT_NOT_YET_VALID') return 'its certificate is not valid yet';
  return `its certificate does not chain to cluster_ca (${code})`;
}

function peerOf(socket: Socket): string {
  return `${socket.remoteAddress ?? ''} ${socket.remotePort ?? ''}`;
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** Answers whatever the peer asks with the reason, and ends the connection. */
function refuse(socket: TLSSocket, reason: string): void {
  const timer = setTimeout(() => socket.destroy(), refusalMs);
  socket.once('close', () => clearTimeout(timer));
  // A peer may go away at any moment; it is refused either way.
  socket.on('error', () => undefined);
  const session = performServerHandshake(socket, { settings: { maxConcurrentStreams: 1 } });
  session.on('error', () => undefined);
  session.on('stream', (stream) => {
    stream.on('error', () => undefined);
    const headers = {
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': String(GrpcStatus.UNAUTHENTICATED),
      'grpc-message': encodeURI(`The control plane refuses this node: ${reason}`),
    };
    stream.respond(headers, { endStream: true });
    session.close();
  });
}
