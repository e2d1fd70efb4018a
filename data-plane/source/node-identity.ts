import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isLowerCaseUuid } from '../../shared/uuid.ts';

export interface NodeIdentity {
  /** The UUID of the node: the same for every process that runs on the data folder. */
  readonly nodeId: string;
  /** The UUID of this process. */
  readonly bootId: string;
  readonly hostname: string;
}

/** Reads the node's id or makes one. Throws when the folder cannot be written or its id is no UUID. */
export function loadNodeIdentity({ dataDir }: { readonly dataDir: string }): NodeIdentity {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, 'node-id');
  const nodeId = readId(path) ?? makeId(path);
  if (!isLowerCaseUuid(nodeId)) {
    throw new Error(`The file ${path} does not hold a node id; remove it to let the node take a new one`);
  }
  return { nodeId, bootId: randomUUID(), hostname: hostname() };
}

function readId(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Writes the id to a temporary file first, so that the file appears whole or not at all. */
function makeId(path: string): string {
  const nodeId = randomUUID();
  writeFileSync(`${path}.tmp`, `${nodeId}\n`, { mode: 0o600, flush: true });
  renameSync(`${path}.tmp`, path);
  return nodeId;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
