// Original file: proto/config_sync.proto

import type { PluginVersion as _sluice_sync_v1_PluginVersion, PluginVersion__Output as _sluice_sync_v1_PluginVersion__Output } from '../../../sluice/sync/v1/PluginVersion.ts';
import type { Reject as _sluice_sync_v1_Reject, Reject__Output as _sluice_sync_v1_Reject__Output } from '../../../sluice/sync/v1/Reject.ts';
import type { EntityKind as _sluice_sync_v1_EntityKind, EntityKind__Output as _sluice_sync_v1_EntityKind__Output } from '../../../sluice/sync/v1/EntityKind.ts';
import type { Long } from '@grpc/proto-loader';

export interface Hello {
  'nodeId'?: (string);
  'bootId'?: (string);
  'hostname'?: (string);
  'version'?: (string);
  'labels'?: ({[key: string]: string});
  'plugins'?: (_sluice_sync_v1_PluginVersion)[];
  'hash'?: (string);
  'lastRejected'?: (_sluice_sync_v1_Reject | null);
  'deltas'?: (boolean);
  'entityKinds'?: (_sluice_sync_v1_EntityKind)[];
  'destinations'?: (boolean);
  'databaseId'?: (string);
  'revision'?: (number | string | Long);
  'tries'?: (boolean);
  'targetHealth'?: (boolean);
}

export interface Hello__Output {
  'nodeId': (string);
  'bootId': (string);
  'hostname': (string);
  'version': (string);
  'labels': ({[key: string]: string});
  'plugins': (_sluice_sync_v1_PluginVersion__Output)[];
  'hash': (string);
  'lastRejected': (_sluice_sync_v1_Reject__Output | null);
  'deltas': (boolean);
  'entityKinds': (_sluice_sync_v1_EntityKind__Output)[];
  'destinations': (boolean);
  'databaseId': (string);
  'revision': (string);
  'tries': (boolean);
  'targetHealth': (boolean);
}
