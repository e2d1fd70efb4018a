// Original file: proto/config_sync.proto

import type { RouteTraffic as _sluice_sync_v1_RouteTraffic, RouteTraffic__Output as _sluice_sync_v1_RouteTraffic__Output } from '../../../sluice/sync/v1/RouteTraffic.ts';
import type { Latency as _sluice_sync_v1_Latency, Latency__Output as _sluice_sync_v1_Latency__Output } from '../../../sluice/sync/v1/Latency.ts';
import type { Long } from '@grpc/proto-loader';

export interface Traffic {
  'routes'?: (_sluice_sync_v1_RouteTraffic)[];
  'produce'?: (_sluice_sync_v1_Latency | null);
  'queueRecords'?: (number | string | Long);
  'queueBytes'?: (number | string | Long);
  'queueOldestMs'?: (number | string | Long);
}

export interface Traffic__Output {
  'routes': (_sluice_sync_v1_RouteTraffic__Output)[];
  'produce': (_sluice_sync_v1_Latency__Output | null);
  'queueRecords': (string);
  'queueBytes': (string);
  'queueOldestMs': (string);
}
