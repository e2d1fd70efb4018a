import type { Destination } from '../../shared/destination.ts';
import type { SyncGate } from '../admin/clustering.ts';
import { unreachedText } from './node-destinations.ts';
import type { NodeEntry } from './node-entry.ts';
import type { NodeRegistry } from './node-registry.ts';
import { appliedHashOf, isCompatible } from './state-of.ts';
import type { Publisher } from './publisher.ts';
import { RevisionWaits, type WaitOutcome } from './revision-waits.ts';

export interface SyncGateOptions {
  readonly registry: Pick<NodeRegistry, 'connectedEntries' | 'onChange'>;
  readonly publisher: Pick<Publisher, 'revision' | 'onRevision'>;
}

interface Progress {
  readonly nodes: number;
  readonly waiting: readonly string[];
  readonly rejectedBy: string | undefined;
}

/** Acks that arrive within this time are counted together: each count looks at all nodes. */
const checkMs = 5;

/** Makes the gate for writes that wait. It counts connected, compatible nodes; one that leaves no longer counts. */
export function createSyncGate({ registry, publisher }: SyncGateOptions): SyncGate & { stop(): void } {
  const waits = new RevisionWaits();
  let scheduled: NodeJS.Timeout | undefined;
  const check = (): void => {
    if (waits.isEmpty) return;
    scheduled ??= setTimeout(() => {
      scheduled = undefined;
      waits.check();
    }, checkMs);
  };
  const ends = [registry.onChange(check), publisher.onRevision(check)];
  const countedEntries = (): readonly NodeEntry[] => registry.connectedEntries().filter(isCompatible);
  const progress = (revision: number): Progress => progressOf(countedEntries(), revision);

  return {
    waitApplied: (revision, timeoutMs) =>
      waits.wait({
        timeoutMs,
        outcome() {
          if (publisher.revision() < revision) return undefined;
          const { nodes, waiting, rejectedBy } = progress(revision);
          if (rejectedBy !== undefined) return { text: `rejected; node=${rejectedBy}`, isFinal: true };
          if (nodes === 0) return { text: 'none; nodes=0', isFinal: true };
          return waiting.length === 0 ? appliedOutcome(countedEntries()) : undefined;
        },
        unfinished(reason) {
          if (publisher.revision() < revision) return `${reason}; not published`;
          const { nodes, waiting } = progress(revision);
          return `${reason}; applied=${nodes - waiting.length}; nodes=${nodes}; waiting=${waiting.slice(0, 5).join(',')}`;
        },
      }),
    stop() {
      for (const end of ends) end();
      clearTimeout(scheduled);
      waits.stop();
    },
  };
}

/** All nodes run the revision. Final once each has tried the destinations of what it runs. */
function appliedOutcome(entries: readonly NodeEntry[]): WaitOutcome {
  const destinations: Destination[] = [];
  let isFinal = true;
  for (const { tellsDestinations, destinations: told, record } of entries) {
    if (!tellsDestinations) continue;
    const isCurrent = told !== undefined && told.hash === record.appliedHash;
    isFinal &&= isCurrent && told.items.every(({ state }) => state !== 'untested');
    if (isCurrent) destinations.push(...told.items);
  }
  return { text: `applied; nodes=${entries.length}${unreachedText(destinations)}`, isFinal };
}

function progressOf(entries: readonly NodeEntry[], revision: number): Progress {
  const hashFor = ({ nodeClass }: NodeEntry): string => nodeClass?.publication()?.hash ?? '';
  const hasRejected = (entry: NodeEntry): boolean => entry.session?.hasRejected(hashFor(entry)) === true;
  const runs = (entry: NodeEntry): boolean => appliedHashOf(entry) === hashFor(entry);
  const waiting = entries.filter((entry) => entry.appliedRevision < revision && !runs(entry));
  const refused = waiting.find((entry) => entry.rejectedRevision >= revision || hasRejected(entry));
  return { nodes: entries.length, waiting: waiting.map(({ record }) => record.id), rejectedBy: refused?.record.id };
}
