import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { noteOutput } from './leaks.ts';

const bin = fileURLToPath(new URL('../../control-plane/cli/sluice.js', import.meta.url));

/** A run that is ended by a signal leaves none of them. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export type LogLine = Readonly<Record<string, unknown>> & { readonly event?: string };

/** A real `sluice` process under test. */
export interface SluiceProcess {
  readonly pid: number;
  /** Every log line so far. */
  readonly lines: readonly LogLine[];
  /** Everything on standard output and error, lines that are no JSON included. */
  readonly output: () => string;
  /** Address of a listener by the `what` of its `listening` event. */
  address(what: string): string;
  /** Resolves with the first line, past or future, that fits. */
  line(fits: (line: LogLine) => boolean, timeoutMs?: number): Promise<LogLine>;
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<number | null>;
  /** SIGTERM, then wait for the exit code. */
  stop(): Promise<number | null>;
}

export interface RunOptions {
  readonly cwd?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
  /** How many file descriptors the process may have open. */
  readonly descriptors?: number;
}

function commandOf(args: readonly string[], { descriptors }: RunOptions): [file: string, ...args: string[]] {
  const command: [string, ...string[]] = [process.execPath, '--enable-source-maps', bin, ...args];
  if (descriptors === undefined) return command;
  return ['sh', '-c', `ulimit -n ${descriptors} && exec "$@"`, 'sh', ...command];
}

/** Runs `sluice <args>`; JSON logs are read from its standard output. */
export function runSluice(args: readonly string[], options: RunOptions = {}): SluiceProcess {
  const [file, ...words] = commandOf(args, options);
  const child: ChildProcess = spawn(file, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
  });
  const lines: LogLine[] = [];
  const waiters = new Set<() => void>();
  let output = '';
  const take = (text: string) => {
    output += `${text}\n`;
    noteOutput(text);
    const line = parseLine(text);
    if (line !== undefined) lines.push(line);
    for (const waiter of waiters) waiter();
  };
  if (child.stdout === null || child.stderr === null) throw new Error('no pipes');
  createInterface({ input: child.stdout }).on('line', take);
  createInterface({ input: child.stderr }).on('line', take);
  running.add(child);
  const exited = once(child, 'close').then(() => {
    running.delete(child);
    return child.exitCode;
  });
  void exited.then(() => {
    for (const waiter of waiters) waiter();
  });

  const line = (fits: (line: LogLine) => boolean, timeoutMs = 60_000): Promise<LogLine> =>
    new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        waiters.delete(look);
        settle();
      };
      const look = () => {
        const found = lines.find(fits);
        if (found !== undefined) finish(() => resolve(found));
        else if (child.exitCode !== null || child.signalCode !== null) {
          finish(() => reject(new Error(`the process ended before the awaited line:\n${output}`)));
        }
      };
      const timer = setTimeout(
        () => finish(() => reject(new Error(`no such line within ${timeoutMs} ms:\n${output}`))),
        timeoutMs,
      );
      waiters.add(look);
      look();
    });

  return {
    pid: child.pid ?? -1,
    lines,
    output: () => output,
    address(what) {
      const found = lines.findLast((entry) => entry.event === 'listening' && entry['what'] === what);
      if (found === undefined) throw new Error(`${what} does not listen:\n${output}`);
      return String(found['address']);
    },
    line,
    kill: (signal) => void child.kill(signal),
    exited,
    async stop() {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

function parseLine(text: string): LogLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

export interface ControlPlaneProcess extends SluiceProcess {
  readonly admin: string;
  readonly cluster: string;
}

/** A control plane on free loopback ports (or the ones given), ready. */
export async function runControlPlane(options: {
  folder: string;
  clusterPort?: number;
  adminPort?: number;
  args?: readonly string[];
  readyMs?: number;
}): Promise<ControlPlaneProcess> {
  const running = runSluice([
    'start',
    '--role=control_plane',
    `--database=${options.folder}/control-plane.db`,
    `--admin-listen=127.0.0.1:${options.adminPort ?? 0}`,
    `--cluster-listen=127.0.0.1:${options.clusterPort ?? 0}`,
    '--status-listen=127.0.0.1:0',
    '--log-format=json',
    ...(options.args ?? []),
  ]);
  await running.line((line) => line.event === 'ready', options.readyMs);
  return { ...running, admin: `http://${running.address('admin')}`, cluster: running.address('cluster') };
}

export interface DataPlaneProcess extends SluiceProcess {
  readonly proxy: string;
  readonly status: string;
}

/** A data plane on free loopback ports, up (not necessarily ready: it may have no configuration yet). */
export async function runDataPlane(options: {
  folder: string;
  controlPlane: string;
  args?: readonly string[];
  env?: NodeJS.ProcessEnv;
}): Promise<DataPlaneProcess> {
  const running = runSluice(
    [
      'start',
      '--role=data_plane',
      `--control-plane=${options.controlPlane}`,
      `--data-dir=${options.folder}`,
      '--proxy-listen=127.0.0.1:0',
      '--status-listen=127.0.0.1:0',
      '--log-format=json',
      ...withoutTls(options.args),
      ...(options.args ?? []),
    ],
    options.env === undefined ? {} : { env: options.env },
  );
  await running.line((line) => line.event === 'listening' && line['what'] === 'proxy');
  await running.line((line) => line.event === 'listening' && line['what'] === 'status');
  return { ...running, proxy: `http://${running.address('proxy')}`, status: `http://${running.address('status')}` };
}

/** The default is a fixed port, which several nodes of a test cannot share. */
function withoutTls(args: readonly string[] = []): readonly string[] {
  return args.some((arg) => arg.startsWith('--proxy-listen-tls')) ? [] : ['--proxy-listen-tls=off'];
}

export interface DblessProcess extends DataPlaneProcess {
  readonly admin: string;
}

/** A node of role dbless on free loopback ports, ready. */
export async function runDbless(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  options: RunOptions = {},
): Promise<DblessProcess> {
  const running = runSluice(
    [
      'start',
      '--role=dbless',
      '--admin-listen=127.0.0.1:0',
      '--proxy-listen=127.0.0.1:0',
      '--status-listen=127.0.0.1:0',
      '--log-format=json',
      ...withoutTls(args),
      ...args,
    ],
    { ...options, env },
  );
  await running.line((line) => line.event === 'ready');
  const url = (what: string) => `http://${running.address(what)}`;
  return { ...running, admin: url('admin'), proxy: url('proxy'), status: url('status') };
}
