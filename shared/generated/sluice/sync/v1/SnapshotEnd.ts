// Original file: proto/config_sync.proto


export interface SnapshotEnd {
  'hash'?: (string);
}

export interface SnapshotEnd__Output {
  'hash': (string);
}
