import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { Closing } from '../../../helpers/closing.ts';
import { startRecordingProxy } from '../../../helpers/recording-proxy.ts';
import { startTokenServer, type TokenServer } from '../../../helpers/token-server.ts';
import { waitFor } from '../../../helpers/wait-for.ts';
import {
  clientNames,
  keystorePassphrase,
  openProducer,
  type SecuredKafka,
  secrets,
  tokenLogin,
} from './secured-kafka.ts';

/** Tokens of the client credentials grant. */
export function oauthSuite(secured: () => SecuredKafka): void {
  const closing = new Closing();
  afterEach(() => closing.close());
  const serve = async (...[secret, tls]: Parameters<typeof startTokenServer>): Promise<TokenServer> => {
    const server = await startTokenServer(secret, tls);
    closing.add(() => server.close());
    return server;
  };

  const openWith = (...[options]: Parameters<typeof openProducer>) => {
    const producer = openProducer(options);
    closing.add(() => producer.close());
    return producer;
  };

  // Both at once: a login is tried again after 5 s only.
  it('OAUTHBEARER: a token that the brokers refuse is 503 at once, and not used again', () =>
    Promise.all(
      clientNames.map(async (kafkaClient) => {
        const tokens = await serve(secrets.clientSecret);
        tokens.behaviour = { scope: 'something-else' };
        const servers = secured().cluster.servers('SASL_PLAINTEXT');
        const producer = openWith({ kafkaClient, servers, cluster: { sasl: tokenLogin(tokens.url) } });
        const { verdict, tookMs } = await producer.send(secured().topic);
        expect(verdict).to.include({ code: 'KAFKA_UNAVAILABLE', kafkaName: 'AUTHENTICATION_FAILED' });
        expect(tookMs).to.be.lessThan(5000);
        tokens.behaviour = {};
        await waitFor(async () => (await producer.send(secured().topic)).verdict.outcome === 'acked', {
          what: 'a login with a new token',
        });
        const lines = producer.events().filter(({ level }) => level !== 'debug');
        expect(lines.map(({ event }) => event)).to.deep.equal(['kafka_failing', 'kafka_connected']);
        for (const token of tokens.tokens) expect(producer.output()).to.not.contain(token);
      }),
    ));

  for (const kafkaClient of clientNames) {
    describe(`OAUTHBEARER of ${kafkaClient}`, () => {
      const open = (servers: string, url: string, changes: object = {}, deliveryTimeoutMs = 10_000) =>
        openWith({ kafkaClient, servers, cluster: { sasl: tokenLogin(url, changes) }, deliveryTimeoutMs });

      it('one token for all connections, with scopes, credentials and extensions', async () => {
        const tokens = await serve(secrets.clientSecret);
        const proxy = await startRecordingProxy(secured().cluster.servers('SASL_PLAINTEXT'));
        closing.add(() => proxy.close());
        const producer = open(proxy.address, tokens.url);
        for (let index = 0; index < 5; index++) {
          expect((await producer.send(secured().topic)).verdict.outcome).to.equal('acked');
        }
        expect(tokens.requests).to.have.lengthOf(1);
        const [request] = tokens.requests;
        expect(Object.fromEntries(request?.form ?? [])).to.deep.equal({
          grant_type: 'client_credentials',
          scope: 'kafka other',
        });
        const basic = Buffer.from(`sluice:${secrets.clientSecret}`).toString('base64');
        expect(request?.authorization).to.equal(`Basic ${basic}`);
        const message = `auth=Bearer ${tokens.tokens[0]}\u0001traceId=abc123\u0001logicalCluster=lkc 1\u0001\u0001`;
        expect(proxy.sent()).to.contain(`n,,\u0001${message}`);
        for (const secret of [secrets.clientSecret, basic, tokens.tokens[0] ?? '-']) {
          expect(producer.output()).to.not.contain(secret);
        }
      });

      it('wrong client credentials are 503 at once; the log names the cluster and no secret', async () => {
        const tokens = await serve(secrets.clientSecret);
        const changes = { clientSecret: secrets.wrongClientSecret };
        const producer = open(secured().cluster.servers('SASL_PLAINTEXT'), tokens.url, changes);
        const { verdict, tookMs } = await producer.send(secured().topic);
        expect(verdict).to.include({
          outcome: 'not_sent',
          code: 'KAFKA_UNAVAILABLE',
          kafkaName: 'AUTHENTICATION_FAILED',
        });
        expect(tookMs).to.be.lessThan(5000);
        const lines = producer.events().filter(({ level }) => level !== 'debug');
        expect(lines).to.have.lengthOf(1);
        expect(lines[0]).to.include({ event: 'kafka_failing', cluster: 'payments' });
        expect(lines[0]?.msg).to.contain('the token endpoint answered 401 (invalid_client)');
        expect(producer.output()).to.not.contain(secrets.wrongClientSecret);
      });

      it('an unavailable token endpoint is not a refused login: records wait, and are sent when it answers', async () => {
        const tokens = await serve(secrets.clientSecret);
        tokens.behaviour = { status: 503 };
        const producer = open(secured().cluster.servers('SASL_PLAINTEXT'), tokens.url);
        const waiting = producer.send(secured().topic);
        await waitFor(() => tokens.requests.length >= 2, { what: 'a second request for a token' });
        tokens.behaviour = {};
        expect((await waiting).verdict.outcome).to.equal('acked');
      });

      it("verifies the token endpoint's certificate unless the configuration says otherwise", async () => {
        const pfx = await readFile(join(secured().folder, 'broker.p12'));
        const tokens = await serve(secrets.clientSecret, { pfx, passphrase: keystorePassphrase });
        const servers = secured().cluster.servers('SASL_PLAINTEXT');
        const refused = open(servers, tokens.url, {}, 1500);
        expect((await refused.send(secured().topic)).verdict).to.include({
          outcome: 'not_sent',
          code: 'KAFKA_UNAVAILABLE',
        });
        expect(refused.output()).to.contain('the token endpoint cannot be reached: self-signed certificate');
        expect(tokens.requests).to.have.lengthOf(0);
        const trusting = open(servers, tokens.url, { tokenEndpointTlsVerify: false });
        expect((await trusting.send(secured().topic)).verdict.outcome).to.equal('acked');
      });
    });
  }
}
