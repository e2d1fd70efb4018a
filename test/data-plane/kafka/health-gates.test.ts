import { expect } from 'chai';
import type { Registry } from 'prom-client';
import { type GateState, HealthGate } from '../../../data-plane/kafka/health-gates.ts';
import type { PartitionsByTopic } from '../../../data-plane/kafka/kafka-client.ts';
import type { LogicalProducer } from '../../../data-plane/kafka/logical-producer.ts';
import { silentLogger } from '../../../shared/log.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { FakeKafkaClient, fakeProducer, testRecord } from './fake-kafka-client.ts';

const settings = { failureThreshold: 3, probeIntervalMs: 5, recoveryThreshold: 2 };

const place = { topic: 't', partition: 1 };

describe('HealthGate', () => {
  let gate: HealthGate;
  let probed: string[][];
  let answers: boolean[];
  let states: GateState[];
  beforeEach(() => {
    probed = [];
    answers = [];
    states = [];
    gate = new HealthGate(settings, {
      label: () => 'test',
      logger: silentLogger(),
      probe: (partitions: PartitionsByTopic) => {
        probed.push([...partitions].map(([topic, ids]) => `${topic}/${[...ids].join(',')}`));
        return answers.shift() === true ? Promise.resolve() : Promise.reject(new Error('down'));
      },
      probeTimeoutMs: 10,
      onState: (state) => states.push(state),
    });
  });
  afterEach(() => gate.stop());

  const close = () => {
    for (let failure = 0; failure < 3; failure++) gate.failed([place]);
  };

  it('closes only after consecutive failures', () => {
    gate.failed([place]);
    gate.failed([place]);
    gate.acked(place);
    gate.failed([]);
    gate.failed([place]);
    expect(gate.state).to.equal('open');
    expect(gate.admits(0)).to.equal(true);
    gate.failed([place]);
    expect(gate.state).to.equal('closed');
    expect(gate.admits(0)).to.equal(false);
    expect(states).to.deep.equal(['closed']);
  });

  it('probes what failed while it is closed; after answers in a row one record is on trial, and its ack opens', async () => {
    answers = [true, false, true, true];
    close();
    gate.failed([
      { topic: 'u', partition: 4 },
      { topic: 't', partition: 2 },
      { topic: 'v', partition: -1 },
    ]);
    await waitFor(() => gate.state === 'trial', { what: 'the trial', timeoutMs: 1000 });
    expect(probed).to.deep.equal(Array.from({ length: 4 }, () => ['t/1,2', 'u/4']));
    expect([gate.admits(100), gate.admits(100), gate.admits(104)]).to.deep.equal([true, false, false]);
    // Nobody told how it ended.
    expect([gate.admits(105), gate.admits(105)]).to.deep.equal([true, false]);
    gate.acked(place);
    expect(gate.state).to.equal('open');
    expect(states).to.deep.equal(['closed', 'trial', 'open']);
  });

  it('does not flap while probes are answered and records fail: the trial closes it again', async () => {
    answers = Array.from({ length: 100 }, () => true);
    close();
    for (let round = 0; round < 3; round++) {
      await waitFor(() => gate.state === 'trial', { what: 'the trial', timeoutMs: 1000 });
      expect(gate.admits(round * 100)).to.equal(true);
      gate.failed([place]);
      expect(gate.state).to.equal('closed');
    }
    expect(states).to.not.include('open');
  });

  it('is opened by acks in a row where it failed, not by those elsewhere', () => {
    close();
    for (let ack = 0; ack < 5; ack++) gate.acked({ topic: 'other', partition: 1 });
    expect(gate.state).to.equal('closed');
    gate.acked(place);
    gate.failed([place]);
    gate.acked(place);
    expect(gate.state).to.equal('closed');
    gate.acked(place);
    expect(gate.state).to.equal('open');
  });

  it('probes no more once it is open', async () => {
    close();
    gate.acked(place);
    gate.acked(place);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(probed).to.deep.equal([]);
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
    const { value: gate } = producer.gates.acquire({ ...settings, probeIntervalMs: 60_000 });
    let kafkaName = 'TOPIC_AUTHORIZATION_FAILED';
    client.onSent = (sent) => sent.fail(kafkaName, { wire: 'verdict', retriable: kafkaName === 'NETWORK_EXCEPTION' });
    const lose = async (): Promise<void> => {
      for (const value of ['a', 'b', 'c', 'd']) producer.enqueue('t', testRecord(value), soon());
      await waitFor(() => producer.figures().records === 0, { what: 'the verdicts', timeoutMs: 1000 });
    };
    for (let round = 0; round < 4; round++) await lose();
    expect(gate.state).to.equal('open');
    kafkaName = 'NETWORK_EXCEPTION';
    await lose();
    await lose();
    expect(gate.state).to.equal('open');
    await lose();
    expect(gate.state).to.equal('closed');
  });

  it('counts nothing while the first connection is being made', async () => {
    const client = new FakeKafkaClient();
    client.connected = false;
    const made = fakeProducer({ client });
    ({ producer } = made);
    client.topics.set('t', 1);
    const { value: gate } = producer.gates.acquire({
      failureThreshold: 1,
      probeIntervalMs: 60_000,
      recoveryThreshold: 1,
    });
    const verdict = producer.publish('t', testRecord('a'), soon());
    await waitFor(() => client.metadataRequests.length > 1, { what: 'requests in vain', timeoutMs: 2000 });
    expect(gate.state).to.equal('open');
    client.onSent = (sent) => sent.ack();
    client.connected = true;
    await client.connect();
    expect((await verdict).outcome).to.equal('acked');
    client.connected = false;
    client.status({ state: 'failing', error: 'down', loginRefused: false });
    expect(gate.state).to.equal('closed');
  });

  it('counts connections that fail, and an acked batch as a success', async () => {
    const made = fakeProducer();
    ({ producer } = made);
    const { client } = made;
    client.topics.set('t', 1);
    const { value: gate } = producer.gates.acquire({
      failureThreshold: 2,
      probeIntervalMs: 60_000,
      recoveryThreshold: 1,
    });
    client.onSent = (sent) => sent.fail('CONNECTION_FAILED', { wire: 'untouched' });
    const verdict = producer.publish('t', testRecord('a'), soon());
    await waitFor(() => gate.state === 'closed', { what: 'the gate to close', timeoutMs: 1000 });
    client.onSent = (sent) => sent.ack();
    // Sync records are not gated.
    expect((await verdict).outcome).to.equal('acked');
    expect(gate.state).to.equal('open');
  });

  it('shows its state and transitions, probes the partitions that failed, and lets one record in on trial', async () => {
    const made = fakeProducer({ limits: { attemptsMax: 0 } });
    ({ producer } = made);
    const { client, registry } = made;
    const closed = 'sluice_kafka_health_gates_closed';
    expect(await values(registry, closed)).to.deep.equal([]);
    client.topics.set('t', 1);
    const { value: gate } = producer.gates.acquire({ failureThreshold: 1, probeIntervalMs: 1, recoveryThreshold: 1 });
    expect(await values(registry, closed)).to.deep.equal([0]);
    client.onSent = (sent) => sent.fail('NETWORK_EXCEPTION', { wire: 'verdict' });
    producer.enqueue('t', testRecord('lost'), soon());
    await waitFor(() => gate.state === 'trial', { what: 'the trial', timeoutMs: 1000 });
    expect(client.probed).to.deep.equal(['t/0']);
    expect(await values(registry, closed)).to.deep.equal([1]);
    client.onSent = (sent) => sent.ack();
    producer.enqueue('t', testRecord('trial'), soon());
    await waitFor(() => gate.state === 'open', { what: 'the gate to open', timeoutMs: 1000 });
    expect(await values(registry, closed)).to.deep.equal([0]);
    expect(await values(registry, 'sluice_kafka_health_gate_transitions_total')).to.deep.equal([
      { state: 'closed', value: 1 },
      { state: 'trial', value: 1 },
      { state: 'open', value: 1 },
    ]);
  });
});

/** The values of a metric; with their states, where they have them. */
async function values(registry: Registry, name: string): Promise<unknown[]> {
  const metric = await registry.getSingleMetric(name)?.get();
  return (metric?.values ?? []).map(({ labels, value }) =>
    labels['state'] === undefined ? value : { state: labels['state'], value },
  );
}
