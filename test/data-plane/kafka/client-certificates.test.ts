import { expect } from 'chai';
import { join } from 'node:path';
import { type KafkaCluster, startKafkaCluster } from '../../../control-plane/cli/services/kafka-cluster.ts';
import type { Tls } from '../../../data-plane/kafka/producer-types.ts';
import { admin, adminOk, bootstrapServers, makeKafkaRoute } from '../../helpers/admin.ts';
import { Closing } from '../../helpers/closing.ts';
import { createTopic } from '../../helpers/kafka.ts';
import { runControlPlane, runDataPlane } from '../../helpers/sluice-process.ts';
import { tempFolder, type TempFolder } from '../../helpers/temp-folder.ts';
import { testCertificate, type TestCertificate } from '../../helpers/test-certificates.ts';
import { clientNames, openProducer } from './security/secured-kafka.ts';

/** Far below the delivery time-out of 10 s. */
const atOnceMs = 5_000;

describe('a Kafka that demands client certificates', function () {
  this.timeout(120_000);
  const closing = new Closing();
  let folder: TempFolder;
  let cluster: KafkaCluster;
  let topic: string;
  let ca: TestCertificate;
  before(async () => {
    folder = await tempFolder();
    ca = await testCertificate({ name: 'clients', isCa: true });
    cluster = await startKafkaCluster({
      directory: folder.path,
      heap: '256m',
      security: 'SSL',
      properties: {
        'listener.name.client.ssl.client.auth': 'required',
        'listener.name.client.ssl.truststore.type': 'PEM',
        'listener.name.client.ssl.truststore.certificates': ca.certPem,
      },
    });
    topic = await createTopic('certified', { brokers: cluster.internalServers, partitions: 1 });
  });
  after(async () => {
    await cluster.stop();
    await folder.remove();
  });
  afterEach(() => closing.close());

  const tlsOf = (pair: TestCertificate | undefined): Tls => ({
    verify: true,
    ca: cluster.certificatePem ?? '',
    certificate: pair?.certPem ?? null,
    key: pair?.keyPem ?? null,
  });

  for (const kafkaClient of clientNames) {
    const open = (tls: Tls) => {
      const producer = openProducer({ kafkaClient, servers: cluster.bootstrapServers, cluster: { tls } });
      closing.add(() => producer.close());
      return producer;
    };

    it(`${kafkaClient}: takes records with a certificate of its CA`, async () => {
      const { verdict } = await open(tlsOf(await testCertificate({ name: 'node', issuer: ca }))).send(topic);
      expect(verdict.outcome).to.equal('acked');
    });

    const refused: readonly (readonly [string, () => Promise<TestCertificate | undefined>])[] = [
      ['no certificate', () => Promise.resolve(undefined)],
      ['a certificate of another CA', () => testCertificate({ name: 'stranger' })],
      ['an expired certificate', () => testCertificate({ name: 'old', issuer: ca, days: -1 })],
    ];
    for (const [what, make] of refused) {
      it(`${kafkaClient}: ${what} is 503 at once`, async () => {
        const producer = open(tlsOf(await make()));
        const { verdict, tookMs } = await producer.send(topic);
        expect(verdict).to.include({ outcome: 'not_sent', kafkaName: 'AUTHENTICATION_FAILED' });
        expect(verdict).to.include({ code: 'KAFKA_UNAVAILABLE' });
        expect(tookMs).to.be.lessThan(atOnceMs);
        expect((await producer.send(topic)).tookMs).to.be.lessThan(1_000);
        const [failing, ...more] = producer.events().filter(({ event }) => event === 'kafka_failing');
        expect(failing?.msg).to.contain('the broker refuses the client certificate');
        expect(more).to.deep.equal([]);
      });
    }
  }

  it('is shown the certificates of the configuration, and a changed one is used at once', async () => {
    const controlPlane = await runControlPlane({ folder: join(folder.path, 'control-plane') });
    closing.add(() => controlPlane.stop());
    const node = await runDataPlane({
      folder: join(folder.path, 'node'),
      controlPlane: controlPlane.cluster,
    });
    closing.add(() => node.stop());
    const write = (method: string, path: string, body: object) =>
      adminOk(controlPlane.admin, method, `${path}?wait=applied&timeout=10s`, body);
    const good = await testCertificate({ name: 'node', issuer: ca });
    const wrong = await testCertificate({ name: 'stranger' });
    const body = (pair: TestCertificate) => ({ cert: pair.certPem, key: pair.keyPem });
    const certificate = await write('POST', '/certificates', body(wrong));
    const authority = await write('POST', '/ca_certificates', { cert: cluster.certificatePem });
    await makeKafkaRoute(controlPlane.admin, {
      name: 'orders',
      path: '/orders',
      config: {
        bootstrap_servers: bootstrapServers(cluster.bootstrapServers),
        topic,
        security: { ssl: true, certificate_id: certificate.id, ca_certificate_id: authority.id },
      },
    });
    const send = async () => {
      const startMs = performance.now();
      const { status } = await fetch(`${node.proxy}/orders`, { method: 'POST', body: 'x' });
      return { status, tookMs: performance.now() - startMs };
    };
    const refused = await send();
    expect(refused.status).to.equal(503);
    expect(refused.tookMs).to.be.lessThan(atOnceMs);
    await write('PATCH', `/certificates/${certificate.id}`, body(good));
    expect((await send()).status).to.equal(200);
    await write('PATCH', `/certificates/${certificate.id}`, body(wrong));
    expect((await send()).status).to.equal(503);
    const inUse = await admin(controlPlane.admin, 'DELETE', `/certificates/${certificate.id}`);
    expect(inUse.status).to.equal(400);
    const output = controlPlane.output() + node.output();
    for (const { keyPem } of [good, wrong]) expect(output).to.not.contain(keyPem.split('\n')[1]);
  });
});
