// Original file: proto/config_sync.proto


export interface Goaway {
  'pauseMs'?: (number);
  'reason'?: (string);
}

export interface Goaway__Output {
  'pauseMs': (number);
  'reason': (string);
}
