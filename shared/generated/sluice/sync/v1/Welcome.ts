// Original file: proto/config_sync.proto


export interface Welcome {
  'version'?: (string);
  'heartbeatMs'?: (number);
  'deltas'?: (boolean);
}

export interface Welcome__Output {
  'version': (string);
  'heartbeatMs': (number);
  'deltas': (boolean);
}
