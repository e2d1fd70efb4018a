import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeClassArchive } from './helpers/class-archive.ts';
import { withServices, type Services } from './helpers/services.ts';
import { Lanes, type Group } from './lanes.ts';
import { summaryLine } from './reporter.ts';

const runTimeoutMs = 50 * 60_000;
/** Far above what a test takes: a busy machine must not fail one. */
const testTimeoutMs = 60_000;
/** The suite is to take less than 10 minutes on two cores. */
const lanes = 2;
const root = 'dist/test';

/**
 * Which files run in one process. A file belongs to the first group with a pattern that fits, and those that fit none to
 * the last, so that a new file needs no line here. A group that takes long stands above others that take less, so that
 * the lanes end together.
 */
const groups: readonly { readonly name: string; readonly pattern: RegExp }[] = [
  // Each collects the whole heap many times: that of all suites would cost minutes.
  { name: 'costs', pattern: /linear-cost\.test\.js$/ },
  // The files that share three brokers (helpers/shared-brokers.ts) are in one process.
  { name: 'system', pattern: /^system\/|^data-plane\/kafka\/leader-moves/ },
  { name: 'kafka', pattern: /^data-plane\/kafka\// },
  { name: 'faults', pattern: /^faults\// },
  { name: 'control plane', pattern: /^control-plane\// },
  { name: 'data plane', pattern: /^data-plane\// },
  { name: 'others', pattern: /^/ },
];

/** The long form: the faults, and the tests that run with both Kafka clients only there. */
const longSuites = [
  'dist/test/faults/**/*.test.js',
  'dist/test/data-plane/kafka/broker-faults.test.js',
  'dist/test/data-plane/kafka/leader-moves.test.js',
  'dist/test/system/kafka-away.test.js',
  'dist/test/system/outcome-table.test.js',
  'dist/test/system/package.test.js',
];

/**
 * `node dist/test/run.js [faults]`: brings Kafka and the registry up, runs the suites in processes of their own, which
 * must end by themselves, and stops what it started. Exit code 0 only when all passed.
 */
async function main(): Promise<number> {
  const isLong = process.argv[2] === 'faults';
  return withServices(async (services) => {
    await makeClassArchive();
    return runMocha(services, isLong);
  });
}

async function runMocha({ kafka, registry }: Services, isLong: boolean): Promise<number> {
  const run = new Lanes({
    groups: isLong ? [{ name: 'faults', files: longSuites }] : groupsOf(testFiles()),
    lanes,
    mocha: [
      '--enable-source-maps',
      'node_modules/mocha/bin/mocha.js',
      '--require=dist/test/setup.js',
      '--reporter=dist/test/reporter.js',
      `--timeout=${testTimeoutMs}`,
    ],
    env: {
      ...process.env,
      SLUICE_TEST_KAFKA: kafka,
      SLUICE_TEST_REGISTRY: registry,
      ...(isLong ? { SLUICE_TEST_FAULTS: 'long' } : {}),
    },
    timeoutMs: runTimeoutMs,
    print: (line) => console.log(line),
  });
  // npm and terminals signal the whole group; this process waits for the suites to end and then stops the services.
  const passOn = (signal: NodeJS.Signals) => run.end(signal, `it received ${signal}`);
  process.on('SIGINT', passOn);
  process.on('SIGTERM', passOn);
  try {
    const counts = await run.run();
    console.log(summaryLine(counts));
    return counts.failures === 0 ? 0 : 1;
  } finally {
    process.off('SIGINT', passOn);
    process.off('SIGTERM', passOn);
  }
}

/** Returns the compiled test files, relative to the folder of the tests. */
function testFiles(): string[] {
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' });
  return paths.filter((path) => path.endsWith('.test.js')).toSorted();
}

function groupsOf(files: readonly string[]): Group[] {
  const groupOf = (file: string) => groups.find(({ pattern }) => pattern.test(file));
  return groups.map((group) => ({
    name: group.name,
    files: files.filter((file) => groupOf(file) === group).map((file) => join(root, file)),
  }));
}

try {
  process.exitCode = await main();
} catch (error) {
  console.log(error instanceof Error ? error.message : error);
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
}
