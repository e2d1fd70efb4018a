import type { ControlMessage } from '../../shared/generated/sluice/sync/v1/ControlMessage.ts';
import { packedBytesMax } from '../../shared/snapshot-wire.ts';
import type { Publication } from './node-class.ts';
import type { TransferSlot, TransferSlots } from './transfer-slots.ts';

export interface TransferOptions {
  readonly publication: Publication;
  /** The hash that a delta may start from; undefined when the node gets the whole configuration. */
  readonly baseHash: string | undefined;
  readonly slots: TransferSlots;
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
    const { hash, revision, entityCount } = this.#publication;
    const body = this.#body;
    // A whole snapshot is packed only once it may be sent.
    if (body === undefined) {
      if (this.#step === 'waiting') this.#pack(this.#publication.snapshot());
      return undefined;
    }
    switch (this.#step) {
      case 'start':
        // A snapshot over the limit is only announced: the node rejects it, and both sides say why.
        this.#step = body.length > packedBytesMax ? 'sent' : 'chunks';
        return {
          snapshotStart: { hash, revision, totalBytes: body.length, entityCount, baseHash: this.#baseHash ?? '' },
        };
      case 'chunks': {
        const data = body.subarray(this.#offset, this.#offset + chunkBytesMax);
        this.#offset += data.length;
        if (this.#offset >= body.length) this.#step = 'end';
        return { snapshotChunk: { data } };
      }
      case 'end':
        this.#step = 'sent';
        return { snapshotEnd: { hash } };
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
