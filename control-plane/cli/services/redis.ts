import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { downloadRedis } from './download.ts';
import { freePorts } from './free-ports.ts';

const run = promisify(execFile);
const startTimeoutMs = 10_000;
const probeTimeoutMs = 5_000;
const pollMs = 25;
const outputCharsMax = 4_000;

export interface RedisOptions {
  /** The folder that holds the binary or takes its download; `sluice-data/services` by default. */
  readonly downloads?: string;
  /** A free one by default. */
  readonly port?: number;
  /** Further arguments of redis-server. */
  readonly args?: readonly string[];
}

export interface Redis {
  readonly port: number;
  /** Sends the signal; after SIGKILL and SIGTERM it resolves when the process has ended. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again on its port, without data; resolves when it answers. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a real Redis on loopback, without persistence, and waits until it answers: `redis-server` of the PATH, else the
 * binary of a Maven artefact. It ends with this process at the latest.
 */
export async function startRedis(options: RedisOptions = {}): Promise<Redis> {
  const command = await redisCommand(options.downloads);
  const [free = 0] = options.port === undefined ? await freePorts(1) : [];
  const port = options.port ?? free;
  const fixed = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  let child: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  const redis: Redis = {
    port,
    async kill(signal) {
      if (signal === 'SIGKILL' || signal === 'SIGTERM') await end(signal);
      else child?.kill(signal);
    },
    async start() {
      child = spawn(command, [...fixed, ...(options.args ?? [])], { stdio: ['ignore', 'pipe', 'pipe'] });
      await waitUntilReady(child, port);
    },
    // A process that SIGSTOP holds ends with SIGKILL alone, and there is no data to keep.
    stop: () => end('SIGKILL'),
  };
  const endWithThisProcess = (): void => void child?.kill('SIGKILL');
  process.on('exit', endWithThisProcess);
  try {
    await redis.start();
  } catch (error) {
    await redis.stop();
    throw error;
  }
  return {
    ...redis,
    async stop() {
      process.off('exit', endWithThisProcess);
      await redis.stop();
    },
  };
}

/** Returns the server's command. @throws where none is on the PATH, and Maven has none for this system. */
async function redisCommand(downloads: string | undefined): Promise<string> {
  try {
    await run('redis-server', ['--version'], { timeout: probeTimeoutMs });
    return 'redis-server';
  } catch {
    // It is not installed.
  }
  const folder = await downloadRedis(downloads === undefined ? {} : { directory: downloads });
  const suffix = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
  const name = (await readdir(folder)).find((file) => file.startsWith('redis-server') && file.endsWith(suffix));
  if (name === undefined) throw new Error(`There is no redis-server on the PATH, and none to fetch for ${suffix}.`);
  const path = join(folder, name);
  await chmod(path, 0o755);
  return path;
}

async function waitUntilReady(child: ChildProcess, port: number): Promise<void> {
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-outputCharsMax);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  child.on('error', (error) => keep(Buffer.from(error.message)));
  const deadline = Date.now() + startTimeoutMs;
  while (!(await answers(port))) {
    if (child.exitCode !== null || child.pid === undefined) throw new Error(`Redis ended while starting.\n${output}`);
    if (Date.now() > deadline) throw new Error(`Redis did not answer within ${startTimeoutMs} ms.\n${output}`);
    await delay(pollMs);
  }
}

/** Any answer to PING will do: one that asks for a password comes from a server that is ready, too. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const finish = (isReady: boolean): void => {
      socket.destroy();
      resolve(isReady);
    };
    socket.setTimeout(probeTimeoutMs, () => finish(false));
    socket.once('data', (chunk) => finish(!chunk.toString().startsWith('-LOADING')));
    socket.once('error', () => finish(false));
  });
}
