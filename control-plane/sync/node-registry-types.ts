import type { Logger } from '../../shared/log.ts';
import type { NodeStore } from '../store/node-store.ts';
import type { WriteHold } from '../store/write-hold.ts';
import type { NodeEntry } from './node-entry.ts';
import type { NodeState } from './node-states.ts';
import type { Publisher } from './publisher.ts';
import type { Pushed } from './transfer.ts';

export interface NodeRegistryOptions {
  readonly store: NodeStore;
  /** Says when the store must not be written to. */
  readonly hold?: WriteHold | undefined;
  readonly publisher: Pick<Publisher, 'join' | 'leave' | 'onRevision' | 'revision' | 'latest' | 'entityHash'>;
  /** Nodes that were not seen for this long are removed. */
  readonly nodePurgeAfterMs: number;
  /** How many rows of nodes are kept. */
  readonly nodesMax?: number | undefined;
  /** A node's id belongs to the subject of the certificate that first used it. */
  readonly bindSubjects?: boolean;
  /** The identity of the database. */
  readonly databaseId?: string | undefined;
  readonly logger: Logger;
  readonly onPushed?: ((pushed: Pushed) => void) | undefined;
  /** Is told how long a data plane took from the end of a push to its acknowledgement. */
  readonly onAcked?: ((ackMs: number) => void) | undefined;
  readonly onLimit?: (limit: 'nodes_max', fields: { readonly ip: string }) => void;
}

/** A node changed from one state to another. */
export interface StateChange {
  readonly entry: NodeEntry;
  readonly from: NodeState;
  readonly to: NodeState;
  readonly atMs: number;
}
