// Original file: proto/config_sync.proto

import type { Long } from '@grpc/proto-loader';

export interface SnapshotStart {
  'hash'?: (string);
  'revision'?: (number | string | Long);
  'totalBytes'?: (number | string | Long);
  'entityCount'?: (number);
  'baseHash'?: (string);
  'databaseId'?: (string);
  'adopt'?: (boolean);
  'unpackedBytes'?: (number | string | Long);
}

export interface SnapshotStart__Output {
  'hash': (string);
  'revision': (string);
  'totalBytes': (string);
  'entityCount': (number);
  'baseHash': (string);
  'databaseId': (string);
  'adopt': (boolean);
  'unpackedBytes': (string);
}
