import type { ClientDuplexStream } from '@grpc/grpc-js';
import { type EntityFault, toldFaultsMax } from '../../shared/config-source.ts';
import type { ControlMessage__Output } from '../../shared/generated/sluice/sync/v1/ControlMessage.ts';
import type { Hello } from '../../shared/generated/sluice/sync/v1/Hello.ts';
import type { NodeMessage } from '../../shared/generated/sluice/sync/v1/NodeMessage.ts';
import type { Logger } from '../../shared/log.ts';
import { ConfigSync, messageLimits } from '../../shared/proto.ts';
import { readableReason, type SyncCredentials } from './sync-credentials.ts';
import { SnapshotReceiver, TransferError, type ReceivedSnapshot } from './snapshot-receiver.ts';

/** What a heartbeat tells of the node. */
export interface NodeCounters {
  /** Requests answered since the process started. */
  readonly requestsTotal: number;
  readonly clusters: readonly { readonly name: string; readonly state: string }[];
}

export interface SyncStreamOptions {
  /** `host:port` of a control plane. */
  readonly address: string;
  readonly credentials: SyncCredentials;
  readonly hello: Hello;
  readonly counters: () => NodeCounters;
  readonly onWelcome: () => void;
  readonly onSnapshot: (received: ReceivedSnapshot) => void;
  /** A delta to this hash did not come as announced. */
  readonly onBrokenDelta: (hash: string) => void;
  /** Called once, also when no connection came about. */
  readonly onEnd: (end: StreamEnd) => void;
  /** Time for the connection and the welcome. */
  readonly welcomeMs: number;
  readonly logger: Logger;
}

export interface StreamEnd {
  readonly welcomed: boolean;
  /** How long the control plane asked the node to stay away. */
  readonly pauseMs: number;
  /** For people; holds no secret. */
  readonly reason: string;
}

export interface SyncStream {
  ack(hash: string, applyMs: number): void;
  reject(hash: string, faults: readonly EntityFault[]): void;
  /** Asks for the whole after a delta to this hash that does not fit what the node runs. */
  requestSnapshot(hash: string, runningHash: string): void;
  close(): void;
}

/** The longest pause that a control plane can ask for. */
const pauseMsMax = 5 * 60_000;
const heartbeatMsMin = 50;
const heartbeatMsMax = 60_000;
/** Heartbeats of silence that end a stream. */
const silenceHeartbeats = 3;
/** Of the message of a fault: all that are told stay far below the limit of a message of the stream. */
const faultCharsMax = 1_000;

/** Opens one stream to a control plane; it lives until either side ends it. Nothing is retried here. */
export function openSyncStream(options: SyncStreamOptions): SyncStream {
  const { address, credentials, hello, counters, onWelcome, onSnapshot, onBrokenDelta, onEnd, welcomeMs, logger } =
    options;
  const client = new ConfigSync(address, credentials.credentials, {
    ...messageLimits,
    ...credentials.options,
    // A pool would keep a broken connection, and its waiting time, for the next stream.
    'grpc.use_local_subchannel_pool': 1,
  });
  const call: ClientDuplexStream<NodeMessage, ControlMessage__Output> = client.Connect();
  const receiver = new SnapshotReceiver();
  let ended = false;
  let welcomed = false;
  let pauseMs = 0;
  let goawayReason: string | undefined;
  let heartbeatTimer: NodeJS.Timeout | undefined;
  let silenceTimer = setTimeout(() => end(`No welcome within ${welcomeMs} ms`), welcomeMs);

  const end = (reason: string): void => {
    if (ended) return;
    ended = true;
    clearTimeout(silenceTimer);
    clearInterval(heartbeatTimer);
    call.cancel();
    client.close();
    onEnd({ welcomed, pauseMs, reason: goawayReason ?? reason });
  };
  const send = (message: NodeMessage): void => {
    if (!ended) call.write(message);
  };
  const reject = (hash: string, faults: readonly EntityFault[]): void =>
    send({ reject: { hash, faults: toldFaults(faults) } });

  const welcome = (told: number): void => {
    const heartbeatMs = Math.min(Math.max(told, heartbeatMsMin), heartbeatMsMax);
    clearTimeout(silenceTimer);
    clearInterval(heartbeatTimer);
    silenceTimer = setTimeout(() => end('Nothing was heard of the control plane'), heartbeatMs * silenceHeartbeats);
    const beat = (): void => {
      const { requestsTotal, clusters } = counters();
      send({ heartbeat: { requestsTotal, clusters: [...clusters] } });
    };
    heartbeatTimer = setInterval(beat, heartbeatMs);
    welcomed = true;
    onWelcome();
    // The first at once: the control plane counts requests from here.
    beat();
  };

  const receive = (message: ControlMessage__Output): void => {
    if (ended) return;
    silenceTimer.refresh();
    try {
      if (message.welcome) welcome(message.welcome.heartbeatMs);
      else if (message.snapshotStart) receiver.start(message.snapshotStart);
      else if (message.snapshotChunk) receiver.chunk(message.snapshotChunk);
      else if (message.snapshotEnd) {
        const received = receiver.end(message.snapshotEnd);
        if (received !== undefined) onSnapshot(received);
      } else if (message.goaway) {
        pauseMs = Math.min(message.goaway.pauseMs, pauseMsMax);
        goawayReason = message.goaway.reason;
      }
    } catch (error) {
      if (!(error instanceof TransferError)) throw error;
      logger.error('snapshot_refused', error.message, { hash: error.hash, control_plane: address });
      if (error.isDelta) return onBrokenDelta(error.hash);
      reject(error.hash, [{ entityType: 'snapshot', entityId: '', entityName: '', path: '', message: error.message }]);
    }
  };

  call.on('data', receive);
  // Every end has a status; the error says the same once more.
  call.on('error', () => undefined);
  call.on('status', ({ details, code }) => end(details === '' ? `status ${code}` : readableReason(details)));
  send({ hello });
  return {
    ack: (hash, applyMs) => send({ ack: { hash, applyMs } }),
    reject,
    requestSnapshot: (hash, runningHash) => send({ snapshotRequest: { hash, runningHash } }),
    close: () => end('The node stops'),
  };
}

/** As many faults as travel, each of bounded length. */
export function toldFaults(faults: readonly EntityFault[]): EntityFault[] {
  return faults.slice(0, toldFaultsMax).map(shortened);
}

function shortened(fault: EntityFault): EntityFault {
  return { ...fault, message: fault.message.slice(0, faultCharsMax) };
}
