import { setTimeout as delay } from 'node:timers/promises';
import { createAdminClient, type AdminClient } from '../admin-client.ts';
import type { AdminFlags } from '../admin-flags.ts';
import { callAdvice, messageOf } from '../advice.ts';
import { listNodes, type ListedNode } from './listed-node.ts';
import { applyProgress, nodeFault } from './node-health.ts';
import { nodesTable } from './nodes-table.ts';

const watchIntervalMs = 2_000;
const waitPollMs = 250;
const clearScreen = '\u001b[H\u001b[2J';

export type NodesOutput = 'table' | 'wide' | 'json';

export interface NodesOptions extends AdminFlags {
  readonly output: NodesOutput;
  readonly watch: boolean;
  readonly check: boolean;
  /** `--check` fails for offline nodes too. */
  readonly offline: boolean;
}

/** `sluice nodes`. Resolves to the exit code. */
export async function nodesCommand(options: NodesOptions): Promise<number> {
  if (options.watch) return watchNodes(options);
  return withClient(options, async (client) => {
    const nodes = await listNodes(client);
    console.log(written(nodes, options.output));
    return options.check ? checkNodes(nodes, options) : 0;
  });
}

function written(nodes: readonly ListedNode[], output: NodesOutput): string {
  return output === 'json' ? JSON.stringify(nodes, undefined, 2) : nodesTable(nodes, { wide: output === 'wide' });
}

/** Names every node that is not well on standard error. Returns the exit code. */
function checkNodes(nodes: readonly ListedNode[], { offline }: NodesOptions): number {
  const faults = nodes.flatMap((node) => {
    const fault = nodeFault(node, { offline });
    return fault === undefined ? [] : [`${node.hostname} ${node.id}: ${fault}`];
  });
  for (const fault of faults) console.error(fault);
  return faults.length === 0 ? 0 : 1;
}

/** Writes the table anew every 2 s until a signal. A control plane that does not answer is told and asked again. */
async function watchNodes(options: NodesOptions): Promise<number> {
  const end = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end.abort());
  const client = createAdminClient(clientOptions(options));
  while (!end.signal.aborted) {
    let text: string;
    try {
      text = written(await listNodes(client), options.output);
    } catch (error) {
      text = callAdvice(options.admin, error);
    }
    if (!end.signal.aborted) console.log(process.stdout.isTTY ? `${clearScreen}${text}` : `${text}\n`);
    await delay(watchIntervalMs, undefined, { signal: end.signal }).catch(() => undefined);
  }
  return 0;
}

/** `sluice nodes wait --applied`. Resolves to the exit code: 0 once all nodes run the newest configuration and reach what it names. */
export async function waitCommand(flags: AdminFlags & { readonly timeout: number }): Promise<number> {
  return withClient(flags, async (client) => {
    const deadlineMs = performance.now() + flags.timeout;
    for (;;) {
      const progress = applyProgress(await listNodes(client));
      if (progress.kind === 'applied') {
        console.log(progress.text);
        return 0;
      }
      if (progress.kind === 'failed' || performance.now() > deadlineMs) {
        console.error(progress.kind === 'failed' ? progress.text : `${progress.text}; not within ${flags.timeout} ms`);
        return 1;
      }
      await delay(waitPollMs);
    }
  });
}

/** `sluice nodes forget ID`. Resolves to the exit code. */
export async function forgetCommand(id: string, flags: AdminFlags): Promise<number> {
  return withClient(flags, async (client) => {
    const path = `/clustering/data-planes/${encodeURIComponent(id)}`;
    const { status, text } = await client.exchange({ method: 'DELETE', path });
    if (status === 204) {
      console.log(`${id} is forgotten`);
      return 0;
    }
    console.error(status === 404 ? `The control plane knows no node ${id}` : messageOf(text));
    return 1;
  });
}

/** `sluice nodes adopt`. Resolves to the exit code: 1 when a node that was named was not offered the configuration. */
export async function adoptCommand(nodes: readonly string[] | 'all', flags: AdminFlags): Promise<number> {
  return withClient(flags, async (client) => {
    const body = JSON.stringify({ nodes });
    const headers = { 'content-type': 'application/json' };
    const { status, text } = await client.exchange({ method: 'POST', path: '/clustering/adopt', headers, body });
    if (status !== 200) {
      console.error(messageOf(text));
      return 1;
    }
    // The shape is the Admin API's contract.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const { offered } = JSON.parse(text) as { readonly offered: readonly string[] };
    for (const id of offered) console.log(`${id} is offered the configuration of this control plane`);
    const left = nodes === 'all' ? [] : nodes.filter((id) => !offered.includes(id.toLowerCase()));
    for (const id of left) console.error(`${id} is not connected, or follows this control plane already`);
    if (nodes === 'all' && offered.length === 0) console.log('No connected node follows another database');
    return left.length === 0 ? 0 : 1;
  });
}

async function withClient(flags: AdminFlags, work: (client: AdminClient) => Promise<number>): Promise<number> {
  try {
    return await work(createAdminClient(clientOptions(flags)));
  } catch (error) {
    console.error(callAdvice(flags.admin, error));
    return 1;
  }
}

function clientOptions({ admin, token }: AdminFlags) {
  return { url: admin, ...(token === undefined ? {} : { token }) };
}
