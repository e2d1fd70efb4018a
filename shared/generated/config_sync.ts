import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Ack as _sluice_sync_v1_Ack, Ack__Output as _sluice_sync_v1_Ack__Output } from './sluice/sync/v1/Ack.ts';
import type { ClusterState as _sluice_sync_v1_ClusterState, ClusterState__Output as _sluice_sync_v1_ClusterState__Output } from './sluice/sync/v1/ClusterState.ts';
import type { ConfigSyncClient as _sluice_sync_v1_ConfigSyncClient, ConfigSyncDefinition as _sluice_sync_v1_ConfigSyncDefinition } from './sluice/sync/v1/ConfigSync.ts';
import type { ControlHeartbeat as _sluice_sync_v1_ControlHeartbeat, ControlHeartbeat__Output as _sluice_sync_v1_ControlHeartbeat__Output } from './sluice/sync/v1/ControlHeartbeat.ts';
import type { ControlMessage as _sluice_sync_v1_ControlMessage, ControlMessage__Output as _sluice_sync_v1_ControlMessage__Output } from './sluice/sync/v1/ControlMessage.ts';
import type { Count as _sluice_sync_v1_Count, Count__Output as _sluice_sync_v1_Count__Output } from './sluice/sync/v1/Count.ts';
import type { DestinationState as _sluice_sync_v1_DestinationState, DestinationState__Output as _sluice_sync_v1_DestinationState__Output } from './sluice/sync/v1/DestinationState.ts';
import type { Destinations as _sluice_sync_v1_Destinations, Destinations__Output as _sluice_sync_v1_Destinations__Output } from './sluice/sync/v1/Destinations.ts';
import type { EntityKind as _sluice_sync_v1_EntityKind, EntityKind__Output as _sluice_sync_v1_EntityKind__Output } from './sluice/sync/v1/EntityKind.ts';
import type { FailingTarget as _sluice_sync_v1_FailingTarget, FailingTarget__Output as _sluice_sync_v1_FailingTarget__Output } from './sluice/sync/v1/FailingTarget.ts';
import type { Fault as _sluice_sync_v1_Fault, Fault__Output as _sluice_sync_v1_Fault__Output } from './sluice/sync/v1/Fault.ts';
import type { Goaway as _sluice_sync_v1_Goaway, Goaway__Output as _sluice_sync_v1_Goaway__Output } from './sluice/sync/v1/Goaway.ts';
import type { Hello as _sluice_sync_v1_Hello, Hello__Output as _sluice_sync_v1_Hello__Output } from './sluice/sync/v1/Hello.ts';
import type { Latency as _sluice_sync_v1_Latency, Latency__Output as _sluice_sync_v1_Latency__Output } from './sluice/sync/v1/Latency.ts';
import type { NodeHeartbeat as _sluice_sync_v1_NodeHeartbeat, NodeHeartbeat__Output as _sluice_sync_v1_NodeHeartbeat__Output } from './sluice/sync/v1/NodeHeartbeat.ts';
import type { NodeMessage as _sluice_sync_v1_NodeMessage, NodeMessage__Output as _sluice_sync_v1_NodeMessage__Output } from './sluice/sync/v1/NodeMessage.ts';
import type { PluginVersion as _sluice_sync_v1_PluginVersion, PluginVersion__Output as _sluice_sync_v1_PluginVersion__Output } from './sluice/sync/v1/PluginVersion.ts';
import type { Reject as _sluice_sync_v1_Reject, Reject__Output as _sluice_sync_v1_Reject__Output } from './sluice/sync/v1/Reject.ts';
import type { RouteTraffic as _sluice_sync_v1_RouteTraffic, RouteTraffic__Output as _sluice_sync_v1_RouteTraffic__Output } from './sluice/sync/v1/RouteTraffic.ts';
import type { SetTargetHealth as _sluice_sync_v1_SetTargetHealth, SetTargetHealth__Output as _sluice_sync_v1_SetTargetHealth__Output } from './sluice/sync/v1/SetTargetHealth.ts';
import type { SnapshotChunk as _sluice_sync_v1_SnapshotChunk, SnapshotChunk__Output as _sluice_sync_v1_SnapshotChunk__Output } from './sluice/sync/v1/SnapshotChunk.ts';
import type { SnapshotEnd as _sluice_sync_v1_SnapshotEnd, SnapshotEnd__Output as _sluice_sync_v1_SnapshotEnd__Output } from './sluice/sync/v1/SnapshotEnd.ts';
import type { SnapshotRequest as _sluice_sync_v1_SnapshotRequest, SnapshotRequest__Output as _sluice_sync_v1_SnapshotRequest__Output } from './sluice/sync/v1/SnapshotRequest.ts';
import type { SnapshotStart as _sluice_sync_v1_SnapshotStart, SnapshotStart__Output as _sluice_sync_v1_SnapshotStart__Output } from './sluice/sync/v1/SnapshotStart.ts';
import type { TargetHealth as _sluice_sync_v1_TargetHealth, TargetHealth__Output as _sluice_sync_v1_TargetHealth__Output } from './sluice/sync/v1/TargetHealth.ts';
import type { Traffic as _sluice_sync_v1_Traffic, Traffic__Output as _sluice_sync_v1_Traffic__Output } from './sluice/sync/v1/Traffic.ts';
import type { TryRequest as _sluice_sync_v1_TryRequest, TryRequest__Output as _sluice_sync_v1_TryRequest__Output } from './sluice/sync/v1/TryRequest.ts';
import type { TryResult as _sluice_sync_v1_TryResult, TryResult__Output as _sluice_sync_v1_TryResult__Output } from './sluice/sync/v1/TryResult.ts';
import type { UpstreamHealth as _sluice_sync_v1_UpstreamHealth, UpstreamHealth__Output as _sluice_sync_v1_UpstreamHealth__Output } from './sluice/sync/v1/UpstreamHealth.ts';
import type { Welcome as _sluice_sync_v1_Welcome, Welcome__Output as _sluice_sync_v1_Welcome__Output } from './sluice/sync/v1/Welcome.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  sluice: {
    sync: {
      v1: {
        Ack: MessageTypeDefinition<_sluice_sync_v1_Ack, _sluice_sync_v1_Ack__Output>
        ClusterState: MessageTypeDefinition<_sluice_sync_v1_ClusterState, _sluice_sync_v1_ClusterState__Output>
        ConfigSync: SubtypeConstructor<typeof grpc.Client, _sluice_sync_v1_ConfigSyncClient> & { service: _sluice_sync_v1_ConfigSyncDefinition }
        ControlHeartbeat: MessageTypeDefinition<_sluice_sync_v1_ControlHeartbeat, _sluice_sync_v1_ControlHeartbeat__Output>
        ControlMessage: MessageTypeDefinition<_sluice_sync_v1_ControlMessage, _sluice_sync_v1_ControlMessage__Output>
        Count: MessageTypeDefinition<_sluice_sync_v1_Count, _sluice_sync_v1_Count__Output>
        DestinationState: MessageTypeDefinition<_sluice_sync_v1_DestinationState, _sluice_sync_v1_DestinationState__Output>
        Destinations: MessageTypeDefinition<_sluice_sync_v1_Destinations, _sluice_sync_v1_Destinations__Output>
        EntityKind: MessageTypeDefinition<_sluice_sync_v1_EntityKind, _sluice_sync_v1_EntityKind__Output>
        FailingTarget: MessageTypeDefinition<_sluice_sync_v1_FailingTarget, _sluice_sync_v1_FailingTarget__Output>
        Fault: MessageTypeDefinition<_sluice_sync_v1_Fault, _sluice_sync_v1_Fault__Output>
        Goaway: MessageTypeDefinition<_sluice_sync_v1_Goaway, _sluice_sync_v1_Goaway__Output>
        Hello: MessageTypeDefinition<_sluice_sync_v1_Hello, _sluice_sync_v1_Hello__Output>
        Latency: MessageTypeDefinition<_sluice_sync_v1_Latency, _sluice_sync_v1_Latency__Output>
        NodeHeartbeat: MessageTypeDefinition<_sluice_sync_v1_NodeHeartbeat, _sluice_sync_v1_NodeHeartbeat__Output>
        NodeMessage: MessageTypeDefinition<_sluice_sync_v1_NodeMessage, _sluice_sync_v1_NodeMessage__Output>
        PluginVersion: MessageTypeDefinition<_sluice_sync_v1_PluginVersion, _sluice_sync_v1_PluginVersion__Output>
        Reject: MessageTypeDefinition<_sluice_sync_v1_Reject, _sluice_sync_v1_Reject__Output>
        RouteTraffic: MessageTypeDefinition<_sluice_sync_v1_RouteTraffic, _sluice_sync_v1_RouteTraffic__Output>
        SetTargetHealth: MessageTypeDefinition<_sluice_sync_v1_SetTargetHealth, _sluice_sync_v1_SetTargetHealth__Output>
        SnapshotChunk: MessageTypeDefinition<_sluice_sync_v1_SnapshotChunk, _sluice_sync_v1_SnapshotChunk__Output>
        SnapshotEnd: MessageTypeDefinition<_sluice_sync_v1_SnapshotEnd, _sluice_sync_v1_SnapshotEnd__Output>
        SnapshotRequest: MessageTypeDefinition<_sluice_sync_v1_SnapshotRequest, _sluice_sync_v1_SnapshotRequest__Output>
        SnapshotStart: MessageTypeDefinition<_sluice_sync_v1_SnapshotStart, _sluice_sync_v1_SnapshotStart__Output>
        TargetHealth: MessageTypeDefinition<_sluice_sync_v1_TargetHealth, _sluice_sync_v1_TargetHealth__Output>
        Traffic: MessageTypeDefinition<_sluice_sync_v1_Traffic, _sluice_sync_v1_Traffic__Output>
        TryRequest: MessageTypeDefinition<_sluice_sync_v1_TryRequest, _sluice_sync_v1_TryRequest__Output>
        TryResult: MessageTypeDefinition<_sluice_sync_v1_TryResult, _sluice_sync_v1_TryResult__Output>
        UpstreamHealth: MessageTypeDefinition<_sluice_sync_v1_UpstreamHealth, _sluice_sync_v1_UpstreamHealth__Output>
        Welcome: MessageTypeDefinition<_sluice_sync_v1_Welcome, _sluice_sync_v1_Welcome__Output>
      }
    }
  }
}

