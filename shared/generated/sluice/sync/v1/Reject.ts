// Original file: proto/config_sync.proto

import type { Fault as _sluice_sync_v1_Fault, Fault__Output as _sluice_sync_v1_Fault__Output } from '../../../sluice/sync/v1/Fault.ts';

export interface Reject {
  'hash'?: (string);
  'faults'?: (_sluice_sync_v1_Fault)[];
}

export interface Reject__Output {
  'hash': (string);
  'faults': (_sluice_sync_v1_Fault__Output)[];
}
