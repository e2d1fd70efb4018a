import type { NodeHeartbeat as Heartbeat } from '../../shared/generated/sluice/sync/v1/NodeHeartbeat.ts';
import { ConfigSync } from '../../shared/proto.ts';

/** Measures heartbeats as they travel. */
export const NodeHeartbeat = {
  bytes: (heartbeat: Heartbeat): number => ConfigSync.service.Connect.requestSerialize({ heartbeat }).length,
};
