// Original file: proto/config_sync.proto

import type { DestinationState as _sluice_sync_v1_DestinationState, DestinationState__Output as _sluice_sync_v1_DestinationState__Output } from '../../../sluice/sync/v1/DestinationState.ts';

export interface Destinations {
  'hash'?: (string);
  'items'?: (_sluice_sync_v1_DestinationState)[];
  'omitted'?: (number);
}

export interface Destinations__Output {
  'hash': (string);
  'items': (_sluice_sync_v1_DestinationState__Output)[];
  'omitted': (number);
}
