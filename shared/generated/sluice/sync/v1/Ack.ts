// Original file: proto/config_sync.proto


export interface Ack {
  'hash'?: (string);
  'applyMs'?: (number | string);
}

export interface Ack__Output {
  'hash': (string);
  'applyMs': (number);
}
