import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { downloadKafka } from '../../../../control-plane/cli/services/download.ts';
import { javaCommand } from '../../../../control-plane/cli/services/java.ts';
import { createTopic, readWithConsoleConsumer } from '../../../helpers/kafka.ts';
import { clientNames, openProducer, passwordLogin, type SecuredKafka } from './secured-kafka.ts';

const run = promisify(execFile);
const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
const recordsPerBatch = 150;

/** Every codec, by both clients, read back by Kafka's own tools. */
export function compressionSuite(secured: () => SecuredKafka): void {
  describe('compression', () => {
    it(`${codecs.join(', ')}: whole batches, byte-identical for Kafka's own consumer`, async () => {
      const { cluster, folder } = secured();
      const topic = await createTopic('compressed', { brokers: cluster.internalServers });
      const expected: string[] = [];
      for (const kafkaClient of clientNames) {
        for (const compression of codecs) {
          const values = Array.from({ length: recordsPerBatch }, (_, index) => recordValue(compression, index));
          const producer = openProducer({
            kafkaClient,
            servers: cluster.servers('SASL_PLAINTEXT'),
            cluster: { compression, sasl: passwordLogin('PLAIN') },
          });
          try {
            const sent = await Promise.all(values.map((value) => producer.send(topic, value)));
            expect(new Set(sent.map(({ verdict }) => verdict.outcome))).to.deep.equal(new Set(['acked']));
          } finally {
            await producer.close();
          }
          expected.push(...values);
        }
      }
      const [lines, batches] = await Promise.all([
        readWithConsoleConsumer(topic, expected.length, { brokers: cluster.internalServers }),
        readBatches(join(folder, 'broker-1', `${topic}-0`, '00000000000000000000.log')),
      ]);
      expect(lines.length).to.equal(expected.length);
      // Not deep-equal: its difference of megabytes would take minutes to print.
      expect(lines.findIndex((line, index) => line !== `null\t${expected[index]}`)).to.equal(-1);
      const order = clientNames.flatMap(() => codecs);
      expect(batches.map(({ codec }) => codec)).to.deep.equal(order);
      const plainBytes = batches.find(({ codec }) => codec === 'none')?.bytes ?? 0;
      expect(plainBytes).to.be.greaterThan(300_000);
      for (const { codec, bytes } of batches) {
        if (codec !== 'none') expect(bytes, codec).to.be.lessThan(plainBytes / 2);
      }
    });
  });
}

/** A few kilobytes that compress about tenfold, of characters of one to four bytes. */
function recordValue(codec: string, index: number): string {
  return `${codec} ${index} ${`Wörld ≠ 🌍 ${index * 7919} `.repeat(120)}`;
}

/** What the broker keeps of each batch, by its own tool. */
async function readBatches(file: string): Promise<{ codec: string; bytes: number }[]> {
  const args = ['-Xmx128m', '-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error'];
  const { stdout } = await run(
    javaCommand(),
    [...args, '-cp', join(await downloadKafka(), '*'), 'org.apache.kafka.tools.DumpLogSegments', '--files', file],
    { timeout: 60_000, maxBuffer: 64 * 1024 * 1024 },
  );
  return [...stdout.matchAll(/^baseOffset: .* size: (\d+) .*compresscodec: (\w+)/gm)].map(([, bytes, codec = '']) => ({
    codec,
    bytes: Number(bytes),
  }));
}
