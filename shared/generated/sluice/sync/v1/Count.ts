// Original file: proto/config_sync.proto

import type { Long } from '@grpc/proto-loader';

export interface Count {
  'name'?: (string);
  'count'?: (number | string | Long);
}

export interface Count__Output {
  'name': (string);
  'count': (string);
}
