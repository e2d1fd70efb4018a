import { Server, ServerCredentials, status as GrpcStatus, type ServerDuplexStream } from '@grpc/grpc-js';
import { certificateDetails, type ClusterTls } from '../../shared/cluster-tls.ts';
import type { ControlMessage } from '../../shared/generated/sluice/sync/v1/ControlMessage.ts';
import type { NodeMessage__Output } from '../../shared/generated/sluice/sync/v1/NodeMessage.ts';
import type { Logger } from '../../shared/log.ts';
import { ConfigSync, messageLimits } from '../../shared/proto.ts';
import { listenSecurely, type ClusterListener } from './cluster-listener.ts';
import type { NodeRegistry } from './node-registry.ts';
import { NodeSession, type SessionStream, type SessionTimings } from './node-session.ts';
import type { Publisher } from './publisher.ts';
import { TransferSlots } from './transfer-slots.ts';
import { withinTime } from '../../shared/within-time.ts';

export interface SyncServerOptions {
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Without it plaintext: only for loopback. */
  readonly tls?: ClusterTls;
  readonly publisher: Pick<Publisher, 'revision'>;
  readonly registry: NodeRegistry;
  readonly version: string;
  readonly timings: SessionTimings;
  readonly logger: Logger;
}

export interface SyncServer {
  /** `host:port` as bound. */
  readonly address: string;
  stop(): Promise<void>;
}

type Call = ServerDuplexStream<NodeMessage__Output, ControlMessage>;

/** Over how long nodes spread their return after this control plane stopped. */
const goawayPauseMsMax = 2_000;
/** How long a stop waits for streams to end by themselves. */
const stopMs = 2_000;

/** Serves the streams of data planes. Rejects when the port cannot be bound. */
export async function startSyncServer(options: SyncServerOptions): Promise<SyncServer> {
  const { listen, tls, publisher, registry, version, timings, logger } = options;
  const slots = new TransferSlots();
  const sessions = new Set<NodeSession>();

  const connect = (call: Call): void => {
    const ip = ipOf(call.getPeer());
    const certificate = certificateDetails(call.getAuthContext().sslPeerCertificate);
    const events = registry.events({ ip, certificate });
    const session = new NodeSession({
      stream: sessionStream(call),
      revision: () => publisher.revision(),
      connectedNodes: () => registry.connected,
      slots,
      version,
      timings,
      logger,
      events: {
        ...events,
        ended: (from) => {
          sessions.delete(from);
          events.ended(from);
        },
      },
    });
    sessions.add(session);
    call.on('data', (message: NodeMessage__Output) => session.receive(message));
    call.on('end', () => {
      session.streamEnded();
      call.end();
    });
    call.on('cancelled', () => session.streamEnded());
    // Also emitted by the end of a session with a status, when this changes nothing any more.
    call.on('error', (error) => {
      logger.debug('sync_stream_error', 'A stream of a data plane ended', { ip, error: error.message });
      session.streamEnded();
    });
  };

  const server = new Server({
    ...messageLimits,
    // Ends connections of machines that are gone, which would hold a message that waits for their flow control.
    'grpc.keepalive_time_ms': timings.heartbeatMs,
    'grpc.keepalive_timeout_ms': timings.heartbeatMs,
  });
  server.addService(ConfigSync.service, { Connect: connect });
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  const bound =
    tls === undefined
      ? await bind(server, `${host}:${listen.port}`)
      : await listenSecurely({ server, listen, tls, logger });
  const address = `${host}:${bound.port}`;

  return {
    address,
    async stop() {
      bound.close();
      for (const session of sessions) session.goaway('The control plane stops', goawayPauseMsMax);
      const ended = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      await withinTime(ended, stopMs, () => server.forceShutdown());
      bound.destroy();
    },
  };
}

/** Plaintext; the listener ends with the server. */
function bind(server: Server, address: string): Promise<ClusterListener> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(new Error(`Cannot listen on ${address}: ${error.message}`, { cause: error }));
      else resolve({ port, close: () => undefined, destroy: () => undefined });
    });
  });
}

function sessionStream(call: Call): SessionStream {
  return {
    send: (message) =>
      new Promise((resolve, reject) => {
        // The callback comes when the message was handed to the network, which is when the node's window lets it.
        call.write(message, (error: Error | null | undefined) => {
          if (error) reject(error);
          else resolve();
        });
      }),
    end: (code, details) => {
      // grpc-js turns the error into the status of the stream, after what was written before.
      if (code === GrpcStatus.OK) call.end();
      else call.emit('error', { name: 'Error', message: details, code, details });
    },
  };
}

/** grpc-js names the peer `127.0.0.1:1234` or `[::1]:1234`. */
function ipOf(peer: string): string {
  return peer.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}
