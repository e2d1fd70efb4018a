import { setTimeout as delay } from 'node:timers/promises';
import type { AdminClient } from '../admin-client.ts';
import { listNodes, type ListedNode } from '../nodes/listed-node.ts';

const pollMs = 250;

/**
 * Tells on standard error how far a change has come, a line for each step of it, until the work is done. The states of
 * nodes are only looked at: the work's own answer says how it ended.
 */
export async function followRollout<T>(client: AdminClient, work: Promise<T>): Promise<T> {
  const end = new AbortController();
  const told = tellProgress(client, end.signal);
  try {
    return await work;
  } finally {
    end.abort();
    await told;
  }
}

async function tellProgress(client: AdminClient, signal: AbortSignal): Promise<void> {
  let last = '';
  while (!signal.aborted) {
    await delay(pollMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    // Without data planes there is nothing to follow; a failure shows in the work itself.
    const nodes = await listNodes(client).catch(() => []);
    const line = rolloutLine(nodes);
    if (line === undefined || line === last || signal.aborted) continue;
    last = line;
    console.error(line);
  }
}

/** Says how many connected nodes run what they should, and which do not yet; undefined when none is connected. */
export function rolloutLine(nodes: readonly ListedNode[]): string | undefined {
  const connected = nodes.filter((node) => node.connected);
  if (connected.length === 0) return undefined;
  const behind = connected.filter(({ state }) => state !== 'in_sync');
  const done = `rollout: ${connected.length - behind.length} of ${connected.length} nodes`;
  if (behind.length === 0) return done;
  const names = behind.slice(0, 5).map(({ hostname, id, state }) => `${hostname === '' ? id : hostname} ${state}`);
  return `${done}; ${names.join(', ')}${behind.length > names.length ? ` and ${behind.length - names.length} more` : ''}`;
}

/** Says in sentences why nodes rejected a change or do not reach what it names, with what to do next. */
export async function rolloutFaults(client: AdminClient): Promise<string[]> {
  const nodes = await listNodes(client).catch(() => []);
  return nodes.flatMap((node) => {
    if (!node.connected) return [];
    const errors = node.rejected?.errors ?? [];
    const name = node.hostname === '' ? node.id : node.hostname;
    const rejected = errors.map(
      ({ entity_type: type, entity_name: entity, field, message }) =>
        `${name} rejected it: ${[type, entity, field].filter((part) => part !== '').join(' ')}: ${message}`,
    );
    const unreachable = (node.destinations ?? [])
      .filter(({ state }) => state === 'unreachable')
      .map(({ kind, name: what, error }) => `${name} does not reach ${kind} ${what}: ${error ?? 'no reason told'}`);
    return [...rejected, ...unreachable];
  });
}
