import type { SnapshotChunk__Output } from '../../shared/generated/sluice/sync/v1/SnapshotChunk.ts';
import type { SnapshotEnd__Output } from '../../shared/generated/sluice/sync/v1/SnapshotEnd.ts';
import type { SnapshotStart__Output } from '../../shared/generated/sluice/sync/v1/SnapshotStart.ts';
import { packedBytesMax } from '../../shared/snapshot-wire.ts';

/** A snapshot or delta whose chunks have all come; not yet verified. */
export interface ReceivedSnapshot {
  readonly hash: string;
  /** What the delta starts from; undefined for a whole snapshot. */
  readonly baseHash: string | undefined;
  readonly revision: number;
  readonly body: Buffer;
}

/** The control plane sent what the protocol does not allow, or more than a node takes. */
export class TransferError extends Error {
  /** The snapshot that it was about, if that much was known. */
  readonly hash: string;
  /** It was a delta: the whole snapshot may still be good. */
  readonly isDelta: boolean;

  constructor(message: string, { hash, baseHash }: { readonly hash: string; readonly baseHash: string | undefined }) {
    super(message);
    this.name = 'TransferError';
    this.hash = hash;
    this.isDelta = baseHash !== undefined;
  }
}

interface Current {
  readonly hash: string;
  readonly baseHash: string | undefined;
  readonly revision: number;
  readonly totalBytes: number;
  receivedBytes: number;
  readonly chunks: Buffer[];
}

/** Puts chunks together. Each method throws TransferError and forgets the transfer when something does not fit. */
export class SnapshotReceiver {
  readonly #bytesMax: number;
  #current: Current | undefined;

  constructor({ bytesMax = packedBytesMax }: { readonly bytesMax?: number } = {}) {
    this.#bytesMax = bytesMax;
  }

  /** A transfer that was under way is dropped. */
  start(start: SnapshotStart__Output): void {
    this.#current = undefined;
    const { hash } = start;
    const totalBytes = Number(start.totalBytes);
    const baseHash = start.baseHash === '' ? undefined : start.baseHash;
    if (totalBytes > this.#bytesMax) {
      const message = `The snapshot has ${totalBytes} bytes, the limit is ${this.#bytesMax}`;
      throw new TransferError(message, { hash, baseHash });
    }
    this.#current = { hash, baseHash, revision: Number(start.revision), totalBytes, receivedBytes: 0, chunks: [] };
  }

  /** Chunks without a transfer are those of one that was refused at its start. */
  chunk({ data }: SnapshotChunk__Output): void {
    const current = this.#current;
    if (current === undefined) return;
    // Without bytes there is no end to how many may come.
    if (data.length === 0) return;
    current.receivedBytes += data.length;
    if (current.receivedBytes > current.totalBytes) {
      this.#current = undefined;
      throw new TransferError(`More than the announced ${current.totalBytes} bytes came`, current);
    }
    current.chunks.push(data);
  }

  /** The complete snapshot; undefined when it was refused before. */
  end({ hash }: SnapshotEnd__Output): ReceivedSnapshot | undefined {
    const current = this.#current;
    this.#current = undefined;
    if (current === undefined) return undefined;
    if (current.hash !== hash || current.receivedBytes !== current.totalBytes) {
      const { receivedBytes, totalBytes } = current;
      throw new TransferError(`${receivedBytes} of the announced ${totalBytes} bytes came`, current);
    }
    const { baseHash, revision, chunks } = current;
    return { hash, baseHash, revision, body: Buffer.concat(chunks) };
  }
}
