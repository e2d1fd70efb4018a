import type { SnapshotStart } from '../../shared/generated/sluice/sync/v1/SnapshotStart.ts';
import type { ControlMessage } from '../../shared/generated/sluice/sync/v1/ControlMessage.ts';
import { packedBytesMax, unpackedBytesMax } from '../../shared/snapshot-wire.ts';
import type { Publication } from './node-class.ts';
import type { TransferSlot, TransferSlots } from './transfer-slots.ts';

export interface TransferOptions {
  readonly publication: Publication;
  /** The hash that a delta may start from; undefined when the node gets the whole configuration. */
  readonly baseHash: string | undefined;
  readonly slots: TransferSlots;
  /** The identity of the database; empty when it has none. */
  readonly databaseId: string;
  /** The operator agreed that the node takes a snapshot of another database. */
  readonly adopt: boolean;
  /** Is called when there may be something to send. */
  readonly onReady: () => void;
  readonly onFailed: (error: unknown) => void;
}

export interface Pushed {
  readonly kind: 'snapshot' | 'delta';
  readonly bytes: number;
}

const chunkBytesMax = 256 * 1024;
/** A delta up to this size needs no slot: every node may have one in flight at the same time. */
const slotFreeBytesMax = 16 * 1024;

/** Sends one snapshot or delta to one node: waits for a slot, packs, and hands out the chunks. */
export class Transfer {
  #publication: Publication;
  /** Undefined for a whole snapshot. */
  readonly #baseHash: string | undefined;
  readonly #slot: TransferSlot;
  readonly #options: TransferOptions;
  #body: Buffer | undefined;
  #offset = 0;
  #step: 'waiting' | 'packing' | 'start' | 'chunks' | 'end' | 'sent' = 'waiting';

  constructor(options: TransferOptions) {
    const { publication, baseHash, slots, onReady } = options;
    this.#options = options;
    this.#publication = publication;
    this.#slot = slots.open(onReady);
    const delta = baseHash === undefined ? undefined : publication.deltaFrom(baseHash);
    this.#baseHash = delta === undefined ? undefined : baseHash;
    if (delta !== undefined) this.#pack(delta);
  }

  get isSent(): boolean {
    return this.#step === 'sent';
  }

  /** Nothing was packed yet: the version may still be replaced or dropped. */
  get isWaiting(): boolean {
    return this.#step === 'waiting';
  }

  /** Replaces the version by a newer one; allowed only while the transfer waits. */
  retarget(publication: Publication): void {
    this.#publication = publication;
  }

  /** Returns the next message; undefined while the transfer waits and when everything was sent. */
  next(): ControlMessage | undefined {
    // The slot is requested for each message: one without progress may have gone to another node.
    if (this.#needsSlot() && !this.#slot.request()) return undefined;
    const body = this.#body;
    // A whole snapshot is packed only once it may be sent.
    if (body === undefined) {
      if (this.#step === 'waiting') this.#packWhole();
      return undefined;
    }
    switch (this.#step) {
      case 'start':
        // A snapshot over the limit is only announced: the node rejects it, and both sides say why.
        this.#step = this.#isTooLarge() || body.length > packedBytesMax ? 'sent' : 'chunks';
        return { snapshotStart: this.#start(body.length) };
      case 'chunks': {
        const data = body.subarray(this.#offset, this.#offset + chunkBytesMax);
        this.#offset += data.length;
        if (this.#offset >= body.length) this.#step = 'end';
        return { snapshotChunk: { data } };
      }
      case 'end':
        this.#step = 'sent';
        return { snapshotEnd: { hash: this.#publication.hash } };
      case 'waiting':
      case 'packing':
      case 'sent':
        break;
    }
    return undefined;
  }

  /** Notes that a message was sent. */
  touch(): void {
    this.#slot.touch();
  }

  /** Gives the slot back, whatever the step. */
  release(): void {
    this.#slot.release();
  }

  pushed(): Pushed {
    return { kind: this.#baseHash === undefined ? 'snapshot' : 'delta', bytes: this.#body?.length ?? 0 };
  }

  #start(totalBytes: number): SnapshotStart {
    const { hash, revision, entityCount, unpackedBytes } = this.#publication;
    const { databaseId, adopt } = this.#options;
    const baseHash = this.#baseHash ?? '';
    return { hash, revision, totalBytes, entityCount, baseHash, databaseId, adopt, unpackedBytes };
  }

  /** No node can unpack it. */
  #isTooLarge(): boolean {
    return this.#publication.unpackedBytes > unpackedBytesMax;
  }

  #packWhole(): void {
    this.#pack(this.#isTooLarge() ? Promise.resolve(Buffer.alloc(0)) : this.#publication.snapshot());
  }

  #needsSlot(): boolean {
    return this.#baseHash === undefined || (this.#body?.length ?? 0) > slotFreeBytesMax;
  }

  #pack(packed: Promise<Buffer>): void {
    this.#step = 'packing';
    packed.then((body) => {
      this.#body = body;
      this.#step = 'start';
      this.#options.onReady();
    }, this.#options.onFailed);
  }
}
