import type { Destination } from '../shared/destination.ts';
import type { TargetHealths } from '../shared/target-health.ts';
import type { NodeSource } from './source/node-source.ts';
import type { NodeCounters, RunTrial } from './source/sync-stream.ts';
import type { TrafficCounts } from './source/traffic-reports.ts';

/** The functions of its node that a source may call. */
export interface SourceDeps {
  readonly counters: () => NodeCounters;
  /** Returns what the records need outside of the node, and whether it is reached. */
  readonly destinations: () => readonly Destination[];
  /** Absent where the node does not tell its traffic. */
  readonly traffic?: TrafficCounts;
  /** Absent where the node runs no sample requests. */
  readonly runTrial?: RunTrial;
  /** The health of the targets that requests go to. */
  readonly targets: TargetHealths;
}

export type MakeSource = (deps: SourceDeps) => NodeSource;
