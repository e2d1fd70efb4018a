import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import type { Sasl, Verdict } from '../../../../data-plane/kafka/producer-types.ts';
import { Closing } from '../../../helpers/closing.ts';
import { countRecords, createTopic, readTopic } from '../../../helpers/kafka.ts';
import { startTokenServer, type TokenServer } from '../../../helpers/token-server.ts';
import { waitFor } from '../../../helpers/wait-for.ts';
import {
  clientNames,
  openProducer,
  type OpenedProducer,
  passwordLogin,
  type SecuredKafka,
  secrets,
  sessionMs,
  tokenLogin,
} from './secured-kafka.ts';

const senders = 8;

/** Logins that end (KIP-368): the session must be renewed before, and no record may be lost or misreported over it. */
export function sessionSuite(secured: () => SecuredKafka): void {
  describe('sessions that end', () => {
    const closing = new Closing();
    afterEach(() => closing.close());

    async function start(kafkaClient: (typeof clientNames)[number], sasl: Sasl, deliveryTimeoutMs = 10_000) {
      const { cluster } = secured();
      const topic = await createTopic('session', { brokers: cluster.internalServers });
      const servers = cluster.servers('SASL_PLAINTEXT');
      const producer = openProducer({ kafkaClient, servers, cluster: { sasl }, deliveryTimeoutMs });
      closing.add(() => producer.close());
      return { producer, topic };
    }

    async function serve(lifeSeconds: number): Promise<TokenServer> {
      const tokens = await startTokenServer(secrets.clientSecret);
      closing.add(() => tokens.close());
      tokens.behaviour = { lifeSeconds };
      return tokens;
    }

    it('are renewed under load, after a pause and after a blocked event loop, on the same connection', async () => {
      const servers = await Promise.all(clientNames.map(() => serve(sessionMs / 1000)));
      for (const server of servers) {
        // Never so short that a stall of the broker makes the token end on its way there.
        server.behaviour = { lifeSeconds: sessionMs / 2000, tokenLifeSeconds: sessionMs / 1000 };
      }
      const runs = await Promise.all(
        clientNames.flatMap((name, index) => [
          start(name, passwordLogin('SCRAM-SHA-512')),
          start(name, tokenLogin(servers[index]?.url ?? '')),
        ]),
      );
      const sent = await Promise.all(runs.map(({ producer, topic }) => load(producer, topic, 1.5 * sessionMs)));
      await delay(1.2 * sessionMs);
      const afterPause = await Promise.all(runs.map(({ producer, topic }) => producer.send(topic, 'pause')));
      // As a long garbage collection does: no timer can renew the session in time.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1.2 * sessionMs);
      const afterBlock = await Promise.all(runs.map(({ producer, topic }) => producer.send(topic, 'block')));
      for (const [index, { producer, topic }] of runs.entries()) {
        const verdicts = [...(sent[index] ?? []), afterPause[index]?.verdict, afterBlock[index]?.verdict];
        expect(verdicts.filter((verdict) => verdict?.outcome !== 'acked')).to.deep.equal([]);
        expect(await countRecords(topic, secured().cluster.internalServers)).to.equal(verdicts.length);
        const lines = producer.events().filter(({ level }) => level !== 'debug');
        expect(
          lines.map(({ event }) => event),
          `${index} ${JSON.stringify(lines)}`,
        ).to.deep.equal(['kafka_connected']);
      }
      for (const { requests } of servers) expect(requests.length).to.be.within(3, 8);
    });

    for (const kafkaClient of clientNames) {
      it(`that cannot be renewed end: ${kafkaClient} answers not_sent or unknown, loses nothing, and recovers`, async () => {
        const tokens = await serve(1.5);
        const { producer, topic } = await start(kafkaClient, tokenLogin(tokens.url), 1000);
        expect((await producer.send(topic, 'first')).verdict.outcome).to.equal('acked');
        tokens.behaviour = { status: 503 };
        const answers = new Map<string, Verdict>();
        let number = 0;
        await waitFor(
          async () => {
            const value = `n${number++}`;
            const { verdict } = await producer.send(topic, value);
            answers.set(value, verdict);
            return verdict.outcome === 'not_sent';
          },
          { what: 'the end of the session', timeoutMs: 15_000 },
        );
        tokens.behaviour = { lifeSeconds: 3600 };
        await waitFor(async () => (await producer.send(topic, 'again')).verdict.outcome === 'acked', {
          what: 'a new session',
        });
        const read = await readTopic(topic, secured().cluster.internalServers);
        const found = new Set(read.map(({ value }) => String(value)));
        for (const [value, { outcome }] of answers) {
          if (outcome === 'unknown') continue;
          expect(found.has(value), `${value} ${outcome}`).to.equal(outcome === 'acked');
        }
        expect(producer.output()).to.not.contain(secrets.clientSecret);
      });
    }
  });
}

/** Keeps a few records in flight for the time. */
async function load(producer: OpenedProducer, topic: string, durationMs: number): Promise<Verdict[]> {
  const endMs = performance.now() + durationMs;
  const verdicts: Verdict[] = [];
  const sender = async (): Promise<void> => {
    while (performance.now() < endMs) {
      verdicts.push((await producer.send(topic)).verdict);
      await delay(5);
    }
  };
  await Promise.all(Array.from({ length: senders }, sender));
  return verdicts;
}
