// Original file: proto/config_sync.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ControlMessage as _sluice_sync_v1_ControlMessage, ControlMessage__Output as _sluice_sync_v1_ControlMessage__Output } from '../../../sluice/sync/v1/ControlMessage.ts';
import type { NodeMessage as _sluice_sync_v1_NodeMessage, NodeMessage__Output as _sluice_sync_v1_NodeMessage__Output } from '../../../sluice/sync/v1/NodeMessage.ts';

export interface ConfigSyncClient extends grpc.Client {
  Connect(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_sync_v1_NodeMessage, _sluice_sync_v1_ControlMessage__Output>;
  Connect(options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_sync_v1_NodeMessage, _sluice_sync_v1_ControlMessage__Output>;
  connect(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_sync_v1_NodeMessage, _sluice_sync_v1_ControlMessage__Output>;
  connect(options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_sync_v1_NodeMessage, _sluice_sync_v1_ControlMessage__Output>;
  
}

export interface ConfigSyncHandlers extends grpc.UntypedServiceImplementation {
  Connect: grpc.handleBidiStreamingCall<_sluice_sync_v1_NodeMessage__Output, _sluice_sync_v1_ControlMessage>;
  
}

export interface ConfigSyncDefinition extends grpc.ServiceDefinition {
  Connect: MethodDefinition<_sluice_sync_v1_NodeMessage, _sluice_sync_v1_ControlMessage, _sluice_sync_v1_NodeMessage__Output, _sluice_sync_v1_ControlMessage__Output>
}
