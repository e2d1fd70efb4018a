import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect } from 'chai';
import { findJavaFault } from '../../../../control-plane/cli/services/java.ts';
import { freePorts } from '../../../../control-plane/cli/services/free-ports.ts';
import { startKafkaCluster, type KafkaCluster } from '../../../../control-plane/cli/services/kafka-cluster.ts';
import { createTopic as createTopicOnce, fetchMetadata } from '../../../../control-plane/cli/services/kafka-wire.ts';
import { startRegistry, type Registry } from '../../../../control-plane/cli/services/registry.ts';
import { firstAddress } from '../../../../control-plane/cli/services/services.ts';
import { Kafka, logLevel, type SASLOptions } from 'kafkajs';
import { countRecords, createTopic, readTopic, readWithConsoleConsumer } from '../../../helpers/kafka.ts';
import { registerAvro } from '../../../helpers/registry.ts';
import { tempFolder, type TempFolder } from '../../../helpers/temp-folder.ts';

describe('the launcher', function () {
  this.timeout(240_000);
  let folder: TempFolder;

  before(async function () {
    if ((await findJavaFault()) !== undefined) this.skip();
    folder = await tempFolder();
  });
  after(() => folder?.remove());

  describe('Kafka', () => {
    let cluster: KafkaCluster | undefined;
    afterEach(() => cluster?.stop());

    it('keeps ports and data over SIGKILL, a restart and a new launcher', async () => {
      const directory = `${folder.path}/kafka`;
      cluster = await startKafkaCluster({ directory, heap: '256m' });
      const { bootstrapServers } = cluster;
      const brokers = bootstrapServers;
      const topic = await createTopic('launcher', { partitions: 3, brokers });
      const address = firstAddress(brokers);
      expect(await createTopicOnce({ address, topic, partitions: 3, timeoutMs: 5000 })).to.equal(false);
      const producer = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).producer();
      await producer.connect();
      await producer.send({ topic, acks: -1, messages: [{ key: 'k', value: 'v', headers: { h: '1' } }] });
      await producer.disconnect();

      const [broker] = cluster.brokers;
      const { pid } = broker ?? {};
      await broker?.kill('SIGKILL');
      const refused = await fetchMetadata(address, 2000).catch((error: unknown) => error);
      expect(refused).to.be.instanceOf(Error);
      await broker?.start();
      expect(broker?.pid).not.to.equal(pid);
      const [record] = await readTopic(topic, brokers);
      expect(String(record?.key)).to.equal('k');
      expect(String(record?.headers['h'])).to.equal('1');

      await cluster.stop();
      cluster = await startKafkaCluster({ directory, heap: '256m' });
      expect(cluster.bootstrapServers).to.equal(bootstrapServers);
      expect(await countRecords(topic, brokers)).to.equal(1);
      expect(await readWithConsoleConsumer(topic, 1, { brokers })).to.deep.equal(['k\tv']);
    });

    it('takes other ports when one is taken before it is bound', async () => {
      const taken = await listenAnywhere();
      let calls = 0;
      const choosePorts = async (count: number) => {
        const ports = await freePorts(count);
        calls += 1;
        return calls === 1 ? [taken.port, ...ports.slice(1)] : ports;
      };
      try {
        cluster = await startKafkaCluster({ directory: `${folder.path}/taken`, heap: '256m', choosePorts });
        expect(calls).to.equal(2);
        expect(firstAddress(cluster.bootstrapServers).port).to.not.equal(taken.port);
        expect(
          await countRecords(
            await createTopic('taken', { brokers: cluster.bootstrapServers }),
            cluster.bootstrapServers,
          ),
        ).to.equal(0);
      } finally {
        await taken.close();
      }
    });

    it('speaks SASL over TLS, with ACLs', async () => {
      cluster = await startKafkaCluster({
        directory: `${folder.path}/secure`,
        heap: '256m',
        security: 'SASL_SSL',
        mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'],
        users: [
          { name: 'root', password: 'root-password' },
          { name: 'alice', password: 'alice-password' },
        ],
        authorizer: { superUsers: ['root'] },
      });
      const { bootstrapServers, certificatePem = '' } = cluster;
      const attempt = async (sasl: SASLOptions): Promise<string> => {
        const ssl = { ca: [certificatePem] };
        const retry = { retries: 0 };
        const kafka = new Kafka({ brokers: [bootstrapServers], sasl, ssl, retry, logLevel: logLevel.NOTHING });
        const admin = kafka.admin();
        try {
          await admin.connect();
          await admin.createTopics({ topics: [{ topic: `made-with-${sasl.mechanism}` }] });
          return 'created';
        } catch (error) {
          return (error as Error).name;
        } finally {
          await admin.disconnect();
        }
      };
      const root = { username: 'root', password: 'root-password' };
      const alice = { username: 'alice', password: 'alice-password' };
      expect(await attempt({ mechanism: 'plain', ...root })).to.equal('created');
      expect(await attempt({ mechanism: 'scram-sha-256', ...root })).to.equal('created');
      expect(await attempt({ mechanism: 'scram-sha-512', ...root })).to.equal('created');
      expect(await attempt({ mechanism: 'plain', ...alice })).to.equal('KafkaJSAggregateError');
      expect(await attempt({ mechanism: 'scram-sha-256', ...alice, password: 'wrong' })).to.include('SASL');
    });

    it('refuses an authorizer without a login', async () => {
      const options = { directory: `${folder.path}/x`, authorizer: { superUsers: [] } };
      const refused = await startKafkaCluster(options).catch((error: unknown) => error);
      expect(String(refused)).to.include('needs SASL');
    });
  });

  describe('the registry', () => {
    let registry: Registry | undefined;
    afterEach(() => registry?.stop());

    it('keeps its schemas over SIGKILL', async () => {
      registry = await startRegistry({ directory: `${folder.path}/registry` });
      const { url } = registry;
      expect(url).to.match(/\/apis\/ccompat\/v7$/);
      const id = await registerAvro('launcher-value', 'string', url);
      await registry.kill('SIGKILL');
      await registry.start();
      const answer = await fetch(`${url}/subjects/launcher-value/versions/latest`);
      expect(await answer.json()).to.include({ id, subject: 'launcher-value' });
    });
  });
});

/** A port of the loopback address that somebody else has. */
async function listenAnywhere(): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not bound to a port');
  return {
    port: address.port,
    async close() {
      server.close();
      await once(server, 'close');
    },
  };
}
