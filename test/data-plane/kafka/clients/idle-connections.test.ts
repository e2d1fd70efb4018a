import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect } from 'chai';
import { Registry } from 'prom-client';
import { startKafkaCluster } from '../../../../control-plane/cli/services/kafka-cluster.ts';
import { loadKafkaClient, Producers } from '../../../../data-plane/kafka/producers.ts';
import { createLogger } from '../../../../shared/log.ts';
import { Closing } from '../../../helpers/closing.ts';
import { tempFolder } from '../../../helpers/temp-folder.ts';
import { waitFor } from '../../../helpers/wait-for.ts';
import { testCluster, testLimits, testRecord } from '../fake-kafka-client.ts';

const topic = 'idle';
const idleMs = 1_500;

/** Brokers close connections that are idle for 10 minutes by default; this one does sooner. */
describe('connections that a broker closes while they are idle', function () {
  this.timeout(60_000);
  const closing = new Closing();
  let bootstrap: { host: string; port: number };
  /** Sockets that this process has opened. */
  let opened = 0;
  const onSocket = (): void => void (opened += 1);

  before(async () => {
    subscribe('net.client.socket', onSocket);
    closing.add(async () => void unsubscribe('net.client.socket', onSocket));
    const temp = await tempFolder();
    closing.add(() => temp.remove());
    const kafka = await startKafkaCluster({
      directory: temp.path,
      brokers: 1,
      properties: { 'connections.max.idle.ms': String(idleMs), 'auto.create.topics.enable': 'true' },
    });
    closing.add(() => kafka.stop());
    const [host = '', port = ''] = kafka.bootstrapServers.split(':');
    bootstrap = { host, port: Number(port) };
  });
  after(() => closing.close());

  for (const kafkaClient of ['kafkajs', 'platformatic'] as const) {
    it(`are opened again without a failure, a warning or a closed gate: ${kafkaClient}`, async () => {
      await loadKafkaClient(kafkaClient);
      const lines: string[] = [];
      const metrics = new Registry();
      const producers = new Producers({
        kafkaClient,
        producerMemoryMaxBytes: 1_000_000,
        logger: createLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) }),
        metrics,
      });
      try {
        const lease = producers.acquire({
          cluster: { ...testCluster, bootstrapServers: [bootstrap] },
          limits: testLimits,
          label: () => 'idle',
          topics: [],
          health: { failureThreshold: 1, probeIntervalMs: 60_000, recoveryThreshold: 1 },
        });
        await waitFor(() => producers.clusters()[0]?.state === 'connected', { what: 'the connection' });
        for (let closes = 0; closes < 2; closes += 1) {
          const before = opened;
          await waitFor(() => opened > before, { what: 'the connection to be opened again', timeoutMs: idleMs * 5 });
          expect(producers.clusters()[0]).to.include({ state: 'connected', error: null });
        }
        expect(lines.filter((line) => !line.includes('"level":"info"'))).to.deep.equal([]);
        expect(await metrics.metrics()).to.include('sluice_kafka_health_gates_closed{cluster="idle"} 0');
        const accepted = lease.enqueue(topic, testRecord('v'), performance.now() + 5_000);
        expect(accepted).to.include({ outcome: 'accepted' });
      } finally {
        await producers.close(performance.now() + 5_000);
      }
    });
  }
});
