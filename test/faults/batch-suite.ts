import { randomUUID } from 'node:crypto';
import { connect, type ClientHttp2Stream } from 'node:http2';
import { once } from 'node:events';
import { expect } from 'chai';
import { createTopic, readTopic } from '../helpers/kafka.ts';
import { isLong, testedClients as clients, type ClientName } from '../helpers/kafka-clients.ts';
import { BatchLoad } from './batch-load.ts';
import { judgeBatches } from './batch-oracle.ts';
import * as faults from './faults.ts';
import { readRecords } from './oracle.ts';
import { report } from './report.ts';
import { brokerCount, deliveryTimeoutMs, lateMs, openPrefix, type Rig } from './rig.ts';
import type { Fault } from './run-fault.ts';

const workers = isLong ? 20 : 6;
const ackedBetween = isLong ? 200 : 15;
/** A healthy answer takes a few milliseconds. */
const spikeMs = 200;
const struck: readonly Fault[] = isLong
  ? [faults.asleep(), faults.killed, faults.requestsCut, faults.cut, faults.stalled, faults.allKilled, faults.restarted]
  : [faults.requestsCut, faults.asleep(2_500)];

/** Batches of numbered elements through faults: see `BatchLoad`. */
export function batchSuite(rig: () => Rig): void {
  describe('batches of numbered elements', () => {
    for (const fault of struck) {
      it(`keep every promise: ${fault.name}`, async () => {
        await Promise.all(clients.map((client) => runBatches(rig(), fault, client)));
      });
    }

    it('are taken over HTTP/2 as over HTTP/1.1', async () => {
      const { proxy } = rig().node('kafkajs');
      const { route, topic } = await makeTopic(rig());
      const lines = Array.from({ length: 500 }, (_, number) => `{"key":"k","number":${number}}`);
      const session = connect(proxy);
      try {
        const headers = { ':method': 'POST', ':path': `/${route}`, 'content-type': 'application/x-ndjson' };
        const body = await readAll(session.request(headers), lines.join('\n'));
        expect(JSON.parse(body)).to.include({ outcome: 'acked', count: lines.length });
        const bad = await readAll(session.request(headers), '{"key":"k"}\n{');
        expect(JSON.parse(bad)).to.include({ outcome: 'rejected', code: 'BODY_INVALID' });
      } finally {
        session.close();
      }
      const values = (await readTopic(topic, rig().kafka.internalServers)).map(({ value }) => value?.toString());
      expect(values).to.deep.equal(lines);
    });
  });
}

async function readAll(stream: ClientHttp2Stream, body: string): Promise<string> {
  stream.end(body);
  let text = '';
  stream.setEncoding('utf8').on('data', (part: string) => (text += part));
  await once(stream, 'end');
  return text;
}

async function makeTopic(rig: Rig): Promise<{ readonly route: string; readonly topic: string }> {
  const topic = await createTopic(`${openPrefix}batch`, {
    partitions: 6,
    replicationFactor: brokerCount,
    configs: { 'min.insync.replicas': String(brokerCount - 1) },
    brokers: rig.kafka.internalServers,
  });
  const route = `batch-${randomUUID()}`;
  await rig.makeRoute(route, topic, {
    records_from: 'ndjson',
    key_query_arg: null,
    key_from: { body_pointer: '/key' },
    // Each copy beyond those of unknown attempts is then one too many.
    producer_idempotent: true,
    // Several batches a request and partition, so that one may fail behind another.
    producer_request_limits_messages_per_request: 5,
  });
  return { route, topic };
}

async function runBatches(rig: Rig, fault: Fault, client: ClientName): Promise<void> {
  const { route, topic } = await makeTopic(rig);
  const load = new BatchLoad(`${rig.node(client).proxy}/${route}`, workers);
  const stage = { rig, round: 0, topics: () => [topic], loads: () => [load], forget: () => undefined };
  try {
    await load.seen('acked', ackedBetween);
    await fault.inflict(stage);
    await load.seen('acked', ackedBetween);
  } finally {
    await load.stop();
  }
  const { lost, wronglyWritten, misplaced, duplicates, disordered, outcomes } = judgeBatches(
    load.notes,
    await readRecords(topic, rig.kafka.internalServers),
  );
  const longestAnswerMs = load.longestAnswerMs;
  const { requests } = load;
  const judged = { requests, outcomes, lost, wronglyWritten, duplicates, disordered: disordered.length };
  report(`batches, ${fault.name}`, client, { ...judged, longestAnswerMs, longestNodeMs: longestAnswerMs }, null);
  expect(load.broken, 'answers that break a rule').to.deep.equal([]);
  expect(lost, 'acked but not in the topic').to.deep.equal([]);
  expect(wronglyWritten, 'more copies than attempts that may have written').to.deep.equal([]);
  expect(misplaced, 'not where an answer said').to.deep.equal([]);
  expect(disordered, 'order a key').to.deep.equal([]);
  expect(longestAnswerMs, 'answers in time').to.be.below(deliveryTimeoutMs + lateMs);
  const isFelt = Object.keys(outcomes).length > 1 || longestAnswerMs > spikeMs;
  expect(isFelt, `${fault.name} was felt: ${JSON.stringify(outcomes)}`).to.equal(true);
}
