// Original file: proto/config_sync.proto

import type { ClusterState as _sluice_sync_v1_ClusterState, ClusterState__Output as _sluice_sync_v1_ClusterState__Output } from '../../../sluice/sync/v1/ClusterState.ts';
import type { Destinations as _sluice_sync_v1_Destinations, Destinations__Output as _sluice_sync_v1_Destinations__Output } from '../../../sluice/sync/v1/Destinations.ts';
import type { Traffic as _sluice_sync_v1_Traffic, Traffic__Output as _sluice_sync_v1_Traffic__Output } from '../../../sluice/sync/v1/Traffic.ts';
import type { TargetHealth as _sluice_sync_v1_TargetHealth, TargetHealth__Output as _sluice_sync_v1_TargetHealth__Output } from '../../../sluice/sync/v1/TargetHealth.ts';
import type { Long } from '@grpc/proto-loader';

export interface NodeHeartbeat {
  'requestsTotal'?: (number | string | Long);
  'clusters'?: (_sluice_sync_v1_ClusterState)[];
  'destinations'?: (_sluice_sync_v1_Destinations | null);
  'traffic'?: (_sluice_sync_v1_Traffic | null);
  'targetHealth'?: (_sluice_sync_v1_TargetHealth | null);
}

export interface NodeHeartbeat__Output {
  'requestsTotal': (string);
  'clusters': (_sluice_sync_v1_ClusterState__Output)[];
  'destinations': (_sluice_sync_v1_Destinations__Output | null);
  'traffic': (_sluice_sync_v1_Traffic__Output | null);
  'targetHealth': (_sluice_sync_v1_TargetHealth__Output | null);
}
