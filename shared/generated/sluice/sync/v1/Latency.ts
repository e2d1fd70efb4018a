// Original file: proto/config_sync.proto

import type { Long } from '@grpc/proto-loader';

export interface Latency {
  'buckets'?: (number)[];
  'counts'?: (number | string | Long)[];
}

export interface Latency__Output {
  'buckets': (number)[];
  'counts': (string)[];
}
