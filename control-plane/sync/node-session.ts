import { randomInt } from 'node:crypto';
import { status as GrpcStatus } from '@grpc/grpc-js';
import type { EntityFault } from '../../shared/config-source.ts';
import type { ControlMessage } from '../../shared/generated/sluice/sync/v1/ControlMessage.ts';
import type { Hello__Output } from '../../shared/generated/sluice/sync/v1/Hello.ts';
import type { NodeHeartbeat__Output } from '../../shared/generated/sluice/sync/v1/NodeHeartbeat.ts';
import type { NodeMessage__Output } from '../../shared/generated/sluice/sync/v1/NodeMessage.ts';
import type { Reject__Output } from '../../shared/generated/sluice/sync/v1/Reject.ts';
import type { Logger } from '../../shared/log.ts';
import type { Publication } from './publisher.ts';
import type { TransferSlot, TransferSlots } from './transfer-slots.ts';

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
  /** A snapshot was sent whole. */
  pushed(session: NodeSession, publication: Publication): void;
  ended(session: NodeSession): void;
}

export type Admission =
  | {
      readonly kind: 'accepted';
      /** False: known and watched, but never sent anything. */ readonly compatible: boolean;
    }
  | { readonly kind: 'refused'; readonly code: GrpcStatus; readonly details: string };

export interface NodeSessionOptions {
  readonly stream: SessionStream;
  readonly latest: () => Publication | undefined;
  readonly connectedNodes: () => number;
  readonly slots: TransferSlots;
  readonly events: SessionEvents;
  /** Version of this control plane. */
  readonly version: string;
  readonly timings: SessionTimings;
  readonly logger: Logger;
}

const chunkBytesMax = 256 * 1024;
/** Faults kept of one rejection. */
const faultsMax = 1_000;
/** Rejected versions remembered for a stream. */
const rejectedMax = 100;

interface Transfer {
  readonly publication: Publication;
  readonly slot: TransferSlot;
  offset: number;
  step: 'start' | 'chunks' | 'end' | 'sent';
}

/**
 * One stream of a node: hello, welcome, then the newest snapshot whenever the node runs another and has answered the one
 * before. One message is on its way at a time, so that a node that reads slowly costs one chunk of memory and nobody
 * else's time; what changes meanwhile is not queued, the newest is looked up when its turn comes.
 */
export class NodeSession {
  readonly #options: NodeSessionOptions;
  #state: 'hello' | 'open' | 'ended' = 'hello';
  #compatible = false;
  #appliedHash = '';
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
  receive({ message, hello, ack, reject, heartbeat }: NodeMessage__Output): void {
    if (this.#state === 'ended') return;
    this.#silenceTimer.refresh();
    if (this.#state === 'hello') {
      if (hello) this.#hello(hello);
      else this.#fail(GrpcStatus.FAILED_PRECONDITION, 'The first message must be a hello');
      return;
    }
    this.#options.events.heard(this);
    if (ack) this.#applied(ack.hash, ack.applyMs);
    else if (reject) this.#refused(reject);
    else if (heartbeat) this.#options.events.heartbeat(this, heartbeat);
    else if (hello) this.#fail(GrpcStatus.FAILED_PRECONDITION, 'A second hello');
    // A message of a newer protocol is left alone: it cannot be asked for by what this one has sent.
    else this.#options.logger.debug('sync_message_unknown', 'A message is of no known kind', { message });
  }

  /** There may be a new snapshot. */
  offer(): void {
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
    this.#transfer?.slot.release();
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
    this.#compatible = admission.compatible;
    this.#state = 'open';
    const { heartbeatMs } = this.#options.timings;
    this.#control.push({ welcome: { version: this.#options.version, heartbeatMs } });
    this.#heartbeatTimer = setInterval(() => this.#beat(), heartbeatMs);
    this.#pump();
  }

  #beat(): void {
    const { timings, latest, connectedNodes } = this.#options;
    if (this.#sendingSinceMs !== undefined && performance.now() - this.#sendingSinceMs >= timings.silenceMs)
      return this.#fail(GrpcStatus.DEADLINE_EXCEEDED, 'The node does not read');
    // A heartbeat that has not left yet is as good as this one.
    if (this.#control.some(({ heartbeat }) => heartbeat)) return;
    const heartbeat = {
      revision: latest()?.revision ?? 0,
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
    this.#options.events.rejected(this, { hash, revision, faults: faults.slice(0, faultsMax) });
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
    const message = this.#control.shift() ?? this.#nextOfTransfer();
    if (message === undefined) return;
    this.#pumping = true;
    this.#sendingSinceMs = performance.now();
    this.#options.stream.send(message).then(
      () => {
        this.#pumping = false;
        this.#sendingSinceMs = undefined;
        this.#transfer?.slot.touch();
        this.#finishTransfer();
        this.#pump();
      },
      (error: unknown) => this.#fail(GrpcStatus.UNAVAILABLE, error instanceof Error ? error.message : String(error)),
    );
  }

  #nextOfTransfer(): ControlMessage | undefined {
    const transfer = this.#transfer ?? this.#startTransfer();
    if (transfer === undefined) return undefined;
    if (!transfer.slot.request()) return undefined;
    const { publication } = transfer;
    const { hash, revision, entityCount, body } = publication;
    switch (transfer.step) {
      case 'start':
        transfer.step = 'chunks';
        return { snapshotStart: { hash, revision, totalBytes: body.length, entityCount } };
      case 'chunks': {
        const data = body.subarray(transfer.offset, transfer.offset + chunkBytesMax);
        transfer.offset += data.length;
        if (transfer.offset >= body.length) transfer.step = 'end';
        return { snapshotChunk: { data } };
      }
      case 'end':
        transfer.step = 'sent';
        return { snapshotEnd: { hash } };
      case 'sent':
        break;
    }
    return undefined;
  }

  #finishTransfer(): void {
    if (this.#transfer?.step !== 'sent') return;
    const { slot, publication } = this.#transfer;
    this.#transfer = undefined;
    this.#snapshotsSent += 1;
    slot.release();
    this.#options.events.pushed(this, publication);
  }

  #startTransfer(): Transfer | undefined {
    const latest = this.#options.latest();
    if (latest === undefined || !this.#compatible || this.#awaiting !== undefined) return undefined;
    if (latest.hash === this.#appliedHash || this.#rejected.has(latest.hash)) return undefined;
    this.#awaiting = { hash: latest.hash, revision: latest.revision };
    const slot = this.#options.slots.open(() => this.#pump());
    this.#transfer = { publication: latest, slot, offset: 0, step: 'start' };
    return this.#transfer;
  }
}
