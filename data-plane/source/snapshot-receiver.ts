import type { SnapshotChunk__Output } from '../../shared/generated/sluice/sync/v1/SnapshotChunk.ts';
import type { SnapshotEnd__Output } from '../../shared/generated/sluice/sync/v1/SnapshotEnd.ts';
import type { SnapshotStart__Output } from '../../shared/generated/sluice/sync/v1/SnapshotStart.ts';
import { packedBytesMax, unpackedBytesMax } from '../../shared/snapshot-wire.ts';

/** A snapshot or delta whose chunks have all arrived; not verified yet. */
export interface ReceivedSnapshot {
  readonly hash: string;
  /** The hash that the delta starts from; undefined for a whole snapshot. */
  readonly baseHash: string | undefined;
  readonly revision: number;
  /** The identity of the database; '' when the control plane has none. */
  readonly databaseId: string;
  /** Bound of the unpacked lines in bytes. */
  readonly unpackedBytesMax: number;
  readonly body: Buffer;
}

/** The control plane broke the protocol or exceeded a limit. */
export class TransferError extends Error {
  /** The hash of the snapshot in transfer. */
  readonly hash: string;
  /** True for a delta: the whole snapshot may still be good. */
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
  readonly start: SnapshotStart__Output;
  readonly totalBytes: number;
  receivedBytes: number;
  readonly chunks: Buffer[];
}

export interface SnapshotReceiverOptions {
  readonly bytesMax?: number;
  readonly refusal?: (start: SnapshotStart__Output) => string | undefined;
}

function unpackedFault({ unpackedBytes }: SnapshotStart__Output): string | undefined {
  if (Number(unpackedBytes) <= unpackedBytesMax) return undefined;
  return `The snapshot has ${unpackedBytes} bytes unpacked, the limit is ${unpackedBytesMax}`;
}

/** Joins chunks. Each method throws TransferError and drops the transfer when the chunks break the protocol. */
export class SnapshotReceiver {
  readonly #bytesMax: number;
  readonly #refusal: (start: SnapshotStart__Output) => string | undefined;
  #current: Current | undefined;

  /** `refusal` says why a snapshot must not be received, before any of it is kept. */
  constructor({ bytesMax = packedBytesMax, refusal = () => undefined }: SnapshotReceiverOptions = {}) {
    this.#bytesMax = bytesMax;
    this.#refusal = refusal;
  }

  /** Begins a transfer; drops one that was under way. */
  start(start: SnapshotStart__Output): void {
    this.#current = undefined;
    const { hash } = start;
    const totalBytes = Number(start.totalBytes);
    const baseHash = start.baseHash === '' ? undefined : start.baseHash;
    const refusal = this.#refusal(start) ?? unpackedFault(start);
    // The whole snapshot would be refused too, so that this is no matter of a delta.
    if (refusal !== undefined) throw new TransferError(refusal, { hash, baseHash: undefined });
    if (totalBytes > this.#bytesMax) {
      const message = `The snapshot has ${totalBytes} bytes, the limit is ${this.#bytesMax}`;
      throw new TransferError(message, { hash, baseHash });
    }
    this.#current = { hash, baseHash, start, totalBytes, receivedBytes: 0, chunks: [] };
  }

  /** Takes a chunk. Chunks without a transfer belong to one that was refused at its start; they are ignored. */
  chunk({ data }: SnapshotChunk__Output): void {
    const current = this.#current;
    if (current === undefined) return;
    // An empty chunk must not be kept: their number is unbounded.
    if (data.length === 0) return;
    current.receivedBytes += data.length;
    if (current.receivedBytes > current.totalBytes) {
      this.#current = undefined;
      throw new TransferError(`More than the announced ${current.totalBytes} bytes came`, current);
    }
    current.chunks.push(data);
  }

  /** Ends the transfer and returns the snapshot; undefined when the transfer was refused before. */
  end({ hash }: SnapshotEnd__Output): ReceivedSnapshot | undefined {
    const current = this.#current;
    this.#current = undefined;
    if (current === undefined) return undefined;
    if (current.hash !== hash || current.receivedBytes !== current.totalBytes) {
      const { receivedBytes, totalBytes } = current;
      throw new TransferError(`${receivedBytes} of the announced ${totalBytes} bytes came`, current);
    }
    const { baseHash, start, chunks } = current;
    const revision = Number(start.revision);
    const announced = Number(start.unpackedBytes);
    const bound = announced > 0 ? Math.min(announced, unpackedBytesMax) : unpackedBytesMax;
    const body = Buffer.concat(chunks);
    return { hash, baseHash, revision, databaseId: start.databaseId, unpackedBytesMax: bound, body };
  }
}
