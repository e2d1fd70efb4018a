import { chmod, writeFile } from 'node:fs/promises';
import type { ChangeSummary } from '../../../shared/declarative/change-summary.ts';
import { compileDocument } from '../../../shared/declarative/compile-document.ts';
import { faultLine } from '../../../shared/declarative/document-errors.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { isRecord } from '../../../shared/schema/is-record.ts';
import { createAdminClient, type AdminClient } from '../admin-client.ts';
import type { AdminFlags } from '../admin-flags.ts';
import { callAdvice, replyAdvice } from '../advice.ts';
import { readInput } from '../read-input.ts';
import { differenceLines, isSame } from './difference-lines.ts';
import { followRollout, rolloutFaults } from './follow-rollout.ts';
import { joinDocuments, selected, withSelected, type InputFile } from './join-documents.ts';

/** A configuration of tens of thousands of entities takes many seconds. */
const loadTimeoutMs = 120_000;
/** Exit code of `config diff --exit-code` on a difference. */
const exitDifferent = 3;

export interface SelectFlags extends AdminFlags {
  /** Only entities with all of these tags are compared, replaced or written. */
  readonly selectTag: readonly string[];
}

export interface ImportFlags extends SelectFlags {
  readonly yes: boolean;
  readonly dryRun: boolean;
  /** True: fails also where no node is connected. False: does not wait. Undefined: follows the nodes that there are. */
  readonly wait: boolean | undefined;
  /** Milliseconds. */
  readonly timeout: number;
}

/** `sluice config validate FILE…`: every fault with its path. Resolves to the exit code. */
export async function validateCommand(files: readonly string[]): Promise<number> {
  const inputs = await readAll(files);
  if (inputs === undefined) return 1;
  const faults = faultsOf(inputs);
  const names = files.join(', ');
  if (faults.length === 0) {
    console.log(`${names}: no faults`);
    return 0;
  }
  for (const line of faults) console.log(line);
  console.error(`${names}: ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}`);
  return 1;
}

/** `sluice config diff FILE…`: what an import would change, with old and new values. Resolves to the exit code. */
export async function diffCommand(
  files: readonly string[],
  flags: SelectFlags & { readonly exitCode: boolean },
): Promise<number> {
  const inputs = await checkedInputs(files);
  if (inputs === undefined) return 1;
  return talk(flags, async (client) => {
    const load = await loadOf(client, inputs, flags);
    const dry = typeof load === 'number' ? load : await dryRun(client, load, flags);
    if (typeof dry === 'number') return dry;
    for (const line of differenceLines(dry.summary)) console.log(line);
    return flags.exitCode && !isSame(dry.summary) ? exitDifferent : 0;
  });
}

/** `sluice config import FILE…`: shows the difference, then replaces everything. Resolves to the exit code. */
export async function importCommand(files: readonly string[], flags: ImportFlags): Promise<number> {
  const inputs = await checkedInputs(files);
  if (inputs === undefined) return 1;
  return talk(flags, async (client) => {
    const load = await loadOf(client, inputs, flags);
    return typeof load === 'number' ? load : importInto(client, load, flags);
  });
}

/** `sluice config export [FILE]`: JSON where the name ends so, else YAML. Resolves to the exit code. */
export async function exportCommand(file: string | undefined, flags: SelectFlags): Promise<number> {
  return talk(flags, async (client) => {
    const isJson = file?.endsWith('.json') === true;
    const accept = isJson || flags.selectTag.length > 0 ? 'application/json' : 'application/yaml';
    const reply = await client.exchange({
      method: 'GET',
      path: '/config',
      headers: { accept },
      timeoutMs: loadTimeoutMs,
    });
    if (reply.status !== 200) return told(replyAdvice(flags.admin, reply));
    const text = flags.selectTag.length === 0 ? reply.text : await partOf(reply.text, flags.selectTag, isJson);
    if (file === undefined) {
      await new Promise((resolve) => process.stdout.write(text, resolve));
      return 0;
    }
    // The file holds the secrets of the configuration.
    await writeFile(file, text, { mode: 0o600 });
    await chmod(file, 0o600);
    return 0;
  });
}

async function partOf(text: string, tags: readonly string[], isJson: boolean): Promise<string> {
  const part = selected(documentOf(text), tags);
  if (isJson) return JSON.stringify(part);
  const { dump } = await import('js-yaml');
  return dump(part, { lineWidth: -1, noRefs: true });
}

/** What is sent to the Admin API, and the tag of the configuration that it was made from. */
interface Load {
  readonly body: Uint8Array<ArrayBuffer> | string;
  readonly type: string;
  readonly etag: string | undefined;
}

/** Makes the load of the files; with tags, of them and the present configuration. A number is an exit code. */
async function loadOf(client: AdminClient, inputs: readonly InputFile[], flags: SelectFlags): Promise<Load | number> {
  const [only, ...others] = inputs;
  if (only !== undefined && others.length === 0 && flags.selectTag.length === 0) {
    return { body: only.bytes, type: 'application/yaml', etag: undefined };
  }
  const joined = joinDocuments(inputs);
  if (joined.kind === 'faults') return told(joined.lines.join('\n'));
  if (flags.selectTag.length === 0) {
    return { body: JSON.stringify(joined.document), type: 'application/json', etag: undefined };
  }
  const headers = { accept: 'application/json' };
  const reply = await client.exchange({ method: 'GET', path: '/config', headers, timeoutMs: loadTimeoutMs });
  if (reply.status !== 200) return told(replyAdvice(flags.admin, reply));
  const document = withSelected(documentOf(reply.text), joined.document, flags.selectTag);
  return { body: JSON.stringify(document), type: 'application/json', etag: reply.headers.get('etag') ?? undefined };
}

function documentOf(text: string): Readonly<Record<string, unknown>> {
  const document: unknown = JSON.parse(text);
  if (!isRecord(document)) throw new Error('the Admin API did not answer a declarative document');
  return document;
}

interface DryRun {
  readonly summary: ChangeSummary;
  readonly etag: string;
}

async function dryRun(client: AdminClient, load: Load, { admin }: AdminFlags): Promise<DryRun | number> {
  const reply = await client.exchange({ ...requestOf(load), path: '/config?dry_run=1' });
  if (reply.status !== 200) return told(replyAdvice(admin, reply));
  // The shape is the Admin API's contract.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { summary: JSON.parse(reply.text) as ChangeSummary, etag: load.etag ?? reply.headers.get('etag') ?? '*' };
}

function requestOf({ body, type }: Load) {
  return { method: 'POST', headers: { 'content-type': type }, body, timeoutMs: loadTimeoutMs } as const;
}

async function importInto(client: AdminClient, load: Load, flags: ImportFlags): Promise<number> {
  console.error('comparing with the present configuration …');
  const dry = await dryRun(client, load, flags);
  if (typeof dry === 'number') return dry;
  const { summary, etag } = dry;
  for (const line of differenceLines(summary)) console.log(line);
  if (isSame(summary) && (flags.wait !== true || flags.dryRun)) return 0;
  if (flags.dryRun) {
    console.log('dry run: nothing was changed');
    return 0;
  }
  if (summary.deleted > 0 && !flags.yes) {
    return told(`Nothing was changed: ${summary.deleted} would be deleted. Say --yes to go on.`);
  }
  if (!isSame(summary)) console.error(`writing ${summary.created + summary.updated + summary.deleted} changes …`);
  // The import fails when the configuration has changed since the difference was shown.
  const { headers, ...request } = requestOf(load);
  const isFollowing = flags.wait !== false;
  const path = isFollowing ? `/config?wait=applied&timeout=${flags.timeout}ms` : '/config';
  const work = client.exchange({
    ...request,
    path,
    headers: { ...headers, 'if-match': etag },
    timeoutMs: loadTimeoutMs + flags.timeout,
  });
  const reply = isFollowing ? await followRollout(client, work) : await work;
  if (reply.status === 412) {
    return told('Nothing was changed: the configuration has become another one meanwhile. Try again.');
  }
  if (reply.status !== 201) return told(replyAdvice(flags.admin, reply));
  const sync = reply.headers.get('sluice-sync');
  if (!isSame(summary)) console.log('imported');
  if (sync === null) return 0;
  // The outcome stands last, for whoever reads the end.
  const code = await rolloutCode(client, sync, flags.wait === true);
  console.log(sync);
  return code;
}

/** Returns 1 for a rollout that did not reach every node, after saying why and what to do. */
async function rolloutCode(client: AdminClient, sync: string, needsNodes: boolean): Promise<number> {
  if (sync.startsWith('none')) {
    return needsNodes
      ? told('The configuration is stored, and no data plane is connected that would run it: start one.')
      : 0;
  }
  const isApplied = sync.startsWith('applied');
  if (isApplied && !sync.includes('unreachable=')) return 0;
  for (const line of await rolloutFaults(client)) console.error(line);
  return told(
    isApplied
      ? 'The configuration is in force, and a node does not reach what it names: see `sluice nodes`.'
      : 'The configuration is stored and not in force everywhere: mend what is named above and import again, or wait with `sluice nodes wait --applied`.',
  );
}

async function readAll(files: readonly string[]): Promise<InputFile[] | undefined> {
  const inputs: InputFile[] = [];
  for (const name of files) {
    const bytes = await readInput(name);
    if (bytes === undefined) return undefined;
    inputs.push({ name, bytes });
  }
  return inputs;
}

/** Reads the files and prints their faults; undefined when there are any. */
async function checkedInputs(files: readonly string[]): Promise<InputFile[] | undefined> {
  const inputs = await readAll(files);
  if (inputs === undefined) return undefined;
  const faults = faultsOf(inputs);
  if (faults.length === 0) return inputs;
  for (const line of faults) console.error(line);
  console.error('Nothing was changed: mend these faults first.');
  return undefined;
}

/** Every fault of the files together, by the checks of this version. */
function faultsOf(inputs: readonly InputFile[]): readonly string[] {
  const joined = joinDocuments(inputs);
  if (joined.kind === 'faults')
    return joined.lines.map((line) => (inputs.length === 1 ? withoutName(line, inputs) : line));
  // Nothing of the result is kept, so any ids and times do.
  const auto = { uuid: () => '', token: () => 'token', now: () => 0 };
  const compiled = compileDocument({ document: joined.document, entities, plugins: pluginSchemas, auto });
  return compiled.kind === 'ok' ? [] : compiled.faults.map(faultLine);
}

function withoutName(line: string, [only]: readonly InputFile[]): string {
  return line.slice(`${only?.name ?? ''}: `.length);
}

async function talk({ admin, token }: AdminFlags, work: (client: AdminClient) => Promise<number>): Promise<number> {
  try {
    return await work(createAdminClient({ url: admin, ...(token === undefined ? {} : { token }) }));
  } catch (error) {
    return told(callAdvice(admin, error));
  }
}

/** Writes to standard error; the exit code of a failure. */
function told(text: string): number {
  console.error(text);
  return 1;
}
