import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createAdminClient, type AdminClient } from '../admin-client.ts';
import { listNodes } from '../nodes/listed-node.ts';
import { onTermination } from '../../../shared/lifecycle.ts';
import { nextFreePort } from '../services/free-ports.ts';
import { startServices, stopServices, type StartedServices } from '../services/services.ts';
import { writeAddresses } from './addresses-file.ts';
import { configureExample, prepareExample, readyText, type Addresses } from './example.ts';
import { startNodeProcess, type NodeProcess } from './node-process.ts';

const upTimeoutMs = 60_000;
const probeTimeoutMs = 2_000;
const pollMs = 100;

export interface QuickstartOptions {
  readonly dataPlanes: number;
  readonly kafka?: string;
  readonly registry?: string;
  /** Folder of all data. */
  readonly data: string;
}

/** Everything that was started, in order, so that whatever happens it is stopped in reverse. */
interface Started {
  services: StartedServices | undefined;
  readonly nodes: NodeProcess[];
}

/** `sluice quickstart`: runs until a signal. Resolves to the exit code: 1 when something could not start or died. */
export async function quickstartCommand(options: QuickstartOptions): Promise<number> {
  const started: Started = { services: undefined, nodes: [] };
  const stopping = new AbortController();
  const removeListeners = onTermination({
    first() {
      console.log('\nStopping.');
      stopping.abort();
    },
    second() {
      for (const node of started.nodes) node.kill();
      console.error('Second signal: ended at once.');
      process.exit(1);
    },
  });
  let code = 0;
  try {
    await bringUp(options, started, stopping.signal);
    await runUntilEnd(started.nodes, stopping.signal);
  } catch (error) {
    if (!stopping.signal.aborted) {
      console.error(error instanceof Error ? error.message : error);
      code = 1;
    }
  }
  try {
    await stopAll(started, join(options.data, 'services'));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    code = 1;
  }
  removeListeners();
  return code;
}

async function bringUp(options: QuickstartOptions, started: Started, stop: AbortSignal): Promise<void> {
  const data = resolve(options.data);
  await mkdir(data, { recursive: true });
  const services = await startServices({
    directory: join(data, 'services'),
    given: {
      ...(options.kafka === undefined ? {} : { kafka: options.kafka }),
      ...(options.registry === undefined ? {} : { registry: options.registry.replace(/\/+$/, '') }),
    },
    owner: process.pid,
    onProgress: tellProgress(),
  });
  started.services = services;
  stop.throwIfAborted();
  console.log(`Kafka is ${services.kafka}, the schema registry ${services.registry}.`);
  await prepareExample(services);
  stop.throwIfAborted();

  const ports = await choosePorts(options.dataPlanes);
  console.log(`Starting a control plane and ${options.dataPlanes} data plane${options.dataPlanes === 1 ? '' : 's'}.`);
  started.nodes.push(startControlPlane(data, ports));
  const admin = createAdminClient({ url: `http://127.0.0.1:${ports.admin}` });
  await waitUntil({ what: 'The Admin API', started, stop, check: () => admin.request('GET', '/status') });
  await configureExample(admin, services);
  ports.nodes.forEach((node, index) => {
    started.nodes.push(startDataPlane({ data, ports, node, number: index + 1 }));
  });
  await waitUntil({
    what: 'The data planes',
    started,
    stop,
    check: () => checkNodes(admin, ports),
  });
  const local = (port: number) => `http://127.0.0.1:${port}`;
  const addresses: Addresses = {
    ...services,
    data,
    admin: local(ports.admin),
    controlPlaneStatus: local(ports.controlPlaneStatus),
    proxies: ports.nodes.map(({ proxy }) => local(proxy)),
    proxiesTls: ports.nodes.map(({ proxyTls }) => `https://127.0.0.1:${proxyTls}`),
    statuses: ports.nodes.map(({ status }) => local(status)),
    addressesFile: join(data, 'addresses.sh'),
  };
  await writeAddresses(addresses.addressesFile, addresses);
  console.log(readyText(addresses));
}

/** Tells steps one a line; on a terminal, a step that goes on replaces its own line. */
function tellProgress(): (message: string) => void {
  let last = '';
  return (message) => {
    const isSame = message.split(':', 1)[0] === last.split(':', 1)[0] && last.includes(':');
    last = message;
    console.log(isSame && process.stdout.isTTY ? `\u001b[1A\u001b[2K${message}` : message);
  };
}

/** The ports of one data plane. */
interface NodePorts {
  readonly proxy: number;
  readonly proxyTls: number;
  readonly status: number;
}

interface Ports {
  readonly admin: number;
  readonly cluster: number;
  readonly controlPlaneStatus: number;
  readonly nodes: readonly NodePorts[];
}

/** The usual ports, or the next free ones above them. */
async function choosePorts(dataPlanes: number): Promise<Ports> {
  const taken = new Set<number>();
  const take = async (wanted: number) => {
    const port = await nextFreePort(wanted, taken);
    taken.add(port);
    return port;
  };
  // The first node and the control plane get the settings' defaults before others look for what is left.
  const proxy = await take(8000);
  const admin = await take(8001);
  const cluster = await take(8005);
  const status = await take(8007);
  const controlPlaneStatus = await take(8008);
  const nodes: NodePorts[] = [{ proxy, proxyTls: await take(8443), status }];
  while (nodes.length < dataPlanes) {
    nodes.push({ proxy: await take(8010), proxyTls: await take(8453), status: await take(8110) });
  }
  return { admin, cluster, controlPlaneStatus, nodes };
}

function startControlPlane(data: string, ports: Ports): NodeProcess {
  return startNodeProcess({
    name: 'The control plane',
    logFile: join(data, 'control-plane.log'),
    args: [
      'start',
      '--role=control_plane',
      '--log-format=json',
      `--database=${join(data, 'control-plane.db')}`,
      `--admin-listen=127.0.0.1:${ports.admin}`,
      `--cluster-listen=127.0.0.1:${ports.cluster}`,
      `--status-listen=127.0.0.1:${ports.controlPlaneStatus}`,
    ],
  });
}

function startDataPlane(options: {
  readonly data: string;
  readonly ports: Ports;
  readonly number: number;
  readonly node: NodePorts;
}): NodeProcess {
  const { data, ports, number, node } = options;
  return startNodeProcess({
    name: `Data plane ${number}`,
    logFile: join(data, `data-plane-${number}.log`),
    args: [
      'start',
      '--role=data_plane',
      '--log-format=json',
      `--control-plane=127.0.0.1:${ports.cluster}`,
      `--data-dir=${join(data, `data-plane-${number}`)}`,
      `--proxy-listen=127.0.0.1:${node.proxy}`,
      `--proxy-listen-tls=127.0.0.1:${node.proxyTls}`,
      `--status-listen=127.0.0.1:${node.status}`,
    ],
  });
}

/** Every node has the newest configuration and is ready. Nodes of earlier, larger starts may be listed as offline. */
async function checkNodes(admin: AdminClient, ports: Ports): Promise<void> {
  const nodes = await listNodes(admin);
  const rejected = nodes.find(({ state }) => state === 'rejected');
  if (rejected !== undefined) {
    throw new FinalError(`A data plane refused the configuration: ${JSON.stringify(rejected.rejected?.errors)}`);
  }
  const inSync = nodes.filter(({ state }) => state === 'in_sync').length;
  if (inSync < ports.nodes.length) throw new Error(`${inSync} of ${ports.nodes.length} are in sync`);
  for (const { status } of ports.nodes) {
    const response = await fetch(`http://127.0.0.1:${status}/status/ready`, {
      signal: AbortSignal.timeout(probeTimeoutMs),
    });
    const body = await response.text();
    if (!response.ok) throw new Error(`not ready: ${body}`);
  }
}

/** A fault that waiting does not mend. */
class FinalError extends Error {}

async function waitUntil(options: {
  readonly what: string;
  readonly started: Started;
  readonly stop: AbortSignal;
  readonly check: () => Promise<unknown>;
}): Promise<void> {
  const { what, started, stop, check } = options;
  let dead: Error | undefined;
  for (const node of started.nodes) {
    void node.ended.then(async (how) => {
      dead = await deathOf(node, how);
    });
  }
  const deadline = Date.now() + upTimeoutMs;
  for (;;) {
    let fault: unknown;
    try {
      await check();
      return;
    } catch (error) {
      if (error instanceof FinalError) throw error;
      fault = error;
    }
    stop.throwIfAborted();
    if (dead !== undefined) throw dead;
    if (Date.now() > deadline) {
      const tails = await Promise.all(started.nodes.map((node) => node.logTail()));
      const reason = fault instanceof Error ? fault.message : String(fault);
      throw new Error(`${what} did not come up within ${upTimeoutMs} ms: ${reason}\n${tails.join('\n')}`);
    }
    await delay(pollMs);
  }
}

async function deathOf(node: NodeProcess, how: string): Promise<Error> {
  return new Error(`${node.name} ended unexpectedly (${how}); stopping the rest.\n${await node.logTail()}`);
}

/** Resolves on a signal; rejects when a node ends by itself. */
async function runUntilEnd(nodes: readonly NodeProcess[], stop: AbortSignal): Promise<void> {
  const stopped = new Promise<undefined>((resolve) => {
    if (stop.aborted) resolve(undefined);
    stop.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  const death = await Promise.race([stopped, ...nodes.map(async (node) => ({ node, how: await node.ended }))]);
  if (death !== undefined && !stop.aborted) throw await deathOf(death.node, death.how);
}

/** Data planes first (they drain into Kafka), then the control plane, then what was started of Kafka and registry. */
async function stopAll(started: Started, servicesDirectory: string): Promise<void> {
  const [controlPlane, ...dataPlanes] = started.nodes;
  await Promise.all(dataPlanes.map((node) => node.stop()));
  await controlPlane?.stop();
  if (started.services?.origin === 'started') await stopServices({ directory: servicesDirectory });
}
