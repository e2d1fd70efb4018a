import { randomInt } from 'node:crypto';
import { status as GrpcStatus } from '@grpc/grpc-js';
import type { EntityFault } from '../../shared/config-source.ts';
import type { ControlMessage } from '../../shared/generated/sluice/sync/v1/ControlMessage.ts';
import type { Hello__Output } from '../../shared/generated/sluice/sync/v1/Hello.ts';
import type { NodeHeartbeat__Output } from '../../shared/generated/sluice/sync/v1/NodeHeartbeat.ts';
import type { NodeMessage__Output } from '../../shared/generated/sluice/sync/v1/NodeMessage.ts';
import type { Reject__Output } from '../../shared/generated/sluice/sync/v1/Reject.ts';
import type { SnapshotRequest__Output } from '../../shared/generated/sluice/sync/v1/SnapshotRequest.ts';
import { type Logger, stackOf } from '../../shared/log.ts';
import type { Publication } from './node-class.ts';
import type { TransferSlots } from './transfer-slots.ts';
import { type Pushed, Transfer } from './transfer.ts';

/** The sending half of a node's stream. */
export interface SessionStream {
  /** Resolves when the message has left for the network, the node's flow control obeyed; never after the stream's end. */
  send(message: ControlMessage): Promise<void>;
  /** Ends the stream with a gRPC status. Messages that were sent before arrive first. */
  end(code: GrpcStatus, details: string): void;
}

export interface SessionTimings {
  readonly heartbeatMs: number;
  /** Silence that ends the stream, and the longest that a message may wait for a node that does not read. */
  readonly silenceMs: number;
}

export const defaultSessionTimings: SessionTimings = { heartbeatMs: 10_000, silenceMs: 30_000 };

/** What the session tells of its node. Called synchronously, in the order of the stream. */
export interface SessionEvents {
  /** Decides on the first message; a refusal ends the stream with that status. */
  hello(session: NodeSession, hello: Hello__Output): Admission;
  heard(session: NodeSession): void;
  heartbeat(session: NodeSession, heartbeat: NodeHeartbeat__Output): void;
  applied(session: NodeSession, applied: { hash: string; revision: number | undefined; applyMs: number }): void;
  rejected(session: NodeSession, rejected: { hash: string; revision: number | undefined; faults: EntityFault[] }): void;
  /** A snapshot or delta was sent to its end. */
  pushed(session: NodeSession, pushed: Pushed): void;
  ended(session: NodeSession): void;
}

export type Admission =
  | {
      readonly kind: 'accepted';
      /** What the node should run; undefined: nothing is sent to it. */
      readonly target: () => Publication | undefined;
    }
  | { readonly kind: 'refused'; readonly code: GrpcStatus; readonly details: string };

export interface NodeSessionOptions {
  readonly stream: SessionStream;
  /** The newest revision that was published. */
  readonly revision: () => number;
  readonly connectedNodes: () => number;
  readonly slots: TransferSlots;
  readonly events: SessionEvents;
  /** Version of this control plane. */
  readonly version: string;
  readonly timings: SessionTimings;
  readonly logger: Logger;
}

/** Characters of a hash; a node that tells more tells none. */
const hashCharsMax = 64;
/** Rejected versions remembered for a stream. */
const rejectedMax = 100;

/**
 * One stream of a node: hello, welcome, then the newest snapshot whenever the node runs another and has answered the one
 * before. One message is on its way at a time, so that a node that reads slowly costs one chunk of memory and nobody
 * else's time; what changes meanwhile is not queued, the newest is looked up when its turn comes.
 */
export class NodeSession {
  readonly #options: NodeSessionOptions;
  #state: 'hello' | 'open' | 'ended' = 'hello';
  #target: () => Publication | undefined = () => undefined;
  #deltas = false;
  #appliedHash = '';
  /** A delta to this version did not fit: it is sent whole. */
  #wholeWanted: string | undefined;
  /** What was sent, or is being sent, and not yet answered. */
  #awaiting: { readonly hash: string; readonly revision: number } | undefined;
  #transfer: Transfer | undefined;
  readonly #rejected = new Set<string>();
  /** At most a welcome, a heartbeat and a goaway. */
  #control: ControlMessage[] = [];
  #pumping = false;
  #sendingSinceMs: number | undefined;
  #snapshotsSent = 0;
  readonly #silenceTimer: NodeJS.Timeout;
  #heartbeatTimer: NodeJS.Timeout | undefined;

  constructor(options: NodeSessionOptions) {
    this.#options = options;
    this.#silenceTimer = setTimeout(
      () => this.#fail(GrpcStatus.DEADLINE_EXCEEDED, 'Nothing was heard of the node'),
      options.timings.silenceMs,
    );
  }

  /** Takes the next message of the node. */
  receive({ message, hello, ack, reject, heartbeat, snapshotRequest }: NodeMessage__Output): void {
    if (this.#state === 'ended') return;
    this.#silenceTimer.refresh();
    const hashes = [hello?.hash, hello?.lastRejected?.hash, ack?.hash, reject?.hash];
    const asked = [snapshotRequest?.hash, snapshotRequest?.runningHash];
    if ([...hashes, ...asked].some((hash) => hash !== undefined && hash.length > hashCharsMax))
      return this.#fail(GrpcStatus.INVALID_ARGUMENT, `A hash has at most ${hashCharsMax} characters`);
    if (this.#state === 'hello') {
      if (hello) this.#hello(hello);
      else this.#fail(GrpcStatus.FAILED_PRECONDITION, 'The first message must be a hello');
      return;
    }
    this.#options.events.heard(this);
    if (ack) this.#applied(ack.hash, ack.applyMs);
    else if (reject) this.#refused(reject);
    else if (heartbeat) this.#options.events.heartbeat(this, heartbeat);
    else if (snapshotRequest) this.#wantsWhole(snapshotRequest);
    else if (hello) this.#fail(GrpcStatus.FAILED_PRECONDITION, 'A second hello');
    // A message of a newer protocol is left alone: it cannot be asked for by what this one has sent.
    else this.#options.logger.debug('sync_message_unknown', 'A message is of no known kind', { message });
  }

  /** There may be a new snapshot. */
  offer(): void {
    if (this.#transfer?.isWaiting === true) this.#follow(this.#transfer);
    this.#pump();
  }

  /** Whether this version was refused on this stream. */
  hasRejected(hash: string): boolean {
    return this.#rejected.has(hash);
  }

  /** Asks the node to go and come back after a pause of up to `pauseMsMax`, spread so that nodes do not come together. */
  goaway(reason: string, pauseMsMax: number): void {
    if (this.#state === 'ended') return;
    const pauseMs = pauseMsMax > 0 ? randomInt(pauseMsMax) : 0;
    // The end follows in the stream's own order; nothing waits for a node that does not read.
    this.#options.stream.send({ goaway: { pauseMs, reason } }).catch(() => undefined);
    this.#fail(GrpcStatus.UNAVAILABLE, reason);
  }

  /** Ends the stream in favour of another. */
  replaced(): void {
    this.#fail(GrpcStatus.ABORTED, 'A newer stream of this node took over');
  }

  /** The stream is gone. */
  streamEnded(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    clearTimeout(this.#silenceTimer);
    clearInterval(this.#heartbeatTimer);
    this.#transfer?.release();
    this.#transfer = undefined;
    this.#control = [];
    this.#options.events.ended(this);
  }

  #fail(code: GrpcStatus, details: string): void {
    if (this.#state === 'ended') return;
    this.streamEnded();
    this.#options.stream.end(code, details);
  }

  #hello(hello: Hello__Output): void {
    this.#appliedHash = hello.hash;
    if (hello.lastRejected) this.#rejected.add(hello.lastRejected.hash);
    const admission = this.#options.events.hello(this, hello);
    if (admission.kind === 'refused') return this.#fail(admission.code, admission.details);
    this.#target = admission.target;
    this.#deltas = hello.deltas;
    this.#state = 'open';
    const { heartbeatMs } = this.#options.timings;
    this.#control.push({ welcome: { version: this.#options.version, heartbeatMs, deltas: hello.deltas } });
    this.#heartbeatTimer = setInterval(() => this.#beat(), heartbeatMs);
    this.#pump();
  }

  #beat(): void {
    const { timings, revision, connectedNodes } = this.#options;
    if (this.#sendingSinceMs !== undefined && performance.now() - this.#sendingSinceMs >= timings.silenceMs)
      return this.#fail(GrpcStatus.DEADLINE_EXCEEDED, 'The node does not read');
    // A heartbeat that has not left yet is as good as this one.
    if (this.#control.some(({ heartbeat }) => heartbeat)) return;
    const heartbeat = {
      revision: Math.max(0, revision()),
      connectedNodes: connectedNodes(),
      snapshotsSent: this.#snapshotsSent,
    };
    this.#control.push({ heartbeat });
    this.#pump();
  }

  #applied(hash: string, applyMs: number): void {
    this.#appliedHash = hash;
    const revision = this.#answered(hash);
    this.#options.events.applied(this, { hash, revision, applyMs });
    this.#pump();
  }

  #refused({ hash, faults }: Reject__Output): void {
    if (this.#rejected.size >= rejectedMax) this.#rejected.clear();
    this.#rejected.add(hash);
    const revision = this.#answered(hash);
    this.#options.events.rejected(this, { hash, revision, faults });
    this.#pump();
  }

  #wantsWhole({ hash, runningHash }: SnapshotRequest__Output): void {
    this.#appliedHash = runningHash;
    this.#wholeWanted = hash;
    this.#answered(hash);
    this.#options.logger.info('delta_refused', 'A delta does not fit what a node runs; it gets the whole', { hash });
    this.#pump();
  }

  /** The revision that the answered snapshot was sent for. */
  #answered(hash: string): number | undefined {
    const answered = this.#awaiting;
    if (answered?.hash !== hash) return undefined;
    this.#awaiting = undefined;
    return answered.revision;
  }

  /** Sends what there is to send, one message after the other; returns at once when that is going on already. */
  #pump(): void {
    if (this.#pumping || this.#state !== 'open') return;
    const message = this.#control.shift() ?? (this.#transfer ?? this.#startTransfer())?.next();
    if (message === undefined) return;
    this.#pumping = true;
    this.#sendingSinceMs = performance.now();
    this.#options.stream.send(message).then(
      () => {
        this.#pumping = false;
        this.#sendingSinceMs = undefined;
        this.#transfer?.touch();
        this.#finishTransfer();
        this.#pump();
      },
      (error: unknown) => this.#fail(GrpcStatus.UNAVAILABLE, error instanceof Error ? error.message : String(error)),
    );
  }

  #finishTransfer(): void {
    if (this.#transfer?.isSent !== true) return;
    const transfer = this.#transfer;
    this.#transfer = undefined;
    this.#snapshotsSent += 1;
    transfer.release();
    this.#options.events.pushed(this, transfer.pushed());
  }

  /** A transfer that waits for its slot keeps its place, but is of the newest version, or of none. */
  #follow(waiting: Transfer): void {
    const newest = this.#wanted();
    if (newest === undefined) {
      waiting.release();
      this.#transfer = undefined;
      this.#awaiting = undefined;
    } else {
      waiting.retarget(newest);
      this.#awaiting = { hash: newest.hash, revision: newest.revision };
    }
  }

  /** What the node should run and neither runs nor has refused. */
  #wanted(): Publication | undefined {
    const publication = this.#target();
    const hash = publication?.hash ?? '';
    return hash === this.#appliedHash || this.#rejected.has(hash) ? undefined : publication;
  }

  #startTransfer(): Transfer | undefined {
    const publication = this.#wanted();
    if (publication === undefined || this.#awaiting !== undefined) return undefined;
    const { hash, revision } = publication;
    this.#awaiting = { hash, revision };
    const { slots, logger } = this.#options;
    const transfer: Transfer = new Transfer({
      publication,
      baseHash: this.#deltas && this.#wholeWanted !== hash ? this.#appliedHash : undefined,
      slots,
      onReady: () => {
        if (this.#transfer === transfer) this.#pump();
      },
      onFailed: (error) => {
        logger.error('internal_error', 'A configuration could not be packed', { error: stackOf(error) });
        this.#fail(GrpcStatus.INTERNAL, 'The configuration could not be packed');
      },
    });
    this.#transfer = transfer;
    return transfer;
  }
}
