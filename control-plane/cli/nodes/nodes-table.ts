import type { ListedNode } from './listed-node.ts';
import { unreachableOf } from './node-health.ts';

const hashLength = 12;
/** Reasons shown of one node; the Admin API has all. */
const reasonsMax = 5;

interface Column {
  readonly title: string;
  readonly isWide?: boolean;
  readonly cell: (node: ListedNode, nowMs: number) => string;
}

const columns: readonly Column[] = [
  { title: 'HOSTNAME', cell: ({ hostname }) => hostname },
  { title: 'ID', cell: ({ id }) => id },
  { title: 'STATE', cell: ({ state }) => state },
  { title: 'LAG', cell: lagOf },
  { title: 'SEEN', cell: ({ last_seen: seen }, nowMs) => age(seen, nowMs) },
  { title: 'APPLIED', cell: ({ applied_hash: hash }) => shortHash(hash) },
  { title: 'CLUSTERS', cell: ({ clusters }) => share(clusters, 'connected') },
  { title: 'DESTINATIONS', cell: ({ destinations }) => share(destinations, 'reachable') },
  { title: 'REQ/S', cell: ({ requests_per_second: rate }) => (rate === undefined ? '-' : String(rate)) },
  {
    title: 'LABELS',
    cell: ({ labels = {} }) => listed(Object.entries(labels).map(([key, value]) => `${key}=${value}`)),
  },
  { title: 'VERSION', isWide: true, cell: ({ version }) => version },
  { title: 'EXPECTED', isWide: true, cell: ({ expected_hash: hash }) => shortHash(hash) },
  { title: 'SINCE', isWide: true, cell: ({ applied_at: at }, nowMs) => age(at, nowMs) },
  {
    title: 'APPLY',
    isWide: true,
    cell: ({ apply_ms: ms }) => (typeof ms === 'number' ? `${Math.round(ms)} ms` : '-'),
  },
  {
    title: 'NAMES',
    isWide: true,
    cell: ({ clusters = [] }) => listed(clusters.map(({ name, state }) => `${name}:${state}`)),
  },
];

/** Writes the nodes as a table, one line each, and below a node why it is not in sync or what it does not reach. */
export function nodesTable(
  nodes: readonly ListedNode[],
  { wide = false, nowMs = Date.now() }: { readonly wide?: boolean; readonly nowMs?: number } = {},
): string {
  const shown = columns.filter(({ isWide = false }) => wide || !isWide);
  const rows = nodes.map((node) => shown.map(({ cell }) => cell(node, nowMs)));
  const widths = shown.map(({ title }, index) =>
    rows.reduce((width, row) => Math.max(width, row[index]?.length ?? 0), title.length),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((text, index) => text.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  return [
    line(shown.map(({ title }) => title)),
    ...nodes.flatMap((node, index) => [line(rows[index] ?? []), ...reasonsOf(node)]),
  ].join('\n');
}

function reasonsOf(node: ListedNode): string[] {
  const { rejected, compatibility = [], destinations_omitted: omitted = 0 } = node;
  const reasons = [
    ...(rejected?.errors ?? []).map(
      ({ entity_type: type, entity_name: name, field, message }) =>
        `rejected: ${[type, name, field].filter((part) => part !== '').join(' ')}: ${message}`,
    ),
    ...unreachableOf(node).map(({ kind, name, error }) => `unreachable: ${kind} ${name}: ${error ?? 'no reason told'}`),
    ...compatibility.map(
      ({ plugin, field, action, reason }) =>
        `${action}: ${[plugin, field].filter((part) => part !== null).join(' ')}: ${reason}`,
    ),
  ];
  const hidden = reasons.length - reasonsMax;
  const more = [
    ...(hidden > 0 ? [`and ${hidden} more`] : []),
    ...(omitted > 0 ? [`and ${omitted} destinations that the node could not tell`] : []),
  ];
  return [...reasons.slice(0, reasonsMax), ...more].map((reason) => `  ${reason}`);
}

function lagOf({ state, behind_ms: behindMs }: ListedNode): string {
  if (state === 'in_sync') return '0s';
  return behindMs === undefined || state === 'offline' ? '-' : span(behindMs / 1_000);
}

/** `3/4`: so many are in that state, of so many. */
function share(items: readonly { readonly state: string }[] | undefined, state: string): string {
  if (items === undefined || items.length === 0) return '-';
  return `${items.filter((item) => item.state === state).length}/${items.length}`;
}

function listed(texts: readonly string[]): string {
  return texts.length === 0 ? '-' : texts.join(',');
}

function age(seconds: number | null | undefined, nowMs: number): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return '-';
  return span(nowMs / 1_000 - seconds);
}

/** The largest unit of which there are at least two: `45s`, `12m`, `30h`, `9d`. */
function span(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 120) return `${whole}s`;
  if (whole < 7_200) return `${Math.floor(whole / 60)}m`;
  return whole < 172_800 ? `${Math.floor(whole / 3_600)}h` : `${Math.floor(whole / 86_400)}d`;
}

function shortHash(hash: string | null | undefined): string {
  return hash === null || hash === undefined || hash === '' ? '-' : hash.slice(0, hashLength);
}
