import type { Logger } from '../../shared/log.ts';
import type { NodeEntry } from './node-entry.ts';
import { type EntityHashOf, standingRejection } from './node-rejections.ts';

/**
 * Compares a node with what its class should run: notes since when the node is behind, whether its class is incompatible,
 * and shows the earlier rejection when a rejected version becomes the expected one again. Returns whether the record of
 * the node changed.
 */
export function followClass(entry: NodeEntry, logger: Logger): boolean {
  const { nodeClass, record } = entry;
  const expectedHash = nodeClass?.publication()?.hash;
  if (expectedHash === undefined || expectedHash === record.appliedHash) entry.behindSinceMs = undefined;
  else entry.behindSinceMs ??= Date.now();
  const syncStatus = nodeClass?.refusal() ?? 'normal';
  const rejected = entry.rejections.get(expectedHash ?? '');
  const isShown = rejected === undefined || expectedHash === record.appliedHash;
  if (syncStatus !== record.syncStatus) {
    logger[syncStatus === 'normal' ? 'info' : 'warn']('node_sync_status', 'The compatibility of a data plane changed', {
      node_id: record.id,
      sync_status: syncStatus,
      reasons: nodeClass?.rows().slice(0, 20),
    });
  }
  entry.record = { ...record, syncStatus, ...(isShown ? {} : { rejected }) };
  return syncStatus !== record.syncStatus || entry.record.rejected !== record.rejected;
}

/**
 * Drops the faults of a rejection of an old version whose entities have changed since. Returns whether the record of the
 * node changed.
 */
export function expireRejection(
  entry: NodeEntry,
  expectedHash: string | undefined,
  entityHashOf: EntityHashOf,
): boolean {
  const { rejected } = entry.record;
  if (rejected === null || rejected.hash === expectedHash) return false;
  const standing = standingRejection(rejected, entityHashOf);
  if (standing === rejected) return false;
  entry.record = { ...entry.record, rejected: standing };
  return true;
}
