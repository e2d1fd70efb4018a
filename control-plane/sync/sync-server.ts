import { Server, status as GrpcStatus, type ServerDuplexStream, type ServiceDefinition } from '@grpc/grpc-js';
import { certificateDetails, type ClusterTls } from '../../shared/cluster-tls.ts';
import { connectionsWithin } from '../../shared/descriptors.ts';
import type { ControlMessage } from '../../shared/generated/sluice/sync/v1/ControlMessage.ts';
import type { NodeMessage__Output } from '../../shared/generated/sluice/sync/v1/NodeMessage.ts';
import type { LimitHit } from '../../shared/limit-hits.ts';
import type { Logger } from '../../shared/log.ts';
import { ConfigSync, messageLimits } from '../../shared/proto.ts';
import { withinTime } from '../../shared/within-time.ts';
import { listenForNodes } from './cluster-listener.ts';
import { ConnectionGuard, defaultConnectionLimits, type ConnectionLimits } from './connection-guard.ts';
import { nodeMessageBytesMax, nodeMessageFault } from './node-message-bounds.ts';
import type { NodeRegistry } from './node-registry.ts';
import type { Session, SessionStream, SessionTimings } from './node-session-types.ts';
import { NodeSession } from './node-session.ts';
import type { Publisher } from './publisher.ts';
import { TransferSlots } from './transfer-slots.ts';

export interface SyncServerOptions {
  /** Port 0 takes a free port. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Plaintext when absent, which is for loopback only. */
  readonly tls?: ClusterTls | undefined;
  readonly publisher: Pick<Publisher, 'revision'>;
  readonly registry: NodeRegistry;
  readonly version: string;
  /** The identity of the database; empty when it has none. */
  readonly databaseId: string;
  readonly timings: SessionTimings;
  readonly connectionLimits?: ConnectionLimits | undefined;
  readonly onLimit?: LimitHit | undefined;
  readonly logger: Logger;
}

export interface SyncServer {
  /** `host:port` as bound. */
  readonly address: string;
  stop(): Promise<void>;
}

/** A message of a node, or the bound that it exceeds. */
type Received = NodeMessage__Output | { readonly fault: string };

type Call = ServerDuplexStream<Received, ControlMessage>;

/** The service with a decoder that looks at the bounds of a message first. */
const boundedService: ServiceDefinition = {
  Connect: {
    ...ConfigSync.service.Connect,
    requestDeserialize(bytes: Buffer): Received {
      const fault = nodeMessageFault(bytes);
      return fault === undefined ? ConfigSync.service.Connect.requestDeserialize(bytes) : { fault };
    },
  },
};

/** The longest pause that a stopping control plane asks of a node, so that nodes do not return together. */
const goawayPauseMsMax = 2_000;
/** How long a stop waits for streams to end by themselves. */
const stopMs = 2_000;
/** Streams of a connection: a node has one, and for a moment two when it reconnects. */
const streamsMax = 8;

/** Serves the streams of data planes. Rejects when the port cannot be bound. */
export async function startSyncServer(options: SyncServerOptions): Promise<SyncServer> {
  const { listen, tls, timings, logger, onLimit, connectionLimits = defaultConnectionLimits } = options;
  const guard = new ConnectionGuard({
    limits: { ...connectionLimits, connectionsMax: connectionsWithin(connectionLimits.connectionsMax) },
    onLimit: (limit, fields) => onLimit?.(limit, 'cluster', fields),
  });
  const sessions = new Set<Session>();
  const slots = new TransferSlots();
  const server = new Server({
    ...messageLimits,
    'grpc.max_receive_message_length': nodeMessageBytesMax,
    'grpc.max_concurrent_streams': streamsMax,
    // Ends the connections of dead machines; a message would wait for their flow control for ever.
    'grpc.keepalive_time_ms': timings.heartbeatMs,
    'grpc.keepalive_timeout_ms': timings.heartbeatMs,
  });
  server.addService(boundedService, {
    Connect: (call: Call) => serve(call, { ...options, guard, sessions, slots }),
  });
  const listener = await listenForNodes({ server, listen, tls, guard, logger });
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  return {
    address: `${host}:${listener.port}`,
    async stop() {
      listener.close();
      for (const session of sessions) session.goaway('The control plane stops', goawayPauseMsMax);
      const ended = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      await withinTime(ended, stopMs, () => server.forceShutdown());
      guard.destroy();
    },
  };
}

interface Serving extends SyncServerOptions {
  readonly guard: ConnectionGuard;
  readonly sessions: Set<Session>;
  readonly slots: TransferSlots;
}

/** Connects one gRPC stream with a session of its own. */
function serve(call: Call, serving: Serving): void {
  const { guard, sessions, slots, registry, publisher, version, databaseId, timings, logger, onLimit } = serving;
  const peer = call.getPeer();
  const ip = ipOf(peer);
  const events = registry.events({ ip, certificate: certificateDetails(call.getAuthContext().sslPeerCertificate) });
  let released = (): void => undefined;
  const session = new NodeSession({
    stream: sessionStream(call),
    revision: () => publisher.revision(),
    connectedNodes: () => registry.connected,
    slots,
    version,
    databaseId,
    timings,
    logger,
    events: {
      ...events,
      hello(from, hello) {
        const admission = events.hello(from, hello);
        if (admission.kind === 'accepted') released = guard.welcomed(peer);
        return admission;
      },
      ended(from) {
        released();
        sessions.delete(from);
        events.ended(from);
      },
    },
  });
  sessions.add(session);
  call.on('data', (message: Received) => {
    if (!('fault' in message)) return session.receive(message);
    onLimit?.('node_message', 'cluster', { ip, reason: message.fault });
    session.refuse(message.fault);
  });
  call.on('end', () => {
    session.streamEnded();
    call.end();
  });
  call.on('cancelled', () => session.streamEnded());
  // A session that ended with a status causes this event too; it changes nothing then.
  call.on('error', (error) => {
    logger.debug('sync_stream_error', 'A stream of a data plane ended', { ip, error: error.message });
    session.streamEnded();
  });
}

function sessionStream(call: Call): SessionStream {
  return {
    send: (message) =>
      new Promise((resolve, reject) => {
        // The callback comes when the node's flow control has let the message go to the network.
        call.write(message, (error: Error | null | undefined) => {
          if (error) reject(error);
          else resolve();
        });
      }),
    end: (code, details) => {
      // grpc-js turns the error into the status of the stream, after the messages that were written before.
      if (code === GrpcStatus.OK) call.end();
      else call.emit('error', { name: 'Error', message: details, code, details });
    },
  };
}

/** grpc-js names a peer `127.0.0.1:1234` or `::1:1234`. */
function ipOf(peer: string): string {
  return peer.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}
