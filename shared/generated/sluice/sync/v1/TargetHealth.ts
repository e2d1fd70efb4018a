// Original file: proto/config_sync.proto

import type { UpstreamHealth as _sluice_sync_v1_UpstreamHealth, UpstreamHealth__Output as _sluice_sync_v1_UpstreamHealth__Output } from '../../../sluice/sync/v1/UpstreamHealth.ts';

export interface TargetHealth {
  'upstreams'?: (_sluice_sync_v1_UpstreamHealth)[];
  'omitted'?: (number);
}

export interface TargetHealth__Output {
  'upstreams': (_sluice_sync_v1_UpstreamHealth__Output)[];
  'omitted': (number);
}
