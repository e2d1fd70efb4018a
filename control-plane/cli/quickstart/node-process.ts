import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../sluice.js', import.meta.url));
// Longer than a data plane's drain_timeout.
const stopTimeoutMs = 30_000;
const logTailLines = 15;

export interface NodeProcess {
  readonly name: string;
  readonly pid: number;
  /** Resolves when it has ended, for whatever reason, to how: `code 1`, `signal SIGKILL`. */
  readonly ended: Promise<string>;
  /** SIGTERM, and SIGKILL when that takes too long. */
  stop(): Promise<void>;
  /** At once. */
  kill(): void;
  logTail(): Promise<string>;
}

/**
 * Starts a `sluice` command as a process of its own, in its own session (a terminal's Ctrl-C does not reach it) and with
 * an IPC channel, by whose end it notices that this process is gone.
 */
export function startNodeProcess(options: {
  readonly name: string;
  readonly args: readonly string[];
  readonly logFile: string;
}): NodeProcess {
  const { name, args, logFile } = options;
  const log = openSync(logFile, 'w', 0o600);
  let child: ChildProcess;
  try {
    child = fork(bin, args, {
      detached: true,
      execArgv: ['--enable-source-maps'],
      stdio: ['ignore', log, log, 'ipc'],
      // Settings of the quickstart are its flags; what stands in the user's environment is for other nodes.
      env: Object.fromEntries(Object.entries(process.env).filter(([variable]) => !variable.startsWith('SLUICE_'))),
    });
  } finally {
    closeSync(log);
  }
  const ended = once(child, 'exit').then(([code, signal]) => (signal === null ? `code ${code}` : `signal ${signal}`));
  return {
    name,
    pid: child.pid ?? -1,
    ended,
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
      await ended;
      clearTimeout(timer);
    },
    kill() {
      child.kill('SIGKILL');
    },
    async logTail() {
      const text = await readFile(logFile, 'utf8');
      return `The end of ${logFile}:\n${text.trimEnd().split('\n').slice(-logTailLines).join('\n')}`;
    },
  };
}
