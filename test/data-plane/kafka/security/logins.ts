import { expect } from 'chai';
import type { ClusterSettings, Sasl, Tls } from '../../../../data-plane/kafka/producer-types.ts';
import { unsupportedSettings } from '../../../../data-plane/kafka/producers.ts';
import { Closing } from '../../../helpers/closing.ts';
import { startRecordingProxy } from '../../../helpers/recording-proxy.ts';
import { testCluster } from '../fake-kafka-client.ts';
import {
  clientNames,
  createDelegationToken,
  openProducer,
  passwordLogin,
  type SecuredKafka,
  secrets,
  tokenLogin,
} from './secured-kafka.ts';

const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;
/** Far below the delivery time-out of 10 s; a busy machine is slow at PBKDF2 and TLS. */
const atOnceMs = 5000;

/** TLS, passwords and delegation tokens. */
export function loginSuite(secured: () => SecuredKafka): void {
  const system: Tls = { verify: true, ca: null, certificate: null, key: null };
  const closing = new Closing();
  let token: { id: string; hmac: string };
  before(async () => {
    token = await createDelegationToken(secured());
  });
  afterEach(() => closing.close());

  const open = (...[options]: Parameters<typeof openProducer>) => {
    const producer = openProducer(options);
    closing.add(() => producer.close());
    return producer;
  };
  const delegated = (): Sasl => ({
    mechanism: 'SCRAM-SHA-256',
    username: token.id,
    password: token.hmac,
    tokenauth: true,
  });

  for (const kafkaClient of clientNames) {
    describe(`logins of ${kafkaClient}`, () => {
      it('TLS: verified against a given CA, and unverified where the configuration says so', async () => {
        const servers = secured().cluster.servers('SSL');
        for (const tls of [
          { ...system, ca: secured().ca },
          { ...system, verify: false },
        ]) {
          const { verdict } = await open({ kafkaClient, servers, cluster: { tls } }).send(secured().topic);
          expect(verdict.outcome).to.equal('acked');
        }
      });

      it('an invalid certificate: not_sent, and the log names the cluster and the reason', async () => {
        const servers = secured().cluster.servers('SSL');
        const cases: [Tls, string, RegExp][] = [
          [system, servers, /self.signed/i],
          // Another name of the same address that the certificate does not bear. (Node.js 22.23 takes 127.1 for 127.0.0.1.)
          [{ ...system, ca: secured().ca }, servers.replace('127.0.0.1', '::ffff:127.0.0.1'), /altnames/],
        ];
        await Promise.all(
          cases.map(async ([tls, address, reason]) => {
            const producer = open({ kafkaClient, servers: address, cluster: { tls }, deliveryTimeoutMs: 1500 });
            const { verdict } = await producer.send(secured().topic);
            expect(verdict).to.include({ outcome: 'not_sent', code: 'KAFKA_UNAVAILABLE' });
            const [failing, ...more] = producer.events().filter(({ event }) => event === 'kafka_failing');
            expect(failing).to.include({ level: 'warn', cluster: 'payments' });
            expect(failing?.msg).to.match(reason);
            expect(more).to.deep.equal([]);
          }),
        );
      });

      it('PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and a delegation token, over verified TLS', async () => {
        const servers = secured().cluster.servers('SASL_SSL');
        const tls = { ...system, ca: secured().ca };
        const logins = [...mechanisms.map((mechanism) => passwordLogin(mechanism)), delegated()];
        await Promise.all(
          logins.map(async (sasl) => {
            const producer = open({ kafkaClient, servers, cluster: { sasl, tls } });
            expect((await producer.send(secured().topic)).verdict.outcome, JSON.stringify(sasl.mechanism)).to.equal(
              'acked',
            );
            expect(producer.events().filter(({ level }) => level !== 'debug')).to.have.lengthOf(1);
            for (const secret of [secrets.password, token.hmac]) expect(producer.output()).to.not.contain(secret);
          }),
        );
      });

      it('a wrong password is 503 at once: not_sent, one line that names the cluster and no secret', async () => {
        const servers = secured().cluster.servers('SASL_SSL');
        const tls = { ...system, ca: secured().ca };
        const logins: Sasl[] = [
          ...mechanisms.map((mechanism) => passwordLogin(mechanism, secrets.wrongPassword)),
          { mechanism: 'SCRAM-SHA-256', username: 'nobody', password: secrets.password, tokenauth: false },
          // A delegation token without the extension is a user that does not exist.
          { mechanism: 'SCRAM-SHA-256', username: token.id, password: token.hmac, tokenauth: false },
        ];
        await Promise.all(
          logins.map(async (sasl) => {
            const producer = open({ kafkaClient, servers, cluster: { sasl, tls } });
            const first = await producer.send(secured().topic);
            expect(first.verdict).to.include({
              outcome: 'not_sent',
              code: 'KAFKA_UNAVAILABLE',
              kafkaName: 'AUTHENTICATION_FAILED',
            });
            expect(first.tookMs).to.be.lessThan(atOnceMs);
            expect((await producer.send(secured().topic)).tookMs).to.be.lessThan(100);
            const lines = producer.events().filter(({ level }) => level !== 'debug');
            expect(lines).to.have.lengthOf(1);
            expect(lines[0]).to.include({ event: 'kafka_failing', level: 'warn', cluster: 'payments' });
            for (const secret of [secrets.wrongPassword, secrets.password, token.hmac]) {
              expect(producer.output() + JSON.stringify(first)).to.not.contain(secret);
            }
          }),
        );
      });

      it('listeners of another kind than the settings: not_sent, never a hang', async () => {
        const { cluster } = secured();
        const login = passwordLogin('PLAIN');
        const cases: [string, Partial<ClusterSettings>][] = [
          [cluster.internalServers, { tls: system }],
          [cluster.internalServers, { sasl: login }],
          [cluster.servers('SSL'), {}],
          [cluster.servers('SASL_PLAINTEXT'), {}],
          [cluster.servers('SASL_SSL'), { sasl: login }],
        ];
        await Promise.all(
          cases.map(async ([servers, settings]) => {
            const producer = open({ kafkaClient, servers, cluster: settings, deliveryTimeoutMs: 1500 });
            const { verdict, tookMs } = await producer.send(secured().topic);
            expect(verdict).to.include({ outcome: 'not_sent', code: 'KAFKA_UNAVAILABLE' });
            expect(tookMs).to.be.lessThan(2000);
            expect(producer.output()).to.not.contain(secrets.password);
          }),
        );
      });

      it('sends tokenauth only when it is set', async () => {
        for (const [sasl, sends] of [
          [delegated(), true],
          [passwordLogin('SCRAM-SHA-256'), false],
        ] as const) {
          const proxy = await startRecordingProxy(secured().cluster.servers('SASL_PLAINTEXT'));
          closing.add(() => proxy.close());
          const producer = open({ kafkaClient, servers: proxy.address, cluster: { sasl } });
          expect((await producer.send(secured().topic)).verdict.outcome).to.equal('acked');
          expect(proxy.sent()).to.contain('n,,n=');
          expect(proxy.sent().includes(',tokenauth=true')).to.equal(sends);
        }
      });

      it('refuses a login that no message can carry when the configuration is applied', () => {
        const fields = (sasl: Sasl) => unsupportedSettings({ ...testCluster, sasl }).map(({ field }) => field);
        expect(fields(passwordLogin('PLAIN'))).to.deep.equal([]);
        expect(fields(passwordLogin('PLAIN', 'a\0b'))).to.deep.equal(['authentication.password']);
        expect(fields(tokenLogin('http://127.0.0.1/'))).to.deep.equal([]);
        expect(fields(tokenLogin('http://127.0.0.1/', { extensions: { auth: 'x', ok: 'a\u0001b' } }))).to.deep.equal([
          'authentication.oauthbearer.extensions.auth',
          'authentication.oauthbearer.extensions.ok',
        ]);
      });
    });
  }
}
