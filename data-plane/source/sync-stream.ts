import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { EntityFault } from '../../shared/config-source.ts';
import type { ControlMessage__Output } from '../../shared/generated/sluice/sync/v1/ControlMessage.ts';
import type { Destination } from '../../shared/destination.ts';
import type { SnapshotStart__Output } from '../../shared/generated/sluice/sync/v1/SnapshotStart.ts';
import type { Welcome__Output } from '../../shared/generated/sluice/sync/v1/Welcome.ts';
import type { Hello } from '../../shared/generated/sluice/sync/v1/Hello.ts';
import type { NodeHeartbeat } from '../../shared/generated/sluice/sync/v1/NodeHeartbeat.ts';
import type { NodeMessage } from '../../shared/generated/sluice/sync/v1/NodeMessage.ts';
import type { Logger } from '../../shared/log.ts';
import { ConfigSync, messageLimits } from '../../shared/proto.ts';
import type { TargetHealths } from '../../shared/target-health.ts';
import { toldFaults } from './told-faults.ts';
import { DestinationReports } from './destination-reports.ts';
import { readableReason, type SyncCredentials } from './sync-credentials.ts';
import { type TrafficCounts, TrafficReports } from './traffic-reports.ts';
import { TargetReports } from './target-reports.ts';
import { SnapshotReceiver, TransferError, type ReceivedSnapshot } from './snapshot-receiver.ts';

/** The node's facts for a heartbeat. */
export interface NodeCounters {
  /** The number of requests answered since the process started. */
  readonly requestsTotal: number;
  readonly clusters: readonly { readonly name: string; readonly state: string }[];
}

/** Runs a sample request. Never rejects. */
export type RunTrial = (input: unknown) => Promise<{ readonly status: number; readonly body: object }>;

export interface SyncStreamOptions {
  /** `host:port` of a control plane. */
  readonly address: string;
  readonly credentials: SyncCredentials;
  readonly hello: Hello;
  readonly counters: () => NodeCounters;
  /** Returns the destinations of the running configuration; absent when the node does not tell them. */
  readonly destinations?: (() => readonly Destination[]) | undefined;
  /** The counts of the node's traffic; absent when the node does not tell them. */
  readonly traffic?: TrafficCounts | undefined;
  readonly runTrial?: RunTrial | undefined;
  /** The health of the targets; absent when the node does not tell it. */
  readonly targets?: TargetHealths | undefined;
  /** Returns the hash of the running configuration. */
  readonly runningHash: () => string;
  readonly onWelcome: (welcome: Welcome__Output) => void;
  /** Says why a snapshot must not be received. */
  readonly refusal?: (start: SnapshotStart__Output) => string | undefined;
  readonly onSnapshot: (received: ReceivedSnapshot) => void;
  /** Is called when a snapshot or delta did not arrive as announced, or was refused. */
  readonly onBrokenTransfer: (error: TransferError) => void;
  /** Is called once, also when no connection could be made. */
  readonly onEnd: (end: StreamEnd) => void;
  /** The time for the connection and the welcome. */
  readonly welcomeMs: number;
  readonly logger: Logger;
}

export interface StreamEnd {
  readonly welcomed: boolean;
  /** The pause that the control plane asked for before the next stream. */
  readonly pauseMs: number;
  /** A sentence for the operator, without secrets. */
  readonly reason: string;
}

/** Bound of the pause that a control plane may ask for. */
const pauseMsMax = 5 * 60_000;
/** How many clusters a heartbeat tells. */
const clustersMax = 64;
/** Bounds of the traffic in a heartbeat, in bytes: a heartbeat may have 64 KiB, most of it for destinations if need be. */
const trafficBytesMax = 40 * 1024;
const trafficBesideDestinationsBytesMax = 6 * 1024;
const heartbeatMsMin = 50;
const heartbeatMsMax = 60_000;
/** A stream ends after silence of this many heartbeats. */
const silenceHeartbeats = 3;
/** One stream to a control plane. It opens with its construction and lives until either side ends it; no retries. */
export class SyncStream {
  readonly #options: SyncStreamOptions;
  readonly #client: InstanceType<typeof ConfigSync>;
  readonly #call: ClientDuplexStream<NodeMessage, ControlMessage__Output>;
  readonly #receiver: SnapshotReceiver;
  readonly #destinations: DestinationReports | undefined;
  readonly #traffic: TrafficReports | undefined;
  readonly #targets: TargetReports | undefined;
  #ended = false;
  #welcomed = false;
  #pauseMs = 0;
  #goawayReason: string | undefined;
  #heartbeatTimer: NodeJS.Timeout | undefined;
  #silenceTimer: NodeJS.Timeout;

  constructor(options: SyncStreamOptions) {
    this.#options = options;
    const { address, credentials, hello, welcomeMs, refusal, destinations, traffic, targets } = options;
    this.#receiver = new SnapshotReceiver(refusal && { refusal });
    this.#destinations = destinations && new DestinationReports(destinations, () => this.#beat());
    this.#traffic = traffic && new TrafficReports(traffic);
    this.#targets = targets && new TargetReports(targets, (targetHealth) => this.#beat({ targetHealth }));
    this.#client = new ConfigSync(address, credentials.credentials, {
      ...messageLimits,
      ...credentials.options,
      // A shared pool would give a broken connection, and its backoff, to the next stream.
      'grpc.use_local_subchannel_pool': 1,
    });
    this.#call = this.#client.Connect();
    this.#silenceTimer = setTimeout(() => this.#end(`No welcome within ${welcomeMs} ms`), welcomeMs);
    this.#call.on('data', (message: ControlMessage__Output) => this.#receive(message));
    // Each end has a status, which says the same as the error.
    this.#call.on('error', () => undefined);
    this.#call.on('status', ({ details, code }) =>
      this.#end(details === '' ? `status ${code}` : readableReason(details)),
    );
    this.#send({ hello });
  }

  ack(hash: string, applyMs: number): void {
    this.#send({ ack: { hash, applyMs } });
    // The states of the new configuration follow the ack, so that a write that waits knows whose they are.
    this.#destinations?.applied();
  }

  reject(hash: string, faults: readonly EntityFault[]): void {
    this.#send({ reject: { hash, faults: toldFaults(faults) } });
  }

  /** Asks for the whole configuration after a delta to this hash that does not fit what the node runs. */
  requestSnapshot(hash: string, runningHash: string): void {
    this.#send({ snapshotRequest: { hash, runningHash } });
  }

  close(): void {
    this.#end('The node stops');
  }

  #send(message: NodeMessage): void {
    if (!this.#ended) this.#call.write(message);
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#silenceTimer);
    clearInterval(this.#heartbeatTimer);
    this.#destinations?.stop();
    this.#targets?.stop();
    this.#call.cancel();
    this.#client.close();
    this.#options.onEnd({
      welcomed: this.#welcomed,
      pauseMs: this.#pauseMs,
      reason: this.#goawayReason ?? reason,
    });
  }

  #receive(message: ControlMessage__Output): void {
    if (this.#ended) return;
    this.#silenceTimer.refresh();
    try {
      this.#handle(message);
    } catch (error) {
      if (!(error instanceof TransferError)) throw error;
      this.#transferFailed(error);
    }
  }

  #handle(message: ControlMessage__Output): void {
    const { welcome, snapshotStart, snapshotChunk, snapshotEnd, goaway, tryRequest, setTargetHealth } = message;
    if (welcome) this.#welcome(welcome);
    else if (snapshotStart) this.#receiver.start(snapshotStart);
    else if (snapshotChunk) this.#receiver.chunk(snapshotChunk);
    else if (snapshotEnd) {
      const received = this.#receiver.end(snapshotEnd);
      if (received !== undefined) this.#options.onSnapshot(received);
    } else if (goaway) {
      this.#pauseMs = Math.min(goaway.pauseMs, pauseMsMax);
      this.#goawayReason = goaway.reason;
    } else if (tryRequest) void this.#try(tryRequest.id, tryRequest.json);
    else if (setTargetHealth) {
      const { upstreamId, target, address, healthy: isHealthy } = setTargetHealth;
      this.#options.targets?.set({ upstreamId, target, address: address === '' ? undefined : address, isHealthy });
      this.#targets?.look();
    }
  }

  async #try(id: number, json: Buffer): Promise<void> {
    const { status, body } = (await this.#options.runTrial?.(parsedOrNull(json))) ?? cannotTry;
    this.#send({ tryResult: { id, status, json: Buffer.from(JSON.stringify(body)) } });
  }

  #welcome(welcome: Welcome__Output): void {
    const heartbeatMs = Math.min(Math.max(welcome.heartbeatMs, heartbeatMsMin), heartbeatMsMax);
    const silenceMs = heartbeatMs * silenceHeartbeats;
    clearTimeout(this.#silenceTimer);
    clearInterval(this.#heartbeatTimer);
    this.#silenceTimer = setTimeout(() => this.#end('The control plane was silent for too long'), silenceMs);
    this.#heartbeatTimer = setInterval(() => this.#beat(), heartbeatMs);
    this.#welcomed = true;
    this.#options.onWelcome(welcome);
    // The control plane counts requests from the first heartbeat, so it is sent at once.
    this.#beat();
    this.#destinations?.start();
    this.#targets?.start();
  }

  /** Sends a heartbeat. The health of targets has one of its own, since both together might be too large. */
  #beat(more: Pick<NodeHeartbeat, 'targetHealth'> = {}): void {
    const { requestsTotal, clusters } = this.#options.counters();
    const isAlone = more.targetHealth !== undefined;
    const destinations = isAlone ? undefined : this.#destinations?.take(this.#options.runningHash());
    const trafficMax = destinations ? trafficBesideDestinationsBytesMax : trafficBytesMax;
    const traffic = isAlone ? undefined : this.#traffic?.take(trafficMax);
    const heartbeat = {
      requestsTotal,
      clusters: clusters.slice(0, clustersMax),
      ...(destinations && { destinations }),
      ...(traffic && { traffic }),
      ...more,
    };
    this.#send({ heartbeat });
  }

  #transferFailed(error: TransferError): void {
    const { logger, address, onBrokenTransfer } = this.#options;
    logger.error('snapshot_refused', error.message, { hash: error.hash, control_plane: address });
    onBrokenTransfer(error);
  }
}

const cannotTry = { status: 501, body: { message: 'The node runs no sample requests' } };

/** Returns null where the bytes are no JSON; the trial refuses it. */
function parsedOrNull(json: Buffer): unknown {
  try {
    const value: unknown = JSON.parse(json.toString());
    return value;
  } catch {
    return null;
  }
}
