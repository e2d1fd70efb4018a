// Original file: proto/config_sync.proto


export interface PluginVersion {
  'name'?: (string);
  'version'?: (string);
  'fields'?: (string)[];
}

export interface PluginVersion__Output {
  'name': (string);
  'version': (string);
  'fields': (string)[];
}
