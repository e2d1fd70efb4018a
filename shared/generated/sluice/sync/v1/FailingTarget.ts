// Original file: proto/config_sync.proto


export interface FailingTarget {
  'target'?: (string);
  'state'?: (string);
}

export interface FailingTarget__Output {
  'target': (string);
  'state': (string);
}
