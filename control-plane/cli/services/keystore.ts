import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { exists } from './download.ts';
import { keytoolCommand } from './java.ts';

const run = promisify(execFile);
const keytoolTimeoutMs = 60_000;
export const keystorePassword = 'loopback-only';

/** The key and certificate of a broker's TLS listeners. */
export interface Keystore {
  readonly path: string;
  readonly certificatePem: string;
}

/** Makes a self-signed certificate for loopback in the folder unless there is one. */
export async function ensureKeystore(directory: string): Promise<Keystore> {
  const path = join(directory, 'broker.p12');
  const common = ['-alias', 'broker', '-keystore', path, '-storetype', 'PKCS12', '-storepass', keystorePassword];
  if (!(await exists(path))) {
    const identity = [
      '-dname',
      'CN=localhost',
      '-ext',
      'SAN=DNS:localhost,IP:127.0.0.1',
      '-ext',
      'BC:critical=ca:true',
    ];
    const key = ['-keyalg', 'EC', '-groupname', 'secp256r1', '-validity', '3650'];
    await runKeytool(['-genkeypair', ...common, ...key, ...identity], path);
  }
  const { stdout } = await run(keytoolCommand(), ['-exportcert', '-rfc', ...common], { timeout: keytoolTimeoutMs });
  return { path, certificatePem: stdout };
}

async function runKeytool(args: readonly string[], made: string): Promise<void> {
  try {
    await run(keytoolCommand(), args, { timeout: keytoolTimeoutMs });
  } catch (error) {
    await rm(made, { force: true });
    throw error;
  }
}
