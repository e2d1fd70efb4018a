import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { downloadArtifacts, exists } from './download.ts';
import { startOnFreePorts } from './free-ports.ts';
import { signalProcess, startJvm, stopProcess, waitUntilReady, type Lifetime, type ProcessRef } from './jvm-process.ts';

const startTimeoutMs = 90_000;
const stopGraceMs = 10_000;
const probeTimeoutMs = 3_000;

export interface RegistryOptions {
  /** Database, port and log. A registry started again on the same folder has its port and its schemas. */
  readonly directory: string;
  /** The folder that holds the registry or takes its download; `sluice-data/services` by default. */
  readonly downloads?: string;
  /** A free one by default, kept in the folder. */
  readonly port?: number;
  /** `process` by default. */
  readonly lifetime?: Lifetime;
  /** The port of a new one; a free one by default. When it is taken before it is bound, another is asked for. */
  readonly choosePorts?: (count: number) => Promise<number[]>;
}

export interface Registry {
  /** Address of the Confluent-compatible API; ends in `/apis/ccompat/v7`. */
  readonly url: string;
  readonly pid: number;
  readonly logFile: string;
  /** Sends the signal; after SIGKILL, SIGTERM and SIGINT it resolves when the process has ended. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again on its port and data; resolves when it answers. */
  start(): Promise<void>;
  stop(): Promise<void>;
  process(): ProcessRef;
}

/** Starts a real schema registry (Apicurio, its data in an H2 file) on loopback and waits until it answers. */
export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  const directory = resolve(options.directory);
  await mkdir(directory, { recursive: true });
  const { registryJar } = await downloadArtifacts(
    options.downloads === undefined ? {} : { directory: options.downloads },
  );
  const port = options.port ?? (await loadPort(directory));
  if (port !== undefined) return startOn(port, options, { directory, registryJar });
  return startOnFreePorts({ count: 1, choosePorts: options.choosePorts }, async ([chosen = 0]) => {
    const registry = await startOn(chosen, options, { directory, registryJar });
    await writeFile(portPath(directory), String(chosen));
    return registry;
  });
}

async function startOn(
  port: number,
  options: RegistryOptions,
  { directory, registryJar }: { directory: string; registryJar: string },
): Promise<Registry> {
  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`;
  const marker = directory;
  const logFile = join(directory, 'registry.log');
  let ref: ProcessRef = { pid: 0, marker };
  const registry: Registry = {
    url,
    logFile,
    get pid() {
      return ref.pid;
    },
    process: () => ref,
    kill: (signal) => signalProcess(ref, signal),
    async start() {
      ref = startJvm({
        marker,
        logFile,
        lifetime: options.lifetime ?? 'process',
        args: ['-Xmx256m', '-jar', registryJar],
        env: registryEnvironment(directory, port),
      });
      await waitUntilReady({
        what: 'The schema registry',
        process: ref,
        logFile,
        timeoutMs: startTimeoutMs,
        check: () => checkRegistry(url),
      });
    },
    stop: () => stopProcess(ref, stopGraceMs),
  };
  try {
    await registry.start();
  } catch (error) {
    await registry.stop();
    throw error;
  }
  return registry;
}

/** Rejects unless the registry at this address answers its list of subjects. */
export async function checkRegistry(url: string): Promise<void> {
  const response = await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(probeTimeoutMs) });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`${url}/subjects answered ${response.status}`);
}

function registryEnvironment(directory: string, port: number): Record<string, string> {
  return {
    QUARKUS_HTTP_HOST: '127.0.0.1',
    QUARKUS_HTTP_PORT: String(port),
    APICURIO_STORAGE_KIND: 'sql',
    APICURIO_STORAGE_SQL_KIND: 'h2',
    // Write delay 0: a registered schema is in the file when it is answered, so that SIGKILL loses none.
    APICURIO_DATASOURCE_URL: `jdbc:h2:file:${join(directory, 'registry')};WRITE_DELAY=0`,
  };
}

async function loadPort(directory: string): Promise<number | undefined> {
  const path = portPath(directory);
  return (await exists(path)) ? Number(await readFile(path, 'utf8')) : undefined;
}

function portPath(directory: string): string {
  return join(directory, 'port');
}
