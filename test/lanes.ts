import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { withinTime } from '../shared/within-time.ts';
import { beginsClosing, type Counts, parseSummary, summaryLine } from './reporter.ts';

/** How long the output of an ended process may take to end: something that it started may still hold it open. */
const outputEndMs = 5_000;
const killGraceMs = 10_000;

/** Test files that one mocha process runs, one after another. */
export interface Group {
  readonly name: string;
  readonly files: readonly string[];
}

export interface LanesOptions {
  /** The order in which they begin. */
  readonly groups: readonly Group[];
  /** How many processes run side by side. */
  readonly lanes: number;
  /** Arguments of `node` before the files; the reporter must be that of reporter.ts. */
  readonly mocha: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly timeoutMs: number;
  readonly print: (line: string) => void;
}

interface Finished {
  readonly group: Group;
  readonly counts: Counts;
  /** What there is to say of the failures. */
  readonly closing: readonly string[];
}

/**
 * Runs groups of test files, each in a mocha process of its own, some side by side. Lines are printed as they come; what
 * the processes say of their failures is held back and printed together at the end. A process that prints no totals, or
 * whose exit code contradicts them, counts as a failure.
 */
export class Lanes {
  readonly #options: LanesOptions;
  readonly #waiting: Group[];
  readonly #running = new Set<ChildProcess>();
  readonly #finished: Finished[] = [];
  #ending: string | undefined;

  constructor(options: LanesOptions) {
    this.#options = options;
    this.#waiting = [...options.groups];
  }

  /** Resolves to the sum of all when every process has ended; the caller prints it. */
  async run(): Promise<Counts> {
    const { lanes, timeoutMs } = this.#options;
    let killTimer: NodeJS.Timeout | undefined;
    const timer = setTimeout(() => {
      this.end('SIGTERM', `it took longer than ${timeoutMs / 60_000} minutes`);
      killTimer = setTimeout(() => this.#signal('SIGKILL'), killGraceMs);
    }, timeoutMs);
    try {
      await Promise.all(Array.from({ length: lanes }, () => this.#lane()));
    } finally {
      clearTimeout(timer);
      clearTimeout(killTimer);
    }
    return this.#sum();
  }

  /** Begins no further group and sends the signal to those that run; the run counts one more failure. */
  end(signal: NodeJS.Signals, why: string): void {
    this.#ending ??= `The run was ended: ${why}.`;
    this.#signal(signal);
  }

  #signal(signal: NodeJS.Signals): void {
    for (const child of this.#running) child.kill(signal);
  }

  async #lane(): Promise<void> {
    for (;;) {
      const group = this.#ending === undefined ? this.#waiting.shift() : undefined;
      if (group === undefined) return;
      const startedMs = performance.now();
      const finished = await this.#runGroup(group);
      this.#finished.push(finished);
      const seconds = Math.round((performance.now() - startedMs) / 1000);
      this.#options.print(`[${group.name}] ${summaryLine(finished.counts)} (${seconds} s)`);
    }
  }

  async #runGroup(group: Group): Promise<Finished> {
    const { mocha, env, print } = this.#options;
    const child = spawn(process.execPath, [...mocha, ...group.files], { stdio: ['ignore', 'pipe', 'pipe'], env });
    const output = new Output(print);
    const ends = Promise.all([eachLine(child.stdout, (line) => output.take(line)), eachLine(child.stderr, print)]);
    this.#running.add(child);
    let how: string;
    try {
      await once(child, 'exit');
      await withinTime(ends, outputEndMs, () => undefined);
      const { exitCode, signalCode } = child;
      how = signalCode === null ? `ended with code ${exitCode}` : `was ended by ${signalCode}`;
      const { counts, closing } = output;
      if (counts !== undefined && (exitCode === 0 || counts.failures > 0)) return { group, counts, closing };
    } catch (error) {
      how = `could not be started: ${String(error)}`;
    } finally {
      this.#running.delete(child);
    }
    const { counts = { passes: 0, failures: 0, pending: 0 }, closing } = output;
    const fault = `The process ${how}${output.counts === undefined ? ' and printed no totals' : ''}.`;
    return { group, counts: { ...counts, failures: counts.failures + 1 }, closing: [...closing, fault] };
  }

  #sum(): Counts {
    const { print } = this.#options;
    for (const { group, counts, closing } of this.#finished) {
      if (counts.failures === 0) continue;
      print(`\n[${group.name}]`);
      for (const line of closing) print(line);
    }
    if (this.#ending !== undefined) print(this.#ending);
    const sum = { passes: 0, failures: this.#ending === undefined ? 0 : 1, pending: 0 };
    for (const { counts } of this.#finished) {
      sum.passes += counts.passes;
      sum.failures += counts.failures;
      sum.pending += counts.pending;
    }
    return sum;
  }
}

/** Prints the lines of a process up to the failures in full; keeps those and the totals. */
class Output {
  readonly #print: (line: string) => void;
  readonly closing: string[] = [];
  counts: Counts | undefined;
  #isClosing = false;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  take(line: string): void {
    this.#isClosing ||= beginsClosing(line);
    const counts = parseSummary(line);
    if (counts !== undefined) this.counts = counts;
    else if (this.#isClosing) this.closing.push(line);
    else this.#print(line);
  }
}

async function eachLine(stream: Readable, take: (line: string) => void): Promise<void> {
  const lines = createInterface({ input: stream });
  lines.on('line', take);
  await once(lines, 'close');
}
