// Original file: proto/config_sync.proto

import type { Long } from '@grpc/proto-loader';

export interface ControlHeartbeat {
  'revision'?: (number | string | Long);
  'connectedNodes'?: (number);
  'snapshotsSent'?: (number | string | Long);
}

export interface ControlHeartbeat__Output {
  'revision': (string);
  'connectedNodes': (number);
  'snapshotsSent': (string);
}
