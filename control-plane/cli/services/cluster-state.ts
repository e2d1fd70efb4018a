import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from './download.ts';
import type { BrokerLayout } from './kafka-properties.ts';

/** The part of a cluster's layout that is saved, so that it starts again as it was. */
export interface SavedState {
  readonly clusterId: string;
  readonly brokers: readonly Pick<
    BrokerLayout,
    'id' | 'clientPort' | 'otherPorts' | 'internalPort' | 'controllerPort'
  >[];
}

/** Reads the state that an earlier start has written; undefined: there is none. */
export async function loadState(
  directory: string,
  { count, others }: { count: number; others: number },
): Promise<SavedState | undefined> {
  const path = statePath(directory);
  if (!(await exists(path))) return undefined;
  // Written by createState.
  const saved: SavedState = JSON.parse(await readFile(path, 'utf8'));
  if (saved.brokers.length !== count) {
    throw new Error(`${directory} holds a cluster of ${saved.brokers.length} brokers, not ${count}.`);
  }
  if (saved.brokers.some(({ otherPorts = [] }) => otherPorts.length !== others)) {
    throw new Error(`${directory} holds a cluster with other listeners.`);
  }
  return saved;
}

/** Ports: three for each broker, then those of the other listeners. */
export async function createState(
  directory: string,
  { count, others, ports }: { count: number; others: number; ports: readonly number[] },
): Promise<SavedState> {
  const brokers = Array.from({ length: count }, (_, index) => ({
    id: index + 1,
    clientPort: ports[index * 3] ?? 0,
    otherPorts: ports.slice(count * 3 + index * others, count * 3 + (index + 1) * others),
    internalPort: ports[index * 3 + 1] ?? 0,
    // Two controllers would need each other; one, or three and more, is what a quorum is good for.
    controllerPort: index === 0 || count >= 3 ? (ports[index * 3 + 2] ?? 0) : 0,
  }));
  const state: SavedState = { clusterId: randomClusterId(), brokers };
  await writeFile(statePath(directory), JSON.stringify(state, undefined, 2));
  return state;
}

/** Removes the state and all files that the brokers have written. */
export async function forgetState(directory: string, { brokers }: SavedState): Promise<void> {
  await rm(statePath(directory));
  await Promise.all(brokers.map(({ id }) => rm(dataDirectory(directory, id), { recursive: true, force: true })));
}

function statePath(directory: string): string {
  return join(directory, 'cluster.json');
}

export function dataDirectory(directory: string, id: number): string {
  return join(directory, `broker-${id}`);
}

/** 128 random bits in base64url; Kafka takes none that starts like a flag. */
function randomClusterId(): string {
  for (;;) {
    const id = randomBytes(16).toString('base64url');
    if (!id.startsWith('-')) return id;
  }
}
