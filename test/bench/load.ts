import { execFile, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';

export interface Load {
  readonly url: string;
  readonly body: string;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly seconds: number;
}

export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly requests: number;
  /** Answers that were not 2xx, and socket errors. */
  readonly failed: number;
}

const hasWrk = spawnSync('wrk', ['--version']).error === undefined;
export const generator = hasWrk ? 'wrk' : 'autocannon';

/** Closed-loop load: each connection sends its next request when it has its answer. */
export async function load(what: Load, folder: string): Promise<LoadResult> {
  return hasWrk ? loadByWrk(what, folder) : loadByAutocannon(what);
}

function headersOf({ contentType, headers = {} }: Load): Record<string, string> {
  return { 'content-type': contentType, ...headers };
}

async function loadByWrk(what: Load, folder: string): Promise<LoadResult> {
  const { url, body, connections, seconds } = what;
  const script = `${folder}/post.lua`;
  const headers = Object.entries(headersOf(what)).map(([name, value]) => `wrk.headers["${name}"] = "${value}"\n`);
  writeFileSync(script, `wrk.method = "POST"\n${headers.join('')}wrk.body = [==[${body}]==]\n`);
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '20s', '-s', script, url];
  const { stdout } = await promisify(execFile)('wrk', args);
  const number = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1] ?? 0);
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout);
  const socketErrors = sockets === null ? 0 : sockets.slice(1).reduce((sum, text) => sum + Number(text), 0);
  return {
    requestsPerSecond: number(/Requests\/sec:\s+([\d.]+)/),
    requests: number(/(\d+) requests in/),
    failed: number(/Non-2xx or 3xx responses: (\d+)/) + socketErrors,
  };
}

async function loadByAutocannon(what: Load): Promise<LoadResult> {
  const { url, body, connections, seconds } = what;
  const result = await autocannon({
    url,
    method: 'POST',
    headers: headersOf(what),
    body,
    connections,
    duration: seconds,
  });
  return {
    requestsPerSecond: result.requests.total / result.duration,
    requests: result.requests.total,
    failed: result.non2xx + result.errors,
  };
}

/** CPU time (user and system) that a process has used, in milliseconds; from /proc, so Linux only. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const ticksPerSecond = 100;
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
}

export interface BenchServer {
  readonly pid: number;
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts one of the servers beside this file in a process of its own. */
export async function startServer(file: string, args: readonly string[] = []): Promise<BenchServer> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args);
  const [message] = (await once(child, 'message')) as [{ port: number }];
  return {
    pid: child.pid ?? -1,
    url: `http://127.0.0.1:${message.port}/`,
    async stop() {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

/** `median (min–max)` with this many digits. */
export function spread(values: readonly number[], digits: number): string {
  return `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;
}

/** Columns padded to their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_cell, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
