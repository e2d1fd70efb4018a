// Original file: proto/config_sync.proto


export interface ClusterState {
  'name'?: (string);
  'state'?: (string);
}

export interface ClusterState__Output {
  'name': (string);
  'state': (string);
}
