import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { status as codes } from '@grpc/grpc-js';
import { expect } from 'chai';
import type { KafkaCluster } from '../../control-plane/cli/services/kafka-cluster.ts';
import { adminOk, bootstrapServers } from '../helpers/admin.ts';
import { Closing } from '../helpers/closing.ts';
import { freePort } from '../helpers/free-port.ts';
import { createTopic, readTopic } from '../helpers/kafka.ts';
import { allow } from '../helpers/kafka-admin.ts';
import { orderSchema } from '../helpers/order-schema.ts';
import { post, type PostAnswer, postRaw } from '../helpers/post.ts';
import { isRefused, openHalfRequest } from '../helpers/half-request.ts';
import { registerAvro, testRegistry } from '../helpers/registry.ts';
import { type DataPlaneProcess, runControlPlane, runDataPlane } from '../helpers/sluice-process.ts';
import { sharedBrokers, sharedPassword as password, sharedUser as user } from '../helpers/shared-brokers.ts';
import { testedClients as clients } from '../helpers/kafka-clients.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';
import { checkGrpcAnswer, grpcCall, grpcClient, recordsOf } from './grpc-outcomes.ts';
import {
  deliveryTimeoutMs,
  type KafkaState,
  type Names,
  routeConfigs,
  type Row,
  rows,
  wrongPassword,
} from './outcome-rows.ts';

/** The answer to a request, compared with the topics at the end. */
interface Promised {
  readonly id: string;
  readonly outcome: string;
  readonly written: readonly string[];
  readonly records: NonNullable<PostAnswer['body']['records']>;
}

describe('the outcome table against real brokers', function () {
  this.timeout(180_000);
  const closing = new Closing();
  const nodes = new Map<string, DataPlaneProcess>();
  const promised: Promised[] = [];
  let kafka: KafkaCluster;
  let names: Names;
  /** Texts of the operator's side that no client may be told. */
  const internals = ['127.0.0.1', 'localhost'];

  before(async () => {
    const temp = await tempFolder();
    closing.add(() => temp.remove());
    kafka = await sharedBrokers();
    names = await makeTopics(kafka.internalServers);
    const controlPlane = await runControlPlane({ folder: temp.path });
    closing.add(() => controlPlane.stop());
    for (const client of clients) {
      const node = await runDataPlane({
        folder: `${temp.path}/${client}`,
        controlPlane: controlPlane.cluster,
        args: [`--kafka-client=${client}`],
      });
      closing.add(() => node.stop());
      nodes.set(client, node);
    }
    const subject = `outcomes-${randomUUID()}`;
    internals.push(subject);
    await registerAvro(subject, orderSchema);
    const configs = routeConfigs({
      names,
      brokers: bootstrapServers(kafka.bootstrapServers),
      user,
      password,
      registry: testRegistry(),
      subject,
      deafPort: await freePort(),
    });
    for (const [name, config] of Object.entries(configs)) await makeRoute(controlPlane.admin, name, config);
    await adminOk(controlPlane.admin, 'PUT', '/routes/last?wait=applied&timeout=10s', {
      name: 'last',
      paths: ['/last'],
    });
  });
  after(() => closing.close());

  const urlOf = (client: string, row: Row) => `${nodeOf(nodes, client).proxy}/${row.route}${row.query?.(names) ?? ''}`;

  const check = async (client: string, row: Row) => {
    const id = randomUUID();
    const answer = await postRaw(urlOf(client, row), row.body?.(id) ?? JSON.stringify({ id, quantity: 1 }), {
      'content-type': 'application/json',
      ...row.headers,
    });
    keep(promised, { id, row, answer, names });
    checkAnswer(row, answer, names);
    for (const text of internals) expect(JSON.stringify(answer.body)).to.not.include(text);
  };

  /** The same as a unary gRPC call, whose message is the body. */
  const checkCall = async (client: string, row: Row) => {
    const id = randomUUID();
    const message = Buffer.from(row.body?.(id) ?? JSON.stringify({ id, quantity: 1 }));
    const path = `/${row.grpcRoute ?? row.route}${row.query?.(names) ?? ''}`;
    const seen = await grpcCall(stubOf(client), path, message, row.headers);
    const expected = { ...row.expected, ...row.overGrpc };
    const written = expected.outcome === row.expected.outcome ? (row.written?.(names) ?? []) : [];
    promised.push({ id, outcome: seen.trailers['sluice-outcome'] ?? 'none', written, records: recordsOf(seen) });
    checkGrpcAnswer({ expected, withinMs: row.withinMs }, seen);
    for (const text of internals) expect(JSON.stringify(seen)).to.not.include(text);
  };

  const stubs = new Map<string, ReturnType<typeof grpcClient>>();
  const stubOf = (client: string) => {
    let stub = stubs.get(client);
    if (stub === undefined) {
      const made = grpcClient(nodeOf(nodes, client).proxy);
      closing.add(() => made.close());
      stubs.set(client, (stub = made));
    }
    return stub;
  };

  const rowsOf = (state: KafkaState, client: string) => {
    for (const row of rows.filter((each) => each.state === state)) {
      const title = `${client}: ${row.name}: ${row.expected.status} ${row.expected.code ?? ''} ${row.expected.outcome}`;
      it(title, () => check(client, row));
      if (client === clients[0] && row.overGrpc !== null) it(`${title}, over gRPC`, () => checkCall(client, row));
    }
  };

  const refused = async (client: string, route: string, expected: object, withinMs: readonly [number, number]) => {
    const id = randomUUID();
    const answer = await post(`${nodeOf(nodes, client).proxy}/${route}`, { id });
    promised.push({ id, outcome: answer.body.outcome ?? 'none', written: [], records: [] });
    expect({ ...answer.body, status: answer.status }, JSON.stringify(answer.body)).to.deep.include(expected);
    expect(answer.headers.get('retry-after')).to.match(/^\d+$/);
    for (const text of internals) expect(JSON.stringify(answer.body)).to.not.include(text);
    expect(answer.ms).to.be.within(...withinMs);
  };

  for (const client of clients) {
    describe(`Kafka is healthy (${client})`, () => {
      before(() => warmUp(nodeOf(nodes, client)));
      rowsOf('well', client);

      it('answers a refused login at once when it is known, and logs it without the password', async () => {
        const expected = { status: 503, code: 'KAFKA_UNAVAILABLE', outcome: 'not_sent' };
        await refused(client, 'wrongLogin', expected, [0, 200]);
        const output = nodeOf(nodes, client).output();
        expect(output).to.match(/kafka_failing.*uthenticat/i);
        expect(output).not.to.contain(wrongPassword);
        expect(output).not.to.contain(password);
      });
    });
  }

  for (const client of clients) {
    describe(`every broker is suspended by SIGSTOP (${client})`, () => {
      before(async () => {
        await warmUp(nodeOf(nodes, client));
        for (const broker of kafka.brokers) await broker.kill('SIGSTOP');
      });
      after(async () => {
        for (const broker of kafka.brokers) await broker.kill('SIGCONT');
      });

      rowsOf('asleep', client);

      it('a record that waits behind a batch without a verdict is 503, not_sent, at its own deadline', async () => {
        const unavailable = { status: 503, code: 'KAFKA_UNAVAILABLE', outcome: 'not_sent', retryable: true };
        const first = post(`${nodeOf(nodes, client).proxy}/plain`, { id: 'first' });
        await delay(100);
        await refused(client, 'plain', unavailable, [deliveryTimeoutMs - 100, deliveryTimeoutMs + 1_000]);
        await first;
      });

      it('a gRPC deadline that passes behind a batch without a verdict: the record is never written', async () => {
        const first = post(`${nodeOf(nodes, client).proxy}/plain`, { id: 'before' });
        await delay(100);
        const id = randomUUID();
        const seen = await grpcCall(stubOf(client), '/plain', Buffer.from(JSON.stringify({ id })), {}, 300);
        expect([codes.DEADLINE_EXCEEDED, codes.UNAVAILABLE]).to.include(seen.code);
        expect(seen.ms).to.be.below(1_000);
        // The topics are read when the brokers are back.
        promised.push({ id, outcome: 'not_sent', written: [], records: [] });
        await first;
      });
    });
  }

  describe('one broker of three is killed', () => {
    before(async () => {
      for (const client of clients) await warmUp(nodeOf(nodes, client));
      await kafka.brokers[1]?.stop();
    });
    for (const client of clients) rowsOf('halved', client);
  });

  describe('all brokers are killed', () => {
    before(async () => {
      // Without a quorum none of them could leave in good order.
      const left = [kafka.brokers[0], kafka.brokers[2]];
      await Promise.all(left.map(async (broker) => broker?.kill('SIGKILL')));
      // A record that was being written to a connection when the broker died is rightly unknown.
      for (const client of clients) {
        const { proxy } = nodeOf(nodes, client);
        await waitFor(async () => (await post(`${proxy}/plain`, {})).body.code === 'KAFKA_UNAVAILABLE', {
          what: 'brokers that are known to be gone',
        });
      }
    });
    for (const client of clients) {
      rowsOf('gone', client);

      it(`${client}: a full queue: 503 PRODUCER_OVERLOADED at once`, async () => {
        const fillers = [1, 2].map((filler) => post(`${nodeOf(nodes, client).proxy}/crowded`, { filler }));
        await delay(200);
        const overloaded = { status: 503, code: 'PRODUCER_OVERLOADED', outcome: 'not_sent', retryable: true };
        await refused(client, 'crowded', overloaded, [0, 500]);
        for (const { body } of await Promise.all(fillers)) expect(body).to.include({ code: 'KAFKA_UNAVAILABLE' });
      });

      it(`${client}: a queue that is full by its bytes: 503 PRODUCER_OVERLOADED at once`, async () => {
        const filler = post(`${nodeOf(nodes, client).proxy}/narrow`, { pad: 'x'.repeat(950) });
        await delay(200);
        const overloaded = { status: 503, code: 'PRODUCER_OVERLOADED', outcome: 'not_sent', retryable: true };
        await refused(client, 'narrow', overloaded, [0, 500]);
        expect((await filler).body).to.include({ code: 'KAFKA_UNAVAILABLE' });
      });

      it(`${client}: async with a health gate: 503 KAFKA_UNAVAILABLE at once when it is known to fail`, async () => {
        const { proxy } = nodeOf(nodes, client);
        await waitFor(async () => (await post(`${proxy}/gated`, { gate: true })).status === 503, {
          what: 'a closed gate',
          timeoutMs: 10_000,
        });
        const unavailable = { status: 503, code: 'KAFKA_UNAVAILABLE', outcome: 'not_sent', retryable: true };
        await refused(client, 'gated', unavailable, [0, 500]);
      });
    }
  });

  describe('Kafka is back', () => {
    before(async () => {
      await Promise.all(kafka.brokers.map((broker) => broker.start()));
      for (const client of clients) await warmUp(nodeOf(nodes, client));
    });

    it('the topics hold every acked record, and no refused one', async () => {
      const existing = [names.open, names.second, names.small, names.tiny, names.secret, names.readOnly];
      existing.push(names.replicated, names.compacted);
      const held = new Map<string, string[]>();
      const places = new Map<string, string>();
      for (const topic of existing) {
        const records = await readTopic(topic, kafka.internalServers);
        held.set(
          topic,
          records.map(({ value }) => value?.toString() ?? ''),
        );
        for (const { value, partition, offset } of records) {
          places.set(`${topic}/${partition}/${offset}`, value?.toString() ?? '');
        }
      }
      expect(promised.length).to.be.above(clients.length * rows.length);
      for (const { id, outcome, written, records } of promised) {
        if (outcome === 'unknown') continue;
        for (const topic of existing) {
          const copies = held.get(topic)?.filter((value) => value.includes(id)).length ?? 0;
          // Async and acks 0 promise nothing; here nothing went wrong, so the record is there.
          expect(copies, `${outcome} ${id} in ${topic}`).to.equal(written.includes(topic) ? 1 : 0);
        }
        for (const { topic, partition, offset, code } of records) {
          if (code === undefined) expect(places.get(`${topic}/${partition}/${offset}`)).to.contain(id);
        }
      }
    });
  });

  describe('a node that is shutting down', () => {
    for (const client of clients) {
      it(`${client}: finishes requests in flight, and serves those that had begun to arrive, with Connection: close`, async () => {
        const node = nodeOf(nodes, client);
        const inFlight = post(`${node.proxy}/unreachable`, { id: 'in flight' });
        const late = await openHalfRequest(`${node.proxy}/plain`);
        await delay(100);
        node.kill('SIGTERM');
        await waitFor(() => isRefused(node.proxy), { what: 'a closed listener' });
        const text = await late.finish();
        expect(text).to.match(/^HTTP\/1\.1 200 /);
        expect(text.toLowerCase()).to.contain('connection: close');
        expect(text).to.contain('"outcome":"acked"');
        expect((await inFlight).body).to.include({ code: 'KAFKA_UNAVAILABLE', outcome: 'not_sent' });
        expect(await node.exited).to.equal(0);
      });
    }
  });
});

function nodeOf(nodes: ReadonlyMap<string, DataPlaneProcess>, client: string): DataPlaneProcess {
  const node = nodes.get(client);
  if (node === undefined) throw new Error(`no node with ${client}`);
  return node;
}

async function makeTopics(brokers: string): Promise<Names> {
  const prefix = `outcome-${randomUUID()}`;
  const make = (name: string, configs: Record<string, string> = {}, replicationFactor = 1) =>
    createTopic('', { name, brokers, configs, replicationFactor });
  const names: Names = {
    open: `${prefix}-open`,
    second: `${prefix}-second`,
    small: `${prefix}-small`,
    tiny: `${prefix}-tiny`,
    secret: `secret-${prefix}`,
    readOnly: `read-only-${prefix}`,
    absent: `${prefix}-absent`,
    replicated: `${prefix}-replicated`,
    compacted: `${prefix}-compacted`,
  };
  await make(names.open, {}, 3);
  await make(names.second);
  await make(names.small, { 'max.message.bytes': '2000' });
  await make(names.tiny, { 'max.message.bytes': '1000' });
  await make(names.secret);
  await make(names.readOnly);
  await make(names.replicated, { 'min.insync.replicas': '3' }, 3);
  await make(names.compacted, { 'cleanup.policy': 'compact' });
  await allow({ user, topic: prefix, prefix: true }, brokers);
  await allow({ user, topic: names.readOnly, operation: 'DESCRIBE' }, brokers);
  await allow({ user, topic: names.tiny, operation: 'DESCRIBE_CONFIGS' }, brokers);
  return names;
}

async function makeRoute(base: string, name: string, config: object): Promise<void> {
  await adminOk(base, 'PUT', `/routes/${name}`, { name, paths: [`/${name}`] });
  await adminOk(base, 'POST', `/routes/${name}/plugins`, { name: 'kafka-upstream', instance_name: name, config });
}

/** Until a record is acked: the connection is up and the topic known. */
async function warmUp(node: DataPlaneProcess): Promise<void> {
  for (const route of ['plain', 'replicated', 'gated', 'acks0', 'acks1', 'crowded', 'narrow']) {
    await waitFor(async () => (await post(`${node.proxy}/${route}`, { warm: true })).status === 200, {
      what: `a record through ${route}`,
      timeoutMs: 60_000,
    });
  }
}

function keep(
  promised: Promised[],
  { id, row, answer, names }: { id: string; row: Row; answer: PostAnswer; names: Names },
): void {
  promised.push({
    id,
    outcome: answer.body.outcome ?? 'none',
    written: row.written?.(names) ?? [],
    records: answer.body.records ?? [],
  });
}

function checkAnswer({ expected, withinMs }: Row, answer: PostAnswer, names: Names): void {
  const { body, headers, status, ms } = answer;
  const text = JSON.stringify(body);
  expect(status, text).to.equal(expected.status);
  expect(body.outcome, text).to.equal(expected.outcome);
  expect(body.code, text).to.equal(expected.code);
  expect(body.retryable, text).to.equal(expected.retryable);
  expect(headers.has('retry-after'), 'Retry-After').to.equal(expected.retryAfter ?? false);
  expect(ms, `time to answer ${text}`).to.be.within(...withinMs);
  expect(headers.get('content-type')).to.match(/^application\/json/);
  if (expected.limit === null) expect(body.details, text).to.equal(undefined);
  else if (expected.limit !== undefined) expect(body.details?.[0]?.limit, text).to.equal(expected.limit);
  if (expected.code !== undefined) {
    expect(body.error, 'one sentence').to.be.a('string').and.not.equal('');
    expect(body.request_id).to.equal(headers.get('x-request-id'));
  }
  if (expected.records === undefined) return;
  const seen = body.records?.map(({ topic, outcome, code }) => ({ topic, outcome, ...(code && { code }) }));
  expect(seen).to.deep.equal(expected.records(names));
}
