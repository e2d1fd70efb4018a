import type { ControlMessage } from '../../shared/generated/sluice/sync/v1/ControlMessage.ts';
import { packedBytesMax } from '../../shared/snapshot-wire.ts';
import type { Publication } from './node-class.ts';
import type { TransferSlot, TransferSlots } from './transfer-slots.ts';

export interface TransferOptions {
  readonly publication: Publication;
  /** The hash that a delta may start from; undefined when the node is to get the whole. */
  readonly baseHash: string | undefined;
  readonly slots: TransferSlots;
  /** There may be something to send now. */
  readonly onReady: () => void;
  readonly onFailed: (error: unknown) => void;
}

export interface Pushed {
  readonly kind: 'snapshot' | 'delta';
  readonly bytes: number;
}

const chunkBytesMax = 256 * 1024;
/** A delta up to this size needs no slot: all nodes together may have one on the way. */
const slotFreeBytesMax = 16 * 1024;

/** One snapshot or delta on its way to one node: waits for its slot, is packed, and leaves in chunks. */
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

  /** Nothing of it was made yet: it may still become another, or be dropped. */
  get isWaiting(): boolean {
    return this.#step === 'waiting';
  }

  /** Takes a newer version instead; only while it waits. */
  retarget(publication: Publication): void {
    this.#publication = publication;
  }

  /** The next message; undefined while it waits, and when all was sent. */
  next(): ControlMessage | undefined {
    // Asked for each message: the slot of a node that does not read is lent to others.
    if (this.#needsSlot() && !this.#slot.request()) return undefined;
    const { hash, revision, entityCount } = this.#publication;
    const body = this.#body;
    // A whole snapshot is packed only when it may leave.
    if (body === undefined) {
      if (this.#step === 'waiting') this.#pack(this.#publication.snapshot());
      return undefined;
    }
    switch (this.#step) {
      case 'start':
        // Over the limit it is announced only, so that the node refuses it and both sides say why.
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

  /** Says that a message left. */
  touch(): void {
    this.#slot.touch();
  }

  /** Ends it, wherever it is. */
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
