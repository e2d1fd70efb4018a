// Original file: proto/config_sync.proto


export interface Fault {
  'entityType'?: (string);
  'entityId'?: (string);
  'entityName'?: (string);
  'path'?: (string);
  'message'?: (string);
}

export interface Fault__Output {
  'entityType': (string);
  'entityId': (string);
  'entityName': (string);
  'path': (string);
  'message': (string);
}
