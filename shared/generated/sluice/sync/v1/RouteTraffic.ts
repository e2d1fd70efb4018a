// Original file: proto/config_sync.proto

import type { Count as _sluice_sync_v1_Count, Count__Output as _sluice_sync_v1_Count__Output } from '../../../sluice/sync/v1/Count.ts';
import type { Latency as _sluice_sync_v1_Latency, Latency__Output as _sluice_sync_v1_Latency__Output } from '../../../sluice/sync/v1/Latency.ts';

export interface RouteTraffic {
  'routeId'?: (string);
  'base'?: (boolean);
  'outcomes'?: (_sluice_sync_v1_Count)[];
  'answers'?: (_sluice_sync_v1_Count)[];
  'latency'?: (_sluice_sync_v1_Latency | null);
  'pointers'?: (_sluice_sync_v1_Count)[];
}

export interface RouteTraffic__Output {
  'routeId': (string);
  'base': (boolean);
  'outcomes': (_sluice_sync_v1_Count__Output)[];
  'answers': (_sluice_sync_v1_Count__Output)[];
  'latency': (_sluice_sync_v1_Latency__Output | null);
  'pointers': (_sluice_sync_v1_Count__Output)[];
}
