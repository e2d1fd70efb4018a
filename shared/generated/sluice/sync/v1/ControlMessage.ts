// Original file: proto/config_sync.proto

import type { Welcome as _sluice_sync_v1_Welcome, Welcome__Output as _sluice_sync_v1_Welcome__Output } from '../../../sluice/sync/v1/Welcome.ts';
import type { SnapshotStart as _sluice_sync_v1_SnapshotStart, SnapshotStart__Output as _sluice_sync_v1_SnapshotStart__Output } from '../../../sluice/sync/v1/SnapshotStart.ts';
import type { SnapshotChunk as _sluice_sync_v1_SnapshotChunk, SnapshotChunk__Output as _sluice_sync_v1_SnapshotChunk__Output } from '../../../sluice/sync/v1/SnapshotChunk.ts';
import type { SnapshotEnd as _sluice_sync_v1_SnapshotEnd, SnapshotEnd__Output as _sluice_sync_v1_SnapshotEnd__Output } from '../../../sluice/sync/v1/SnapshotEnd.ts';
import type { ControlHeartbeat as _sluice_sync_v1_ControlHeartbeat, ControlHeartbeat__Output as _sluice_sync_v1_ControlHeartbeat__Output } from '../../../sluice/sync/v1/ControlHeartbeat.ts';
import type { Goaway as _sluice_sync_v1_Goaway, Goaway__Output as _sluice_sync_v1_Goaway__Output } from '../../../sluice/sync/v1/Goaway.ts';
import type { TryRequest as _sluice_sync_v1_TryRequest, TryRequest__Output as _sluice_sync_v1_TryRequest__Output } from '../../../sluice/sync/v1/TryRequest.ts';
import type { SetTargetHealth as _sluice_sync_v1_SetTargetHealth, SetTargetHealth__Output as _sluice_sync_v1_SetTargetHealth__Output } from '../../../sluice/sync/v1/SetTargetHealth.ts';

export interface ControlMessage {
  'welcome'?: (_sluice_sync_v1_Welcome | null);
  'snapshotStart'?: (_sluice_sync_v1_SnapshotStart | null);
  'snapshotChunk'?: (_sluice_sync_v1_SnapshotChunk | null);
  'snapshotEnd'?: (_sluice_sync_v1_SnapshotEnd | null);
  'heartbeat'?: (_sluice_sync_v1_ControlHeartbeat | null);
  'goaway'?: (_sluice_sync_v1_Goaway | null);
  'tryRequest'?: (_sluice_sync_v1_TryRequest | null);
  'setTargetHealth'?: (_sluice_sync_v1_SetTargetHealth | null);
  'message'?: "welcome"|"snapshotStart"|"snapshotChunk"|"snapshotEnd"|"heartbeat"|"goaway"|"tryRequest"|"setTargetHealth";
}

export interface ControlMessage__Output {
  'welcome'?: (_sluice_sync_v1_Welcome__Output | null);
  'snapshotStart'?: (_sluice_sync_v1_SnapshotStart__Output | null);
  'snapshotChunk'?: (_sluice_sync_v1_SnapshotChunk__Output | null);
  'snapshotEnd'?: (_sluice_sync_v1_SnapshotEnd__Output | null);
  'heartbeat'?: (_sluice_sync_v1_ControlHeartbeat__Output | null);
  'goaway'?: (_sluice_sync_v1_Goaway__Output | null);
  'tryRequest'?: (_sluice_sync_v1_TryRequest__Output | null);
  'setTargetHealth'?: (_sluice_sync_v1_SetTargetHealth__Output | null);
  'message'?: "welcome"|"snapshotStart"|"snapshotChunk"|"snapshotEnd"|"heartbeat"|"goaway"|"tryRequest"|"setTargetHealth";
}
