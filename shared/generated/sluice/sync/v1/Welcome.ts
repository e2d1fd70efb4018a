// Original file: proto/config_sync.proto


export interface Welcome {
  'version'?: (string);
  'heartbeatMs'?: (number);
  'deltas'?: (boolean);
  'databaseId'?: (string);
}

export interface Welcome__Output {
  'version': (string);
  'heartbeatMs': (number);
  'deltas': (boolean);
  'databaseId': (string);
}
