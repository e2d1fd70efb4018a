import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const javaVersionMin = 17;
const probeTimeoutMs = 30_000;

/** The java command of JAVA_HOME or of the search path. */
export function javaCommand(): string {
  return javaTool('java');
}

/** The keytool that belongs to `javaCommand()`. */
export function keytoolCommand(): string {
  return javaTool('keytool');
}

function javaTool(name: string): string {
  const home = process.env['JAVA_HOME'];
  return home === undefined || home === '' ? name : join(home, 'bin', name);
}

/** Why Java or Maven cannot be used here; undefined when both can. */
export async function findJavaFault(): Promise<string | undefined> {
  const version = await javaVersion();
  if (version === undefined) return 'Java is not installed';
  if (version < javaVersionMin) return `Java ${version} is installed, but ${javaVersionMin} or newer is needed`;
  try {
    await run('mvn', ['-version'], { timeout: probeTimeoutMs });
    return undefined;
  } catch {
    return 'Maven (mvn) is not installed';
  }
}

async function javaVersion(): Promise<number | undefined> {
  try {
    // The version goes to standard error: `openjdk version "17.0.15" 2025-04-15`, or `"1.8.0_402"` before Java 9.
    const { stderr } = await run(javaCommand(), ['-version'], { timeout: probeTimeoutMs });
    const match = /version "(?:1\.)?(\d+)/.exec(stderr);
    return match === null ? undefined : Number(match[1]);
  } catch {
    return undefined;
  }
}
