// Original file: proto/config_sync.proto

import type { FailingTarget as _sluice_sync_v1_FailingTarget, FailingTarget__Output as _sluice_sync_v1_FailingTarget__Output } from '../../../sluice/sync/v1/FailingTarget.ts';

export interface UpstreamHealth {
  'upstreamId'?: (string);
  'checked'?: (boolean);
  'targets'?: (_sluice_sync_v1_FailingTarget)[];
}

export interface UpstreamHealth__Output {
  'upstreamId': (string);
  'checked': (boolean);
  'targets': (_sluice_sync_v1_FailingTarget__Output)[];
}
