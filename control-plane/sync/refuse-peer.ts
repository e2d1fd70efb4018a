import { performServerHandshake } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { status as GrpcStatus } from '@grpc/grpc-js';
import { sharedFault, type ClusterTls } from '../../shared/cluster-tls.ts';

/** How long a refused peer may take to read the reason. */
const refusalMs = 3_000;

/** Says why a peer's certificate is not accepted; undefined when it is. */
export function peerFault(tls: ClusterTls, socket: TLSSocket): string | undefined {
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

/** Answers every request of the peer with the reason, and ends the connection. */
export function refusePeer(socket: TLSSocket, reason: string): void {
  const timer = setTimeout(() => socket.destroy(), refusalMs);
  socket.once('close', () => clearTimeout(timer));
  // The peer may disconnect at any moment; it is refused either way.
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
