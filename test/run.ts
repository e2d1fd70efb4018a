import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { makeClassArchive } from './helpers/class-archive.ts';
import { withServices, type Services } from './helpers/services.ts';

const runTimeoutMs = 50 * 60_000;
const killGraceMs = 10_000;
/** Far above what a test takes: a busy machine must not fail one. */
const testTimeoutMs = 60_000;

/** The long form: the faults, and the tests that run with both Kafka clients only there. */
const longSuites = [
  'dist/test/faults/**/*.test.js',
  'dist/test/data-plane/kafka/broker-faults.test.js',
  'dist/test/data-plane/kafka/leader-moves.test.js',
  'dist/test/system/kafka-away.test.js',
  'dist/test/system/outcome-table.test.js',
];

/**
 * `node dist/test/run.js [faults]`: brings Kafka and the registry up, runs the suites in a process of their own, which
 * must end by itself, and stops what it started. Exit code 0 only when all passed.
 */
async function main(): Promise<number> {
  const faults = process.argv[2] === 'faults';
  return withServices(async (services) => {
    await makeClassArchive();
    return runMocha(services, faults);
  });
}

async function runMocha({ kafka, registry }: Services, faults: boolean): Promise<number> {
  const suites = faults ? longSuites : ['dist/test/**/*.test.js'];
  const child = spawn(
    process.execPath,
    [
      '--enable-source-maps',
      'node_modules/mocha/bin/mocha.js',
      '--require=dist/test/setup.js',
      '--reporter=dist/test/reporter.js',
      `--timeout=${testTimeoutMs}`,
      ...suites,
    ],
    {
      stdio: 'inherit',
      env: {
        ...process.env,
        SLUICE_TEST_KAFKA: kafka,
        SLUICE_TEST_REGISTRY: registry,
        ...(faults ? { SLUICE_TEST_FAULTS: 'long' } : {}),
      },
    },
  );
  // npm and terminals signal the whole group; this process waits for the suites to end and then stops the services.
  const passOn = (signal: NodeJS.Signals) => {
    child.kill(signal);
  };
  process.on('SIGINT', passOn);
  process.on('SIGTERM', passOn);
  let isOverdue = false;
  const timer = setTimeout(() => {
    isOverdue = true;
    child.kill('SIGTERM');
    killTimer = setTimeout(() => child.kill('SIGKILL'), killGraceMs);
  }, runTimeoutMs);
  let killTimer: NodeJS.Timeout | undefined;
  try {
    const [code] = await once(child, 'exit');
    if (isOverdue) {
      console.log(`The run was ended: it took longer than ${runTimeoutMs / 60_000} minutes.`);
      console.log('0 passed, 1 failed');
    }
    return code === 0 && !isOverdue ? 0 : 1;
  } finally {
    clearTimeout(timer);
    clearTimeout(killTimer);
    process.off('SIGINT', passOn);
    process.off('SIGTERM', passOn);
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.log(error instanceof Error ? error.message : error);
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
}
