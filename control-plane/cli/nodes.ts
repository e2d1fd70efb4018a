import { callFault, createAdminClient, listNodes, type ListedNode } from './admin-client.ts';

const hashLength = 12;

/** `sluice nodes`. Resolves to the exit code. */
export async function nodesCommand(options: { readonly admin: string; readonly token?: string }): Promise<number> {
  const client = createAdminClient({
    url: options.admin,
    ...(options.token === undefined ? {} : { token: options.token }),
  });
  let nodes: ListedNode[];
  try {
    nodes = await listNodes(client);
  } catch (error) {
    console.error(`${options.admin}: ${callFault(error)}`);
    return 1;
  }
  console.log(nodesTable(nodes));
  return 0;
}

/** The nodes as a table of text, one line each. */
export function nodesTable(nodes: readonly ListedNode[]): string {
  const head = ['HOSTNAME', 'ID', 'STATE', 'VERSION', 'LAST SEEN', 'APPLIED', 'EXPECTED'];
  const rows = nodes.map((node) => [
    node.hostname,
    node.id,
    node.state,
    node.version,
    Number.isFinite(node.last_seen) ? new Date(node.last_seen * 1000).toISOString() : '-',
    shortHash(node.applied_hash),
    shortHash(node.expected_hash),
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [head, ...rows].map(line).join('\n');
}

function shortHash(hash: string | null | undefined): string {
  return hash === null || hash === undefined || hash === '' ? '-' : hash.slice(0, hashLength);
}
