import { expect } from 'chai';
import { HealthGate } from '../../../data-plane/kafka/health-gate.ts';
import type { LogicalProducer } from '../../../data-plane/kafka/logical-producer.ts';
import { silentLogger } from '../../../shared/log.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { FakeKafkaClient, fakeProducer, testRecord } from './fake-kafka-client.ts';

const settings = { failureThreshold: 3, probeIntervalMs: 5, recoveryThreshold: 2 };

describe('HealthGate', () => {
  let gate: HealthGate;
  let probes: number;
  let answers: boolean[];
  beforeEach(() => {
    probes = 0;
    answers = [];
    gate = new HealthGate(settings, {
      label: 'test',
      logger: silentLogger(),
      probe: () => {
        probes++;
        return answers.shift() === true ? Promise.resolve() : Promise.reject(new Error('down'));
      },
      probeTimeoutMs: 10,
    });
  });
  afterEach(() => gate.stop());

  it('closes after failures in a row only', () => {
    gate.failed();
    gate.failed();
    gate.succeeded();
    gate.failed();
    gate.failed();
    expect(gate.isClosed).to.equal(false);
    gate.failed();
    expect(gate.isClosed).to.equal(true);
  });

  it('probes while it is closed and opens after successes in a row only', async () => {
    answers = [true, false, true, true];
    for (let failure = 0; failure < 3; failure++) gate.failed();
    await waitFor(() => !gate.isClosed, { what: 'the gate to open', timeoutMs: 1000 });
    expect(probes).to.equal(4);
  });

  it('probes no more once it is open', async () => {
    for (let failure = 0; failure < 3; failure++) gate.failed();
    gate.succeeded();
    gate.succeeded();
    expect(gate.isClosed).to.equal(false);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(probes).to.equal(0);
  });
});

describe("a producer's health gate", () => {
  let producer: LogicalProducer;
  afterEach(() => producer.close(0));
  const soon = (ms = 5000): number => performance.now() + ms;

  it('counts async records lost to the cluster, a batch once; not those that a topic refuses', async () => {
    const made = fakeProducer({ limits: { attemptsMax: 0 } });
    ({ producer } = made);
    const { client } = made;
    client.topics.set('t', 1);
    const { gate } = producer.gates.acquire({ ...settings, probeIntervalMs: 60_000 });
    let kafkaName = 'TOPIC_AUTHORIZATION_FAILED';
    client.onSent = (sent) => sent.fail(kafkaName, { wire: 'verdict', retriable: kafkaName === 'NETWORK_EXCEPTION' });
    const lose = async (): Promise<void> => {
      for (const value of ['a', 'b', 'c', 'd']) producer.enqueue('t', testRecord(value), soon());
      await waitFor(() => producer.figures().records === 0, { what: 'the verdicts', timeoutMs: 1000 });
    };
    for (let round = 0; round < 4; round++) await lose();
    expect(gate.isClosed).to.equal(false);
    kafkaName = 'NETWORK_EXCEPTION';
    await lose();
    await lose();
    expect(gate.isClosed).to.equal(false);
    await lose();
    expect(gate.isClosed).to.equal(true);
  });

  it('counts nothing while the first connection is being made', async () => {
    const client = new FakeKafkaClient();
    client.connected = false;
    const made = fakeProducer({ client });
    ({ producer } = made);
    client.topics.set('t', 1);
    const { gate } = producer.gates.acquire({ failureThreshold: 1, probeIntervalMs: 60_000, recoveryThreshold: 1 });
    const verdict = producer.publish('t', testRecord('a'), soon());
    await waitFor(() => client.metadataRequests.length > 1, { what: 'requests in vain', timeoutMs: 2000 });
    expect(gate.isClosed).to.equal(false);
    client.onSent = (sent) => sent.ack();
    client.connected = true;
    await client.connect();
    expect((await verdict).outcome).to.equal('acked');
    client.connected = false;
    client.status({ state: 'failing', error: 'down', loginRefused: false });
    expect(gate.isClosed).to.equal(true);
  });

  it('counts connections that fail, and an acked batch as a success', async () => {
    const made = fakeProducer();
    ({ producer } = made);
    const { client } = made;
    client.topics.set('t', 1);
    const { gate } = producer.gates.acquire({ failureThreshold: 2, probeIntervalMs: 60_000, recoveryThreshold: 1 });
    client.onSent = (sent) => sent.fail('CONNECTION_FAILED', { wire: 'untouched' });
    const verdict = producer.publish('t', testRecord('a'), soon());
    await waitFor(() => gate.isClosed, { what: 'the gate to close', timeoutMs: 1000 });
    client.onSent = (sent) => sent.ack();
    // Sync records are not gated.
    expect((await verdict).outcome).to.equal('acked');
    expect(gate.isClosed).to.equal(false);
  });
});
