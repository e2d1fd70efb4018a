import Mocha from 'mocha';

/** How long a process may take to end by itself; the reporter option `endTimeoutMs` shortens it. */
const endTimeoutMsDefault = 20_000;
const failuresHeading = 'The failures in full:';
const leakHeading = 'The tests are over';
const { EVENT_RUN_END, EVENT_SUITE_BEGIN, EVENT_SUITE_END, EVENT_TEST_FAIL, EVENT_TEST_PASS, EVENT_TEST_PENDING } =
  Mocha.Runner.constants;

/** How many tests passed, failed and were skipped. */
export interface Counts {
  readonly passes: number;
  readonly failures: number;
  readonly pending: number;
}

/**
 * One line a top-level suite, failures at once and again with their reasons at the end; the very last line is
 * `N passed, N failed`. A process that does not end by itself afterwards has leaked: it fails, naming what is open.
 */
class SummaryReporter extends Mocha.reporters.Base {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    const endTimeoutMs = Number(options?.reporterOptions?.endTimeoutMs ?? endTimeoutMsDefault);
    let depth = 0;
    let suite = { passed: 0, failed: 0, startedAt: 0 };
    runner.on(EVENT_SUITE_BEGIN, () => {
      depth += 1;
      if (depth === 2) suite = { passed: 0, failed: 0, startedAt: Date.now() };
    });
    runner.on(EVENT_SUITE_END, ({ title }: Mocha.Suite) => {
      depth -= 1;
      if (depth !== 1) return;
      const failed = suite.failed === 0 ? '' : `, ${suite.failed} FAILED`;
      print(`${title}: ${suite.passed} passed${failed} (${Date.now() - suite.startedAt} ms)`);
    });
    runner.on(EVENT_TEST_PASS, () => {
      suite.passed += 1;
    });
    runner.on(EVENT_TEST_FAIL, (test: Mocha.Test, error: unknown) => {
      suite.failed += 1;
      print(`  FAILED ${test.fullTitle()}: ${error instanceof Error ? error.message : String(error)}`);
    });
    runner.on(EVENT_TEST_PENDING, (test: Mocha.Test) => print(`  skipped ${test.fullTitle()}`));
    runner.once(EVENT_RUN_END, () => {
      if (this.failures.length > 0) {
        print(failuresHeading);
        Mocha.reporters.Base.list(this.failures);
      }
      print(summaryLine(this.stats));
      failWhenStillOpen(this.stats, endTimeoutMs);
    });
  }
}

export function summaryLine({ passes, failures, pending }: Counts): string {
  return `${passes} passed, ${failures} failed${pending === 0 ? '' : `, ${pending} skipped`}`;
}

/** Reads a line of `summaryLine`; returns undefined for any other line. */
export function parseSummary(line: string): Counts | undefined {
  const match = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/.exec(line);
  if (match === null) return undefined;
  const [, passes, failures, pending = 0] = match;
  return { passes: Number(passes), failures: Number(failures), pending: Number(pending) };
}

/** Returns whether the line opens what is printed after the last test. */
export function beginsClosing(line: string): boolean {
  return line === failuresHeading || line.startsWith(leakHeading) || parseSummary(line) !== undefined;
}

/** The timer itself keeps nothing alive: it only fires when something else does. */
function failWhenStillOpen(stats: Mocha.Stats, endTimeoutMs: number): void {
  const timer = setTimeout(() => {
    print(`${leakHeading}, but ${endTimeoutMs} ms later the process still has something open:`);
    for (const handle of openHandles()) print(`  ${handle}`);
    print(summaryLine({ ...stats, failures: stats.failures + 1 }));
    // mocha sets its own exit code on exit; a listener that comes later has the last word.
    process.on('exit', () => {
      process.exitCode = 1;
    });
    process.exit(1);
  }, endTimeoutMs);
  timer.unref();
}

/** Lists the handles that keep the process alive, sockets and child processes with their addresses and commands. */
function openHandles(): string[] {
  const names = process.getActiveResourcesInfo().filter((name) => name !== 'TTYWrap');
  // Undocumented, but the only way to say which socket; without it the names alone must do.
  const inner = process as unknown as { _getActiveHandles?: () => object[] };
  const details = (inner._getActiveHandles?.() ?? []).map((handle) => {
    const of = handle as Record<string, unknown>;
    const facts = ['localPort', 'remoteAddress', 'remotePort', 'spawnfile', 'pid', 'fd', 'listening']
      .filter((name) => of[name] !== undefined)
      .map((name) => `${name}=${String(of[name])}`);
    return `${handle.constructor.name} ${facts.join(' ')}`.trimEnd();
  });
  return [...names, ...details];
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

// mocha takes a reporter's default export.
// oxlint-disable-next-line import/no-default-export
export default SummaryReporter;
