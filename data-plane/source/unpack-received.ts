import {
  applyDelta,
  packSnapshot,
  SnapshotCorruptError,
  unpackSnapshot,
  type WireSnapshot,
} from '../../shared/snapshot-wire.ts';
import type { ReceivedSnapshot } from './snapshot-receiver.ts';

export type Unpacked =
  | { readonly kind: 'whole'; readonly wire: WireSnapshot; readonly body: () => Promise<Buffer> }
  /** A delta that does not lead from the running configuration to its hash. The whole snapshot may still be good. */
  | { readonly kind: 'misfit'; readonly reason: string }
  | { readonly kind: 'damaged'; readonly reason: string };

/** Unpacks a received snapshot or applies a received delta to the running configuration. */
export async function unpackReceived(
  { hash, baseHash, body, unpackedBytesMax }: ReceivedSnapshot,
  running: WireSnapshot | undefined,
): Promise<Unpacked> {
  try {
    if (baseHash === undefined)
      return { kind: 'whole', wire: await unpackSnapshot(hash, body, unpackedBytesMax), body: async () => body };
    if (running?.snapshot.hash !== baseHash)
      return { kind: 'misfit', reason: 'it starts from a configuration that does not run here' };
    const wire = await applyDelta(running, hash, body);
    return { kind: 'whole', wire, body: () => packSnapshot(wire) };
  } catch (error) {
    if (!(error instanceof SnapshotCorruptError)) throw error;
    return { kind: baseHash === undefined ? 'damaged' : 'misfit', reason: error.message };
  }
}
