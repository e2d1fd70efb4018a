import type { Destination } from '../shared/destination.ts';
import type { NodeSource } from './source/node-source.ts';
import type { NodeCounters } from './source/sync-stream.ts';

/** The functions of its node that a source may call. */
export interface SourceDeps {
  readonly counters: () => NodeCounters;
  /** Returns what the records need outside of the node, and whether it is reached. */
  readonly destinations: () => readonly Destination[];
}

export type MakeSource = (deps: SourceDeps) => NodeSource;
