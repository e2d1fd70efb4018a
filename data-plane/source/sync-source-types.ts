import type { BackoffLimits } from '../../shared/backoff.ts';
import type { ClusterTls } from '../../shared/cluster-tls.ts';
import type { EntityFault } from '../../shared/config-source.ts';
import type { Destination } from '../../shared/destination.ts';
import type { Logger } from '../../shared/log.ts';
import type { TargetHealths } from '../../shared/target-health.ts';
import type { WireSnapshot } from '../../shared/snapshot-wire.ts';
import type { KnownSchemas } from './known-schemas.ts';
import type { NodeSource } from './node-source.ts';
import type { NodeCounters, RunTrial } from './sync-stream.ts';
import type { TrafficCounts } from './traffic-reports.ts';

export interface SyncSourceOptions {
  /** `host:port` each, tried in turn. */
  readonly controlPlanes: readonly string[];
  /** The certificates for mTLS and the key of the cache; without them both are in the clear. */
  readonly tls?: ClusterTls;
  /** The folder of the node's id and of the last good snapshot; created when missing. */
  readonly dataDir: string;
  readonly nodeLabels: Readonly<Record<string, string>>;
  readonly version: string;
  /** The names that the node knows, so that a newer control plane leaves out the rest. */
  readonly knows: KnownSchemas;
  /** Is asked for each heartbeat. */
  readonly counters: () => NodeCounters;
  /** Returns the destinations of the running configuration and whether they are reached. */
  readonly destinations?: () => readonly Destination[];
  /** The counts of the node's traffic. */
  readonly traffic?: TrafficCounts;
  /** Runs a sample request; absent when the node cannot. */
  readonly runTrial?: RunTrial;
  /** The health of the targets that requests go to. */
  readonly targets?: TargetHealths;
  /** Takes the configuration of another database than the one that the node follows. */
  readonly adoptDatabase?: boolean;
  readonly logger: Logger;
  /** Loads a configuration to start from when no cached one can run. */
  readonly seed?: () => Promise<WireSnapshot | undefined>;
  readonly backoff?: BackoffLimits;
  /** The delays between attempts to write the cache. */
  readonly cacheRetry?: BackoffLimits;
  /** The time for a connection and the control plane's welcome. */
  readonly welcomeMs?: number;
}

export type ConfigOrigin = 'cache' | 'declarative_config' | 'control_plane';

export interface SyncStatus {
  readonly connected: boolean;
  /** The address of the control plane that the node is connected to or tried last. */
  readonly controlPlane: string | undefined;
  /** The hash of the running configuration. */
  readonly hash: string | undefined;
  readonly source: ConfigOrigin | undefined;
  /** Milliseconds since 1970. */
  readonly appliedAtMs: number | undefined;
  readonly applyMs: number | undefined;
  /** The version that was rejected last; undefined once another one was applied. */
  readonly rejected: { readonly hash: string; readonly faults: readonly EntityFault[] } | undefined;
  readonly rejects: number;
}

export type SyncSource = NodeSource & { status(): SyncStatus };
