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

/** Reasons shown of one node; the Admin API has all. */
const reasonsMax = 5;

/** The nodes as a table of text, one line each, with why a node is not in sync, or gets less than all, below it. */
export function nodesTable(nodes: readonly ListedNode[]): string {
  const head = ['HOSTNAME', 'ID', 'STATE', 'VERSION', 'LAST SEEN', 'APPLIED', 'EXPECTED', 'APPLY', 'REQ/S'];
  const rows = nodes.map((node) => [
    node.hostname,
    node.id,
    node.state,
    node.version,
    Number.isFinite(node.last_seen) ? new Date(node.last_seen * 1000).toISOString() : '-',
    shortHash(node.applied_hash),
    shortHash(node.expected_hash),
    typeof node.apply_ms === 'number' ? `${Math.round(node.apply_ms)} ms` : '-',
    typeof node.requests_per_second === 'number' ? String(node.requests_per_second) : '-',
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(head), ...nodes.flatMap((node, index) => [line(rows[index] ?? []), ...reasonsOf(node)])].join('\n');
}

function reasonsOf({ rejected, compatibility = [] }: ListedNode): string[] {
  const reasons = [
    ...(rejected?.errors ?? []).map(
      ({ entity_type: type, entity_name: name, field, message }) =>
        `rejected: ${[type, name, field].filter((part) => part !== '').join(' ')}: ${message}`,
    ),
    ...compatibility.map(
      ({ plugin, field, action, reason }) =>
        `${action}: ${[plugin, field].filter((part) => part !== null).join(' ')}: ${reason}`,
    ),
  ];
  const more = reasons.length > reasonsMax ? [`and ${reasons.length - reasonsMax} more`] : [];
  return [...reasons.slice(0, reasonsMax), ...more].map((reason) => `  ${reason}`);
}

function shortHash(hash: string | null | undefined): string {
  return hash === null || hash === undefined || hash === '' ? '-' : hash.slice(0, hashLength);
}
