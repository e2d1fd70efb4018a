// Original file: proto/config_sync.proto


export interface SetTargetHealth {
  'upstreamId'?: (string);
  'target'?: (string);
  'address'?: (string);
  'healthy'?: (boolean);
}

export interface SetTargetHealth__Output {
  'upstreamId': (string);
  'target': (string);
  'address': (string);
  'healthy': (boolean);
}
