import { rename } from 'node:fs/promises';
import { classArchivePath } from '../../control-plane/cli/services/class-archive.ts';
import { downloadKafka, exists } from '../../control-plane/cli/services/download.ts';
import { isRunning } from '../../control-plane/cli/services/jvm-process.ts';
import { startKafkaCluster } from '../../control-plane/cli/services/kafka-cluster.ts';
import { tempFolder } from './temp-folder.ts';
import { waitFor } from './wait-for.ts';

const writeTimeoutMs = 60_000;

/**
 * Writes down the classes that a broker loads, once: the suite starts dozens of brokers, and each takes half the time
 * then. Costs two of those starts.
 */
export async function makeClassArchive(): Promise<void> {
  const path = classArchivePath(await downloadKafka());
  if (await exists(path)) return;
  const folder = await tempFolder();
  try {
    const unfinished = `${path}.${process.pid}`;
    const cluster = await startKafkaCluster({
      directory: folder.path,
      security: 'SASL_SSL',
      users: [{ name: 'anyone', password: 'only-for-tests' }],
      authorizer: { superUsers: [] },
      jvmArguments: [`-XX:ArchiveClassesAtExit=${unfinished}`],
    });
    // The broker writes the archive when it ends, which takes longer on a busy machine than a stop may take.
    const processes = cluster.processes();
    for (const { pid } of processes) process.kill(pid, 'SIGTERM');
    const haveEnded = async () => !(await Promise.all(processes.map(isRunning))).includes(true);
    await waitFor(haveEnded, { what: 'the archive of classes', timeoutMs: writeTimeoutMs });
    await rename(unfinished, path);
  } finally {
    await folder.remove();
  }
}
