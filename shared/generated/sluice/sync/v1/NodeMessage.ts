// Original file: proto/config_sync.proto

import type { Hello as _sluice_sync_v1_Hello, Hello__Output as _sluice_sync_v1_Hello__Output } from '../../../sluice/sync/v1/Hello.ts';
import type { Ack as _sluice_sync_v1_Ack, Ack__Output as _sluice_sync_v1_Ack__Output } from '../../../sluice/sync/v1/Ack.ts';
import type { Reject as _sluice_sync_v1_Reject, Reject__Output as _sluice_sync_v1_Reject__Output } from '../../../sluice/sync/v1/Reject.ts';
import type { NodeHeartbeat as _sluice_sync_v1_NodeHeartbeat, NodeHeartbeat__Output as _sluice_sync_v1_NodeHeartbeat__Output } from '../../../sluice/sync/v1/NodeHeartbeat.ts';
import type { SnapshotRequest as _sluice_sync_v1_SnapshotRequest, SnapshotRequest__Output as _sluice_sync_v1_SnapshotRequest__Output } from '../../../sluice/sync/v1/SnapshotRequest.ts';
import type { TryResult as _sluice_sync_v1_TryResult, TryResult__Output as _sluice_sync_v1_TryResult__Output } from '../../../sluice/sync/v1/TryResult.ts';

export interface NodeMessage {
  'hello'?: (_sluice_sync_v1_Hello | null);
  'ack'?: (_sluice_sync_v1_Ack | null);
  'reject'?: (_sluice_sync_v1_Reject | null);
  'heartbeat'?: (_sluice_sync_v1_NodeHeartbeat | null);
  'snapshotRequest'?: (_sluice_sync_v1_SnapshotRequest | null);
  'tryResult'?: (_sluice_sync_v1_TryResult | null);
  'message'?: "hello"|"ack"|"reject"|"heartbeat"|"snapshotRequest"|"tryResult";
}

export interface NodeMessage__Output {
  'hello'?: (_sluice_sync_v1_Hello__Output | null);
  'ack'?: (_sluice_sync_v1_Ack__Output | null);
  'reject'?: (_sluice_sync_v1_Reject__Output | null);
  'heartbeat'?: (_sluice_sync_v1_NodeHeartbeat__Output | null);
  'snapshotRequest'?: (_sluice_sync_v1_SnapshotRequest__Output | null);
  'tryResult'?: (_sluice_sync_v1_TryResult__Output | null);
  'message'?: "hello"|"ack"|"reject"|"heartbeat"|"snapshotRequest"|"tryResult";
}
