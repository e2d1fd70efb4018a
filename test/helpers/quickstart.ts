import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Closing } from './closing.ts';
import { testKafka } from './kafka.ts';
import { testRegistry } from './registry.ts';
import { waitFor } from './wait-for.ts';

const bin = fileURLToPath(new URL('../../control-plane/cli/sluice.js', import.meta.url));

export interface Quickstart {
  readonly output: () => string;
  /** Sends SIGINT to the whole group and again to the process, as a terminal and npm do; resolves to the exit code. */
  pressCtrlC(): Promise<number | null>;
}

/** Starts `sluice quickstart` with two data planes and resolves when it has printed its addresses. */
export async function runQuickstart(closing: Closing, folder: string): Promise<Quickstart> {
  const args = ['quickstart', '--data-planes=2', `--data=${folder}`];
  const child = spawn(process.execPath, [bin, ...args, `--kafka=${testKafka()}`, `--registry=${testRegistry()}`], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const closed = once(child, 'close');
  closing.add(() => {
    if (child.exitCode === null) child.kill('SIGKILL');
    return closed;
  });
  await waitFor(() => output.includes('addresses.sh'), {
    timeoutMs: 60_000,
    what: 'the printed block',
  });
  return {
    output: () => output,
    async pressCtrlC() {
      process.kill(-(child.pid ?? 0), 'SIGINT');
      child.kill('SIGINT');
      await closed;
      return child.exitCode;
    },
  };
}
