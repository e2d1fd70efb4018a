import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const probeTimeoutMs = 10_000;
const composeTimeoutMs = 10 * 60_000;
const services = ['kafka', 'registry'];

/** The addresses that docker-compose.yml publishes on loopback. */
export const composeAddresses = {
  kafka: '127.0.0.1:9092',
  registry: 'http://127.0.0.1:8081/apis/ccompat/v7',
};

/** Returns whether a Docker engine answers and there is a compose file to start. */
export async function canUseDocker(composeFile: string): Promise<boolean> {
  try {
    await access(composeFile);
    await run('docker', ['info'], { timeout: probeTimeoutMs });
    await run('docker', ['compose', 'version'], { timeout: probeTimeoutMs });
    return true;
  } catch {
    return false;
  }
}

/** Starts Kafka and the registry of the compose file; waits for the engine, not yet for their answers. */
export async function composeUp(composeFile: string): Promise<void> {
  await run('docker', ['compose', '--file', composeFile, 'up', '--detach', ...services], { timeout: composeTimeoutMs });
}

/** Stops both; their volumes stay. */
export async function composeStop(composeFile: string): Promise<void> {
  await run('docker', ['compose', '--file', composeFile, 'stop', ...services], { timeout: composeTimeoutMs });
}
