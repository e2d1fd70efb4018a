// Original file: proto/config_sync.proto


export interface SnapshotRequest {
  'hash'?: (string);
  'runningHash'?: (string);
}

export interface SnapshotRequest__Output {
  'hash': (string);
  'runningHash': (string);
}
