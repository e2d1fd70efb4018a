// Original file: proto/config_sync.proto


export interface EntityKind {
  'plural'?: (string);
  'fields'?: (string)[];
}

export interface EntityKind__Output {
  'plural': (string);
  'fields': (string)[];
}
