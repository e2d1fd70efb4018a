import { rename } from 'node:fs/promises';
import { classArchivePath } from '../../control-plane/cli/services/class-archive.ts';
import { downloadKafka, exists } from '../../control-plane/cli/services/download.ts';
import { startKafkaCluster } from '../../control-plane/cli/services/kafka-cluster.ts';
import { tempFolder } from './temp-folder.ts';

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
      jvmArguments: ['-XX:TieredStopAtLevel=1', `-XX:ArchiveClassesAtExit=${unfinished}`],
    });
    await cluster.stop();
    await rename(unfinished, path);
  } finally {
    await folder.remove();
  }
}
