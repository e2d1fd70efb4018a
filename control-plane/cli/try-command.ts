import { parseDocument } from '../../shared/declarative/parse-document.ts';
import { isRecord } from '../../shared/schema/is-record.ts';
import { createAdminClient, type AdminClient, type AdminReply } from './admin-client.ts';
import type { AdminFlags } from './admin-flags.ts';
import { callAdvice, replyAdvice } from './advice.ts';
import { listNodes, type ListedNode } from './nodes/listed-node.ts';
import { readInput } from './read-input.ts';

export interface TryFlags extends AdminFlags {
  /** Id or hostname. */
  readonly node?: string;
  readonly output: 'text' | 'json';
}

/** `sluice try FILE`: what a node would do with a sample request. Resolves to the exit code: 1 when it would be refused. */
export async function tryCommand(file: string, flags: TryFlags): Promise<number> {
  const bytes = await readInput(file);
  if (bytes === undefined) return 1;
  const parsed = parseDocument(Buffer.from(bytes).toString());
  if (parsed.kind === 'faults') {
    for (const { message } of parsed.faults) console.error(`${file}: ${message}`);
    console.error('A sample request is YAML or JSON, such as {"path":"/orders","body":{"id":"1"}}.');
    return 1;
  }
  const { admin, token } = flags;
  const client = createAdminClient({ url: admin, ...(token === undefined ? {} : { token }) });
  try {
    const path = await pathOf(client, flags.node);
    if (path === undefined) return 1;
    const headers = { 'content-type': 'application/json' };
    const reply = await client.exchange({ method: 'POST', path, headers, body: JSON.stringify(parsed.document) });
    return tell(reply, flags);
  } catch (error) {
    console.error(callAdvice(admin, error));
    return 1;
  }
}

/** Chooses the node: the one that is named, else a connected one, else the node of the same process. */
async function pathOf(client: AdminClient, name: string | undefined): Promise<string | undefined> {
  const { status } = await client.exchange({ method: 'GET', path: '/clustering/status' });
  if (status === 404) return '/try';
  const nodes = await listNodes(client);
  const fits = (node: ListedNode): boolean => node.id === name || node.hostname === name;
  const named = name === undefined ? nodes : nodes.filter(fits);
  const chosen = named.find(({ state }) => state === 'in_sync') ?? named.find(({ connected }) => connected);
  if (chosen !== undefined) return `/clustering/data-planes/${chosen.id}/try`;
  console.error(
    name === undefined
      ? 'No data plane is connected: start one, then try again.'
      : `No connected data plane has the id or hostname ${name}: see \`sluice nodes\`.`,
  );
  return undefined;
}

function tell(reply: AdminReply, { admin, output }: TryFlags): number {
  const body: unknown = reply.text === '' ? {} : JSON.parse(reply.text);
  if (reply.status !== 200 || !isRecord(body)) {
    console.error(replyAdvice(admin, reply));
    for (const fault of listOf(body, 'faults')) console.error(`${text(fault, 'field')}: ${text(fault, 'message')}`);
    return 1;
  }
  if (output === 'json') console.log(JSON.stringify(body, undefined, 2));
  else for (const line of trialLines(body)) console.log(line);
  const { answer } = body;
  const status = isRecord(answer) ? Number(answer['status']) : 200;
  return status >= 400 ? 1 : 0;
}

/** Writes what a trial says as lines for people. */
export function trialLines(body: Readonly<Record<string, unknown>>): string[] {
  const { route, answer, forward } = body;
  const lines = [
    isRecord(route) ? `route    ${text(route, 'name', text(route, 'id'))}` : 'route    none',
    ...stringsOf(body['why']).map((reason) => `  ${reason}`),
    ...listOf(body, 'steps').map(
      (step) => `plugin   ${text(step, 'plugin')}: ${text(step, 'did')}${suffix(text(step, 'note'))}`,
    ),
    ...listOf(body, 'records').flatMap(recordLines),
  ];
  if (isRecord(forward) && isRecord(forward['service'])) {
    lines.push(`service  ${text(forward['service'], 'name', text(forward['service'], 'id'))} would get the request`);
  }
  if (isRecord(answer)) lines.push(`answer   ${text(answer, 'status')} ${text(answer, 'body')}`);
  return [...lines, ...stringsOf(body['notes']).map((note) => `note     ${note}`)];
}

function recordLines(record: Readonly<Record<string, unknown>>): string[] {
  const { partition, key, value } = record;
  const place = typeof partition === 'number' ? `partition ${partition}` : 'any partition';
  return [
    `record   ${text(record, 'topic')} at ${text(record, 'cluster')}, ${place}`,
    `  key    ${bytesText(key)}`,
    ...listOf(record, 'headers').map((header) => `  header ${text(header, 'name')}: ${text(header, 'value')}`),
    `  value  ${bytesText(value)}`,
  ];
}

function bytesText(bytes: unknown): string {
  if (!isRecord(bytes)) return 'none';
  const schema = bytes['schema_id'] === undefined ? '' : `schema ${text(bytes, 'schema_id')}, `;
  const cut = bytes['cut'] === true ? ' (cut)' : '';
  return `${schema}${text(bytes, 'bytes')} bytes: ${text(bytes, 'text', text(bytes, 'base64'))}${cut}`;
}

function listOf(body: unknown, name: string): readonly Readonly<Record<string, unknown>>[] {
  const list: unknown = isRecord(body) ? body[name] : undefined;
  return Array.isArray(list) ? list.filter(isRecord) : [];
}

function stringsOf(list: unknown): readonly string[] {
  return Array.isArray(list) ? list.map(String) : [];
}

function text(record: Readonly<Record<string, unknown>>, name: string, fallback = ''): string {
  const value = record[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : fallback;
}

function suffix(note: string): string {
  return note === '' ? '' : ` (${note})`;
}
