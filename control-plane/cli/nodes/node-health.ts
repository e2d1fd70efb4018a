import type { ListedNode } from './listed-node.ts';

/** States in which a connected node does not run what it should, for longer than a change takes. */
const badStates: readonly string[] = ['rejected', 'stale', 'incompatible'];

/** Says why the node fails `sluice nodes --check`; undefined: it passes. A node that is offline counts where asked for. */
export function nodeFault(node: ListedNode, { offline }: { readonly offline: boolean }): string | undefined {
  if (badStates.includes(node.state) || (offline && node.state === 'offline')) return node.state;
  const unreachable = unreachableOf(node);
  return unreachable.length === 0 ? undefined : `unreachable ${unreachable.map(({ name }) => name).join(', ')}`;
}

/** The destinations that a connected node does not reach; what an offline node told last may be over. */
export function unreachableOf({ connected, destinations = [] }: ListedNode) {
  return connected ? destinations.filter(({ state }) => state === 'unreachable') : [];
}

export type Progress =
  { readonly kind: 'applied' | 'failed'; readonly text: string } | { readonly kind: 'waiting'; readonly text: string };

/** Says how far the connected, compatible nodes are, in the words of the header `Sluice-Sync`. */
export function applyProgress(nodes: readonly ListedNode[]): Progress {
  const counted = nodes.filter(({ connected, state }) => connected && state !== 'incompatible');
  const total = `nodes=${counted.length}`;
  if (counted.length === 0) return { kind: 'waiting', text: `none; ${total}` };
  const rejected = counted.filter(({ state }) => state === 'rejected');
  if (rejected.length > 0) return { kind: 'failed', text: `rejected; ${total}; by=${namesOf(rejected)}` };
  const behind = counted.filter(({ state }) => state !== 'in_sync');
  if (behind.length > 0) return { kind: 'waiting', text: `pending; ${total}; behind=${namesOf(behind)}` };
  const unreachable = [...new Set(counted.flatMap((node) => unreachableOf(node).map(({ name }) => name)))];
  if (unreachable.length > 0) {
    return { kind: 'waiting', text: `applied; ${total}; unreachable=${unreachable.join(',')}` };
  }
  const isUntested = counted.some(({ destinations = [] }) => destinations.some(({ state }) => state === 'untested'));
  return { kind: isUntested ? 'waiting' : 'applied', text: `applied; ${total}` };
}

function namesOf(nodes: readonly ListedNode[]): string {
  return nodes.map(({ hostname, id }) => hostname || id).join(',');
}
