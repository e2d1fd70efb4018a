// Original file: proto/config_sync.proto


export interface TryResult {
  'id'?: (number);
  'status'?: (number);
  'json'?: (Buffer | Uint8Array | string);
}

export interface TryResult__Output {
  'id': (number);
  'status': (number);
  'json': (Buffer);
}
