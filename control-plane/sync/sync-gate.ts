import type { SyncGate } from '../admin/clustering.ts';
import type { NodeEntry } from './node-entry.ts';
import { isCompatible, type NodeRegistry } from './node-registry.ts';
import type { Publisher } from './publisher.ts';

export interface SyncGateOptions {
  readonly registry: Pick<NodeRegistry, 'connectedEntries' | 'onChange'>;
  readonly publisher: Pick<Publisher, 'revision' | 'onRevision'>;
}

interface Progress {
  readonly nodes: number;
  readonly waiting: readonly string[];
  readonly rejectedBy: string | undefined;
}

/** Acks that arrive within this time are looked at together. */
const checkMs = 5;

/** Only nodes that are connected and compatible count; who leaves while a write waits no longer does. */
export function createSyncGate({ registry, publisher }: SyncGateOptions): SyncGate & { stop(): void } {
  const waits = new Set<(last?: string) => void>();
  let scheduled: NodeJS.Timeout | undefined;
  // Each look counts all nodes.
  const check = (): void => {
    if (waits.size === 0) return;
    scheduled ??= setTimeout(() => {
      scheduled = undefined;
      for (const wait of waits) wait();
    }, checkMs);
  };
  const ends = [registry.onChange(check), publisher.onRevision(check)];

  const progress = (revision: number): Progress => {
    const entries = registry.connectedEntries().filter(isCompatible);
    const runs = ({ record, nodeClass, appliedRevision }: NodeEntry): boolean =>
      appliedRevision >= revision || record.appliedHash === nodeClass?.publication()?.hash;
    const waiting = entries.filter((entry) => !runs(entry));
    const refused = waiting.find(
      ({ session, nodeClass, rejectedRevision }) =>
        rejectedRevision >= revision || session?.hasRejected(nodeClass?.publication()?.hash ?? '') === true,
    );
    return {
      nodes: entries.length,
      waiting: waiting.map(({ record }) => record.id),
      rejectedBy: refused?.record.id,
    };
  };

  return {
    waitApplied: (revision, timeoutMs) =>
      new Promise((resolve) => {
        const finish = (text: string): void => {
          clearTimeout(timer);
          waits.delete(wait);
          resolve(text);
        };
        const unfinished = (word: string): string => {
          if (publisher.revision() < revision) return `${word}; not published`;
          const { nodes, waiting } = progress(revision);
          return `${word}; applied=${nodes - waiting.length}; nodes=${nodes}; waiting=${waiting.slice(0, 5).join(',')}`;
        };
        const wait = (last?: string): void => {
          if (last !== undefined) return finish(unfinished(last));
          if (publisher.revision() < revision) return;
          const { nodes, waiting, rejectedBy } = progress(revision);
          if (rejectedBy !== undefined) finish(`rejected; node=${rejectedBy}`);
          else if (waiting.length === 0) finish(`applied; nodes=${nodes}`);
        };
        const timer = setTimeout(() => wait('timeout'), timeoutMs);
        waits.add(wait);
        wait();
      }),
    stop() {
      for (const end of ends) end();
      clearTimeout(scheduled);
      for (const wait of waits) wait('stopped');
    },
  };
}
