import { randomInt } from 'node:crypto';
import { status as GrpcStatus } from '@grpc/grpc-js';
import { isDatabaseFault } from '../../shared/config-source.ts';
import type { ControlMessage } from '../../shared/generated/sluice/sync/v1/ControlMessage.ts';
import type { Hello__Output } from '../../shared/generated/sluice/sync/v1/Hello.ts';
import type { NodeMessage__Output } from '../../shared/generated/sluice/sync/v1/NodeMessage.ts';
import type { Reject__Output } from '../../shared/generated/sluice/sync/v1/Reject.ts';
import type { SnapshotRequest__Output } from '../../shared/generated/sluice/sync/v1/SnapshotRequest.ts';
import { stackOf } from '../../shared/log.ts';
import type { TargetHealthChange } from '../../shared/target-health.ts';
import type { Publication } from './node-class.ts';
import type { NodeSessionOptions, Session, TryResult } from './node-session-types.ts';
import { PendingTries } from './pending-tries.ts';
import { Transfer } from './transfer.ts';

/** Bound of a hash, in characters. */
const hashCharsMax = 64;
/** The longest time from the start of a stream to its hello. */
const helloMsMax = 10_000;
/** How many control messages may wait for a node that does not read; the health of further targets is dropped. */
const controlMax = 1_000;
/** How many rejected versions a session remembers. */
const rejectedMax = 100;

/**
 * Serves one stream of a node: hello, welcome, then the newest configuration whenever the node runs another one and has
 * answered the one before. One message is in flight at a time, so that a slow node costs one chunk of memory and does
 * not delay others. Versions are not queued: the newest is looked up when the node is ready for it.
 */
export class NodeSession implements Session {
  readonly #options: NodeSessionOptions;
  #state: 'hello' | 'open' | 'ended' = 'hello';
  #target: () => Publication | undefined = () => undefined;
  #deltas = false;
  #appliedHash = '';
  /** The node follows another database, or none: it has to take this one, even if it runs the same content already. */
  #isStranger = false;
  /** The version that is sent whole because a delta to it did not fit. */
  #wholeWanted: string | undefined;
  /** The version that is being sent, or was sent and is not answered yet. */
  #awaiting: { readonly hash: string; readonly revision: number } | undefined;
  #transfer: Transfer | undefined;
  readonly #rejected = new Set<string>();
  /** Waiting control messages: at most a welcome, a heartbeat, the tries that the registry admits, and the health of targets. */
  #control: ControlMessage[] = [];
  #pumping = false;
  #sendingSinceMs: number | undefined;
  /** When the newest transfer had been sent as a whole. */
  #sentAtMs: number | undefined;
  #snapshotsSent = 0;
  /** The version that is sent with the operator's consent to another database. */
  #adopt: string | undefined;
  readonly #tries = new PendingTries();
  #silenceTimer: NodeJS.Timeout;
  #heartbeatTimer: NodeJS.Timeout | undefined;

  constructor(options: NodeSessionOptions) {
    this.#options = options;
    this.#silenceTimer = this.#silence(Math.min(options.timings.silenceMs, helloMsMax));
  }

  /** Handles the next message of the node. */
  receive({ message, hello, ack, reject, heartbeat, snapshotRequest, tryResult }: NodeMessage__Output): void {
    if (this.#state === 'ended') return;
    this.#heard();
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
    else if (tryResult) this.#tries.answered(tryResult);
    else if (hello) this.#fail(GrpcStatus.FAILED_PRECONDITION, 'A second hello');
    // A kind of message from a newer protocol is ignored: it answers nothing that this version sends.
    else this.#options.logger.debug('sync_message_unknown', 'A message of an unknown kind was ignored', { message });
  }

  /** Looks whether there is a newer configuration to send. */
  offer(): void {
    if (this.#transfer?.isWaiting === true) this.#follow(this.#transfer);
    this.#pump();
  }

  /** Tells whether the node rejected this version on this stream. */
  hasRejected(hash: string): boolean {
    return this.#rejected.has(hash);
  }

  get isStranger(): boolean {
    return this.#isStranger;
  }

  /** Offers a rejected version again, with the operator's consent that the node takes another database. */
  adopt(hash: string): void {
    this.#adopt = hash;
    this.#rejected.delete(hash);
    this.#pump();
  }

  /** Lets the node run a sample request; undefined when the stream ends before the answer. */
  tryRequest(json: Buffer): Promise<TryResult | undefined> {
    if (this.#state !== 'open') return Promise.resolve(undefined);
    const { tryRequest, answer } = this.#tries.begin(json);
    this.#control.push({ tryRequest });
    this.#pump();
    return answer;
  }

  /** Sends the health of a target that an operator has set. */
  setTargetHealth({ upstreamId, target, address = '', isHealthy }: TargetHealthChange): void {
    if (this.#control.length >= controlMax) return;
    this.#control.push({ setTargetHealth: { upstreamId, target, address, healthy: isHealthy } });
    this.#pump();
  }

  /** Asks the node to reconnect after a random pause of up to `pauseMsMax`, so that nodes do not return together. */
  goaway(reason: string, pauseMsMax: number): void {
    if (this.#state === 'ended') return;
    const pauseMs = pauseMsMax > 0 ? randomInt(pauseMsMax) : 0;
    // The end follows in the order of the stream. Nobody waits for a node that does not read.
    this.#options.stream.send({ goaway: { pauseMs, reason } }).catch(() => undefined);
    this.#fail(GrpcStatus.UNAVAILABLE, reason);
  }

  /** Ends the stream because the node exceeded a bound. */
  refuse(fault: string): void {
    this.#fail(GrpcStatus.RESOURCE_EXHAUSTED, fault);
  }

  /** Ends the stream because a newer one of the same process replaced it. */
  replaced(): void {
    this.#fail(GrpcStatus.ABORTED, 'A newer stream of this node took over');
  }

  /** Releases everything after the stream has ended. */
  streamEnded(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    clearTimeout(this.#silenceTimer);
    clearInterval(this.#heartbeatTimer);
    this.#transfer?.release();
    this.#transfer = undefined;
    this.#control = [];
    this.#tries.end();
    this.#options.events.ended(this);
  }

  #silence(afterMs: number): NodeJS.Timeout {
    return setTimeout(() => this.#fail(GrpcStatus.DEADLINE_EXCEEDED, 'The node was silent for too long'), afterMs);
  }

  #heard(): void {
    if (this.#state === 'open') this.#silenceTimer.refresh();
  }

  #fail(code: GrpcStatus, details: string): void {
    if (this.#state === 'ended') return;
    this.streamEnded();
    this.#options.stream.end(code, details);
  }

  #hello(hello: Hello__Output): void {
    this.#noteHello(hello);
    const admission = this.#options.events.hello(this, hello);
    if (admission.kind === 'refused') return this.#fail(admission.code, admission.details);
    this.#target = admission.target;
    this.#state = 'open';
    const { heartbeatMs, silenceMs } = this.#options.timings;
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = this.#silence(silenceMs);
    const { version, databaseId } = this.#options;
    this.#control.push({ welcome: { version, heartbeatMs, deltas: hello.deltas, databaseId } });
    this.#heartbeatTimer = setInterval(() => this.#beat(), heartbeatMs);
    this.#pump();
  }

  #noteHello({ hash, deltas, databaseId: followed, lastRejected }: Hello__Output): void {
    const { databaseId } = this.#options;
    this.#appliedHash = hash;
    this.#deltas = deltas;
    // Nodes of older versions follow no database; those without deltas would be sent everything at each connection.
    this.#isStranger = databaseId !== '' && followed !== databaseId && deltas;
    // A node that is back at its own database would take what it has rejected from another one.
    const isBack = followed === databaseId && lastRejected?.faults.some(isDatabaseFault) === true;
    if (lastRejected !== null && !isBack) this.#rejected.add(lastRejected.hash);
  }

  #beat(): void {
    const { timings, revision, connectedNodes } = this.#options;
    if (this.#sendingSinceMs !== undefined && performance.now() - this.#sendingSinceMs >= timings.silenceMs)
      return this.#fail(GrpcStatus.DEADLINE_EXCEEDED, 'The node does not read');
    // A heartbeat that still waits makes another one needless.
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
    this.#isStranger = false;
    const revision = this.#answered(hash);
    const sentAtMs = revision === undefined ? undefined : this.#sentAtMs;
    const ackMs = sentAtMs === undefined ? undefined : performance.now() - sentAtMs;
    this.#options.events.applied(this, { hash, revision, applyMs, ackMs });
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
    this.#options.logger.info(
      'delta_refused',
      'A delta does not fit what a node runs; the node gets the whole configuration',
      { hash },
    );
    this.#pump();
  }

  /** Notes that the version was answered. Returns the revision that it was sent for, where known. */
  #answered(hash: string): number | undefined {
    const answered = this.#awaiting;
    if (answered?.hash !== hash) return undefined;
    this.#awaiting = undefined;
    return answered.revision;
  }

  /** Sends the waiting messages, one after the other. Does nothing while a message is in flight. */
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
    this.#sentAtMs = performance.now();
    transfer.release();
    this.#options.events.pushed(this, transfer.pushed());
  }

  /** Gives a transfer that waits for its slot the newest version, or drops it when none is wanted any more. */
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

  /** The expected version, unless the node runs it for this database or has rejected it. */
  #wanted(): Publication | undefined {
    const publication = this.#target();
    const hash = publication?.hash ?? '';
    const isRunning = hash === this.#appliedHash && !this.#isStranger;
    return isRunning || this.#rejected.has(hash) ? undefined : publication;
  }

  #startTransfer(): Transfer | undefined {
    const publication = this.#wanted();
    if (publication === undefined || this.#awaiting !== undefined) return undefined;
    const { hash, revision } = publication;
    this.#awaiting = { hash, revision };
    const { slots, databaseId, logger } = this.#options;
    const transfer: Transfer = new Transfer({
      publication,
      baseHash: this.#deltas && this.#wholeWanted !== hash ? this.#appliedHash : undefined,
      slots,
      databaseId,
      adopt: this.#adopt === hash,
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
