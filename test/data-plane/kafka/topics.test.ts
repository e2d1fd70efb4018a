import { expect } from 'chai';
import { KafkaError } from '../../../data-plane/kafka/kafka-error.ts';
import type { LogicalProducer } from '../../../data-plane/kafka/logical-producer.ts';
import { refusedNameMs } from '../../../data-plane/kafka/topics.ts';
import { createLogger } from '../../../shared/log.ts';
import { type FakeKafkaClient, fakeProducer, testRecord } from './fake-kafka-client.ts';

const unknownTopic = new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', 'no such topic', {
  retriable: true,
  wire: 'verdict',
});

describe('topics that requests name', () => {
  const realNow = performance.now.bind(performance);
  let producer: LogicalProducer;
  let client: FakeKafkaClient;
  let lines: string[];
  let metrics: () => Promise<string>;

  beforeEach(() => {
    lines = [];
    const logger = createLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) });
    const made = fakeProducer({ logger });
    ({ producer, client } = made);
    metrics = () => made.registry.metrics();
    client.onSent = (sent) => sent.ack();
  });
  afterEach(async () => {
    performance.now = realNow;
    await producer.close(0);
  });

  const invented = (count: number, prefix = 'x'): string[] =>
    Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  const refuse = (names: readonly string[]): void => {
    for (const name of names) client.refusals.set(name, unknownTopic);
  };
  const publish = async (topic: string): Promise<string> => {
    const verdict = await producer.publish(topic, testRecord('v'), performance.now() + 5_000);
    return 'code' in verdict ? verdict.code : verdict.outcome;
  };
  const publishAll = (topics: readonly string[]): Promise<string[]> => Promise.all(topics.map(publish));

  it('cost one look-up in 5 s while they are unknown', async () => {
    expect(refusedNameMs).to.equal(5_000);
    refuse(['x']);
    for (let count = 0; count < 3; count += 1) expect(await publish('x')).to.equal('TOPIC_NOT_FOUND');
    expect(client.metadataRequests).to.deep.equal(['x']);
    performance.now = () => realNow() + refusedNameMs - 1_000;
    await publish('x');
    expect(client.metadataRequests).to.deep.equal(['x']);
    performance.now = () => realNow() + refusedNameMs + 1;
    client.refusals.delete('x');
    client.topics.set('x', 1);
    expect(await publish('x')).to.equal('acked');
    expect(client.metadataRequests).to.deep.equal(['x', 'x']);
  });

  it('share one request at a time, while one of the configuration waits for none', async () => {
    const names = invented(50);
    refuse([...names, 'first']);
    client.topics.set('t', 1);
    let answer = (): void => undefined;
    const held = new Promise<void>((resolve) => (answer = resolve));
    const metadata = client.metadata.bind(client);
    client.metadata = async (topics) => {
      const found = await metadata(topics);
      if (topics[0] === 'first') await held;
      return found;
    };
    const first = publish('first');
    await new Promise((resolve) => setImmediate(resolve));
    const rest = publishAll(names);
    await new Promise((resolve) => setImmediate(resolve));
    producer.configureTopic('t');
    expect(await publish('t')).to.equal('acked');
    expect(client.metadataRequests).to.deep.equal(['first', 't']);
    answer();
    expect(await first).to.equal('TOPIC_NOT_FOUND');
    expect(new Set(await rest)).to.deep.equal(new Set(['TOPIC_NOT_FOUND']));
    expect(client.metadataRequests).to.deep.equal(['first', 't', names.join()]);
  });

  it('are remembered up to 10,000, and the names of a request are asked for in parts', async () => {
    const names = invented(10_001);
    refuse(names);
    for (let start = 0; start < names.length; start += 1_000) await publishAll(names.slice(start, start + 1_000));
    const asked = client.metadataRequests.length;
    await publishAll(names.slice(1, 1_000));
    expect(client.metadataRequests).to.have.length(asked);
    // The oldest was forgotten.
    await publish('x0');
    expect(client.metadataRequests).to.have.length(asked + 1);
    expect(Math.max(...client.metadataRequests.map((text) => text.split(',').length))).to.be.at.most(1_000);
  });

  it('have a label of their own up to 200; further and unknown ones share the label other', async () => {
    const known = invented(201, 'k');
    for (const name of known) client.topics.set(name, 1);
    refuse(['unknown']);
    client.topics.set('mine', 1);
    producer.configureTopic('mine');
    await publish('unknown');
    for (const name of known) await publish(name);
    await publish('mine');
    const text = await metrics();
    const topics = [...text.matchAll(/^sluice_kafka_records_total\{cluster="test",topic="([^"]*)"/gm)].map(
      ([, name]) => name,
    );
    expect(new Set(topics)).to.deep.equal(new Set(['other', ...known.slice(0, 200), 'mine']));
    expect(text).to.include('sluice_kafka_records_total{cluster="test",topic="other",outcome="not_sent"} 1');
    expect(text).to.include('sluice_kafka_records_total{cluster="test",topic="other",outcome="acked"} 1');
  });

  it('are named in a paced line of the log while they are unknown', async () => {
    refuse(invented(100));
    await publishAll(invented(100));
    const found = lines.filter((line) => line.includes('"event":"kafka_topic_refused"'));
    expect(found).to.have.length(1);
    expect(found[0]).to.include('"topic":"x0"').and.include('"code":"TOPIC_NOT_FOUND"').and.include('"cluster":"test"');
  });

  it('do not share the label of a configured topic that is unavailable', async () => {
    producer.configureTopic('mine');
    client.ready = false;
    producer.enqueue('mine', testRecord('v'), performance.now() + 10);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await metrics()).to.include('sluice_kafka_async_lost_total{cluster="test",topic="mine"} 1');
  });
});
