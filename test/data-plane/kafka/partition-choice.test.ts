import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { downloadKafka } from '../../../control-plane/cli/services/download.ts';
import { javaCommand } from '../../../control-plane/cli/services/java.ts';
import { crc32Partition, murmur2, murmur2Partition } from '../../../data-plane/kafka/partition-choice.ts';
import { createTopic, readTopic, testKafka } from '../../helpers/kafka.ts';

describe('partition choice', () => {
  // The vectors of Kafka's own UtilsTest.testMurmur2.
  const vectors: [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ];
  for (const [text, expected] of vectors) {
    it(`murmur2 of "${text}"`, () => expect(murmur2(Buffer.from(text))).to.equal(expected));
  }

  it('crc32 is unsigned', () => {
    // CRC-32 of "123456789" is cbf43926 (its check value).
    expect(crc32Partition(Buffer.from('123456789'), 1000)).to.equal(0xcbf43926 % 1000);
  });

  it("chooses as Kafka's own Java producer does, for 1,000 keys", async function () {
    this.timeout(60_000);
    const partitions = 7;
    const topic = await createTopic('murmur2', { partitions });
    const keys = Array.from({ length: 1000 }, (_, index) => `${'kü'.repeat(index % 9)}${index * 7919}`);
    await produceWithJava(topic, keys);
    const records = await readTopic(topic);
    expect(records).to.have.length(keys.length);
    for (const { key, partition } of records) {
      expect(murmur2Partition(key ?? Buffer.alloc(0), partitions), String(key)).to.equal(partition);
    }
  });
});

/** Writes a record a key with Kafka's console producer. */
async function produceWithJava(topic: string, keys: readonly string[]): Promise<void> {
  const jars = await downloadKafka();
  await new Promise<void>((resolve, reject) => {
    const child = execFile(
      javaCommand(),
      [
        '-Xmx128m',
        '-Dfile.encoding=UTF-8',
        '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
        '-cp',
        join(jars, '*'),
        'org.apache.kafka.tools.ConsoleProducer',
        '--bootstrap-server',
        testKafka(),
        '--topic',
        topic,
        '--reader-property',
        'parse.key=true',
        '--reader-property',
        'key.separator=|',
      ],
      { timeout: 50_000 },
      (error) => (error === null ? resolve() : reject(error)),
    );
    child.stdin?.end(keys.map((key) => `${key}|v\n`).join(''));
  });
}
