import { readFile, writeFile, chmod } from 'node:fs/promises';
import { compileDocument } from '../../shared/declarative/compile-document.ts';
import type { ChangeSummary, ListedChange } from '../../shared/declarative/change-summary.ts';
import { faultLine } from '../../shared/declarative/document-errors.ts';
import { parseDocumentBytes } from '../../shared/declarative/parse-document.ts';
import { entities } from '../../shared/entities/entities.ts';
import { pluginSchemas } from '../../shared/plugin-schemas/plugin-schemas.ts';
import type { AdminFlags } from './admin-flags.ts';
import { callFault, createAdminClient, type AdminClient, type AdminReply } from './admin-client.ts';

/** A configuration of tens of thousands of entities takes many seconds. */
const loadTimeoutMs = 120_000;

/** `sluice config validate FILE`: every fault with its path. Resolves to the exit code. */
export async function validateCommand(file: string): Promise<number> {
  const bytes = await readDocument(file);
  if (bytes === undefined) return 1;
  const faults = faultsOf(bytes);
  if (faults.length === 0) {
    console.log(`${file}: no faults`);
    return 0;
  }
  for (const line of faults) console.log(line);
  console.error(`${file}: ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}`);
  return 1;
}

export interface ImportFlags extends AdminFlags {
  /** Deletes what the file does not hold. */
  readonly yes: boolean;
  /** Waits for the nodes, for `timeout` ms at most. */
  readonly wait: boolean;
  readonly timeout: number;
}

/** `sluice config import FILE`: shows the difference, then replaces everything. Resolves to the exit code. */
export async function importCommand(file: string, flags: ImportFlags): Promise<number> {
  const bytes = await readDocument(file);
  if (bytes === undefined) return 1;
  const faults = faultsOf(bytes);
  if (faults.length > 0) {
    for (const line of faults) console.error(line);
    return 1;
  }
  return talk(flags, (client) => importInto(client, bytes, flags));
}

/** `sluice config export [FILE]`: JSON where the name ends so, else YAML. Resolves to the exit code. */
export async function exportCommand(file: string | undefined, flags: AdminFlags): Promise<number> {
  return talk(flags, async (client) => {
    const accept = file?.endsWith('.json') === true ? 'application/json' : 'application/yaml';
    const reply = await client.exchange({
      method: 'GET',
      path: '/config',
      headers: { accept },
      timeoutMs: loadTimeoutMs,
    });
    if (reply.status !== 200) return refused(reply);
    if (file === undefined) {
      await new Promise((resolve) => process.stdout.write(reply.text, resolve));
      return 0;
    }
    // The file holds the secrets of the configuration.
    await writeFile(file, reply.text, { mode: 0o600 });
    await chmod(file, 0o600);
    return 0;
  });
}

async function importInto(
  client: AdminClient,
  bytes: Uint8Array<ArrayBuffer>,
  { yes, wait, timeout }: ImportFlags,
): Promise<number> {
  const request = {
    method: 'POST',
    headers: { 'content-type': 'application/yaml' },
    body: bytes,
    timeoutMs: loadTimeoutMs,
  } as const;
  const dry = await client.exchange({ ...request, path: '/config?dry_run=1' });
  if (dry.status !== 200) return refused(dry);
  // The shape is the Admin API's contract.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const summary = JSON.parse(dry.text) as ChangeSummary;
  for (const line of summaryLines(summary)) console.log(line);
  for (const warning of summary.warnings ?? []) console.error(`Warning: ${warning}`);
  const isSame = summary.created + summary.updated + summary.deleted === 0;
  if (isSame && !wait) return 0;
  if (summary.deleted > 0 && !yes) {
    console.error(`Nothing was changed: ${summary.deleted} would be deleted. Say --yes to go on.`);
    return 1;
  }
  // The import fails when the configuration has changed since the difference was shown.
  const headers = { ...request.headers, 'if-match': dry.headers.get('etag') ?? '*' };
  const path = wait ? `/config?wait=applied&timeout=${timeout}ms` : '/config';
  const reply = await client.exchange({ ...request, path, headers, timeoutMs: loadTimeoutMs + timeout });
  if (reply.status === 412) {
    console.error('Nothing was changed: the configuration has become another one meanwhile. Try again.');
    return 1;
  }
  if (reply.status !== 201) return refused(reply);
  if (!isSame) console.log('imported');
  return wait ? syncCode(reply.headers.get('sluice-sync') ?? '') : 0;
}

/** Shows what became of the nodes. Returns 0 when all have applied and reach their destinations, else 1. */
function syncCode(outcome: string): number {
  console.log(outcome);
  return /^applied;(?!.*\bunreachable=)/.test(outcome) ? 0 : 1;
}

/** The difference as text, one line an entity and one for all. */
export function summaryLines({ created, updated, deleted, unchanged, changes }: ChangeSummary): string[] {
  const more = created + updated + deleted - changes.length;
  return [
    ...changes.map(changeLine),
    ...(more > 0 ? [`… and ${more} more`] : []),
    `${created} to create, ${updated} to update, ${deleted} to delete, ${unchanged} unchanged`,
  ];
}

const signs = { create: '+', update: '~', delete: '-' } as const;

function changeLine({ action, entity, id, name, fields }: ListedChange): string {
  const what = name === undefined ? id : `${name} (${id})`;
  return `${signs[action]} ${entity} ${what}${fields === undefined ? '' : `: ${fields.join(', ')}`}`;
}

async function readDocument(file: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return new Uint8Array(await readFile(file));
  } catch (error) {
    console.error(`${file}: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** Every fault of a document, by the checks of this version. */
function faultsOf(bytes: Uint8Array): string[] {
  const parsed = parseDocumentBytes(bytes);
  if (parsed.kind === 'faults') return parsed.faults.map(faultLine);
  // Nothing of the result is kept, so any ids and times do.
  const auto = { uuid: () => '', token: () => 'token', now: () => 0 };
  const compiled = compileDocument({ document: parsed.document, entities, plugins: pluginSchemas, auto });
  return compiled.kind === 'ok' ? [] : compiled.faults.map(faultLine);
}

async function talk({ admin, token }: AdminFlags, work: (client: AdminClient) => Promise<number>): Promise<number> {
  try {
    return await work(createAdminClient({ url: admin, ...(token === undefined ? {} : { token }) }));
  } catch (error) {
    console.error(`${admin}: ${callFault(error)}`);
    return 1;
  }
}

function refused({ status, text }: AdminReply): number {
  console.error(`The Admin API answered ${status}: ${text}`);
  return 1;
}
