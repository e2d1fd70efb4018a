import { execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { javaCommand } from './java.ts';

const run = promisify(execFile);
const pollMs = 50;
const killTimeoutMs = 10_000;
const logTailLines = 20;
const lastWordsLines = 400;
const markerFlag = '-Dsluice.service=';

/**
 * process: ended at the latest when this process exits, for tests. detached: lives on after it, until it is stopped by
 * its process id.
 */
export type Lifetime = 'process' | 'detached';

export interface JvmOptions {
  /** Unlike any other process's, and part of the command line, by which the process is known again after restarts. */
  readonly marker: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly lifetime: Lifetime;
}

/** A process known by its id and the marker on its command line, so that an id given to another process harms nobody. */
export interface ProcessRef {
  readonly pid: number;
  readonly marker: string;
}

/** A JVM of a test lives for seconds: compiling its code once, and simply, costs half the CPU time of a start. */
const shortLived = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];

const ownedByThisProcess = new Set<number>();
process.on('exit', () => {
  for (const pid of ownedByThisProcess) signalQuietly(pid, 'SIGKILL');
});

/** Starts a JVM in a session of its own (a terminal's Ctrl-C does not reach it), its output appended to the log file. */
export function startJvm({ marker, args, logFile, env, lifetime }: JvmOptions): ProcessRef {
  const log = openSync(logFile, 'a');
  try {
    const own = lifetime === 'process' ? shortLived : [];
    const child = spawn(javaCommand(), [`${markerFlag}${marker}`, ...own, ...args], {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...env },
    });
    // A failed spawn shows as a process that is not running; the event itself must not end this process.
    child.on('error', () => undefined);
    child.unref();
    const pid = child.pid;
    if (pid === undefined) throw new Error(`The command ${javaCommand()} could not be started.`);
    if (lifetime === 'process') {
      ownedByThisProcess.add(pid);
      child.once('exit', () => ownedByThisProcess.delete(pid));
    }
    return { pid, marker };
  } finally {
    closeSync(log);
  }
}

/** Returns whether the process lives (a zombie does not) and is still the one that the reference names. */
export async function isRunning({ pid, marker }: ProcessRef): Promise<boolean> {
  // The space or NUL behind the marker keeps `broker-1` from being found in `broker-11`.
  return (await commandLine(pid)).replaceAll('\0', ' ').includes(`${markerFlag}${marker} `);
}

async function commandLine(pid: number): Promise<string> {
  if (process.platform === 'linux') {
    try {
      return await readFile(`/proc/${pid}/cmdline`, 'utf8');
    } catch {
      return '';
    }
  }
  try {
    return (await run('ps', ['-ww', '-o', 'args=', '-p', String(pid)])).stdout;
  } catch {
    return '';
  }
}

/** Sends the signal; for the ones that end a process it also waits for the end, at most 10 s. */
export async function signalProcess(ref: ProcessRef, signal: NodeJS.Signals): Promise<void> {
  if (!(await isRunning(ref))) return;
  signalQuietly(ref.pid, signal);
  if (signal !== 'SIGKILL' && signal !== 'SIGTERM' && signal !== 'SIGINT') return;
  if (!(await waitForEnd(ref, killTimeoutMs))) {
    throw new Error(`Process ${ref.pid} has not ended ${killTimeoutMs} ms after ${signal}.`);
  }
}

/** Ends the process in good order, and by force when it takes longer than the grace time. */
export async function stopProcess(ref: ProcessRef, graceMs: number): Promise<void> {
  if (!(await isRunning(ref))) return;
  // A process that is stopped by SIGSTOP would never see the request to end.
  signalQuietly(ref.pid, 'SIGCONT');
  signalQuietly(ref.pid, 'SIGTERM');
  if (await waitForEnd(ref, graceMs)) return;
  await signalProcess(ref, 'SIGKILL');
}

async function waitForEnd(ref: ProcessRef, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (await isRunning(ref)) {
    if (Date.now() > deadline) return false;
    await delay(pollMs);
  }
  return true;
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It ended between the look and the signal.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

export interface ReadyOptions {
  readonly what: string;
  readonly process: ProcessRef;
  readonly logFile: string;
  readonly timeoutMs: number;
  /** Resolves when the service answers rightly, rejects when it does not yet. */
  readonly check: () => Promise<void>;
}

/** The service ended because another process has one of its ports. */
export class PortTakenError extends Error {
  constructor(what: string, logFile: string) {
    super(`${what} ended while starting: one of its ports is taken. See ${logFile}.`);
    this.name = 'PortTakenError';
  }
}

/** Waits until the service answers; fails with the end of its log when it dies or the time is over. */
export async function waitUntilReady({ what, process: ref, logFile, timeoutMs, check }: ReadyOptions): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const fault = await faultOf(check);
    if (fault === undefined) return;
    if (!(await isRunning(ref))) {
      if (await isPortTaken(logFile)) throw new PortTakenError(what, logFile);
      throw new Error(`${what} ended while starting.\n${await logTail(logFile)}`);
    }
    if (Date.now() > deadline) {
      throw new Error(`${what} did not answer within ${timeoutMs} ms (${fault}).\n${await logTail(logFile)}`);
    }
    await delay(pollMs * 2);
  }
}

async function faultOf(check: () => Promise<void>): Promise<string | undefined> {
  try {
    await check();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function logTail(logFile: string): Promise<string> {
  return `The end of ${logFile}:\n${await lastLines(logFile, logTailLines)}`;
}

/** Returns whether the end of a service's log, stack traces included, tells of a port that it could not bind. */
async function isPortTaken(logFile: string): Promise<boolean> {
  return /BindException|Address already in use|seems to be in use/.test(await lastLines(logFile, lastWordsLines));
}

/** Bytes of the log so far; 0: there is none yet. */
export async function logSize(logFile: string): Promise<number> {
  try {
    return (await stat(logFile)).size;
  } catch {
    return 0;
  }
}

/** @throws Error unless the log has said so beyond the first `sinceBytes`. */
export async function checkLogSays(logFile: string, text: string, sinceBytes: number): Promise<void> {
  const log = await readFile(logFile);
  if (!log.includes(text, sinceBytes)) throw new Error(`its log does not say "${text}" yet`);
}

async function lastLines(logFile: string, count: number): Promise<string> {
  const text = await readFile(logFile, 'utf8');
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
