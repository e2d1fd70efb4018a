// Original file: proto/config_sync.proto


export interface DestinationState {
  'kind'?: (string);
  'name'?: (string);
  'state'?: (string);
  'error'?: (string);
}

export interface DestinationState__Output {
  'kind': (string);
  'name': (string);
  'state': (string);
  'error': (string);
}
