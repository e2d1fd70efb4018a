// Original file: proto/config_sync.proto


export interface TryRequest {
  'id'?: (number);
  'json'?: (Buffer | Uint8Array | string);
}

export interface TryRequest__Output {
  'id': (number);
  'json': (Buffer);
}
