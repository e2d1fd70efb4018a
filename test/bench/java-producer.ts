import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { downloadKafka } from '../../control-plane/cli/services/download.ts';
import { javaCommand } from '../../control-plane/cli/services/java.ts';

const timeoutMs = 120_000;

/** Runs the producer-performance tool of Kafka's own distribution, and returns its records a second. */
export async function javaRecordsPerSecond(options: {
  readonly kafka: string;
  readonly topic: string;
  readonly records: number;
  readonly recordBytes: number;
  readonly batchBytes: number;
}): Promise<number> {
  const { kafka, topic, records, recordBytes, batchBytes } = options;
  const jars = await downloadKafka();
  const { stdout } = await promisify(execFile)(
    javaCommand(),
    [
      '-Xmx256m',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
      '-cp',
      join(jars, '*'),
      'org.apache.kafka.tools.ProducerPerformance',
      `--topic=${topic}`,
      `--num-records=${records}`,
      `--record-size=${recordBytes}`,
      '--throughput=-1',
      '--producer-props',
      `bootstrap.servers=${kafka}`,
      'acks=all',
      'linger.ms=0',
      `batch.size=${batchBytes}`,
      'enable.idempotence=false',
    ],
    { timeout: timeoutMs },
  );
  const last = stdout.trim().split('\n').at(-1) ?? '';
  const perSecond = Number(/sent, ([\d.]+) records\/sec/.exec(last)?.[1]);
  if (!(perSecond > 0)) throw new Error(`the producer-performance tool printed: ${last}`);
  return perSecond;
}
