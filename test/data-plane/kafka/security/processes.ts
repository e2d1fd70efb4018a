import { expect } from 'chai';
import { admin, adminOk, bootstrapServers, makeKafkaRoute } from '../../../helpers/admin.ts';
import { Closing } from '../../../helpers/closing.ts';
import { post } from '../../../helpers/post.ts';
import {
  type ControlPlaneProcess,
  type DataPlaneProcess,
  runControlPlane,
  runDataPlane,
} from '../../../helpers/sluice-process.ts';
import { tempFolder } from '../../../helpers/temp-folder.ts';
import { startTokenServer, type TokenServer } from '../../../helpers/token-server.ts';
import { waitFor } from '../../../helpers/wait-for.ts';
import { clientNames, type SecuredKafka, secrets } from './secured-kafka.ts';

/** The plugin's configuration through the Admin API to nodes of both clients. */
export function processSuite(secured: () => SecuredKafka): void {
  describe('a control plane and a node of each client', () => {
    const closing = new Closing();
    let controlPlane: ControlPlaneProcess;
    let nodes: readonly DataPlaneProcess[];
    let tokens: TokenServer;
    const answers: string[] = [];

    before(async () => {
      const folder = await tempFolder();
      closing.add(() => folder.remove());
      tokens = await startTokenServer(secrets.clientSecret);
      closing.add(() => tokens.close());
      controlPlane = await runControlPlane({ folder: folder.path });
      closing.add(() => controlPlane.stop());
      nodes = await Promise.all(
        clientNames.map((name) =>
          runDataPlane({
            folder: `${folder.path}/${name}`,
            controlPlane: controlPlane.cluster,
            args: [`--kafka-client=${name}`, '--log-level=debug'],
          }),
        ),
      );
      for (const node of nodes) closing.add(() => node.stop());
      await waitFor(
        async () => {
          const { data = [] } = await adminOk(controlPlane.admin, 'GET', '/clustering/data-planes');
          return data.filter(({ connected }) => connected === true).length === nodes.length;
        },
        { what: 'both nodes' },
      );
    });
    after(() => closing.close());

    const makeRoute = (name: string, changes: object, servers: string) => {
      const config = { bootstrap_servers: bootstrapServers(servers), topic: secured().topic, cluster_name: name };
      return makeKafkaRoute(controlPlane.admin, { name, path: `/${name}`, config: { ...config, ...changes } });
    };
    const patch = async (name: string, config: object) => {
      const answer = await admin(controlPlane.admin, 'PATCH', `/plugins/${name}?wait=applied&timeout=10s`, { config });
      expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
      return answer;
    };
    const send = async (node: DataPlaneProcess, path: string) => {
      const answer = await post(`${node.proxy}${path}`, { hello: 'world' });
      answers.push(JSON.stringify(answer.body));
      return answer;
    };
    const failingLines = (node: DataPlaneProcess, cluster: string) =>
      node.lines.filter((line) => line.event === 'kafka_failing' && line['cluster'] === cluster);

    for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
      it(`${mechanism}: a wrong password is 503 at once with one line, and a patch corrects it`, async () => {
        const name = mechanism.toLowerCase();
        const authentication = { strategy: 'sasl', mechanism, user: 'sluice', password: secrets.wrongPassword };
        const security = { ssl: true, ssl_verify: false };
        await makeRoute(name, { authentication, security }, secured().cluster.servers('SASL_SSL'));
        for (const node of nodes) {
          const answer = await send(node, `/${name}`);
          expect(answer.status).to.equal(503);
          expect(answer.body).to.include({ code: 'KAFKA_UNAVAILABLE', outcome: 'not_sent', retryable: true });
          expect(answer.headers.get('retry-after')).to.match(/^\d+$/);
          expect(answer.ms).to.be.lessThan(5000);
          expect(failingLines(node, name)).to.have.lengthOf(1);
        }
        await patch(name, { authentication: { password: secrets.password } });
        for (const node of nodes) {
          const answer = await send(node, `/${name}`);
          expect(answer.body.outcome).to.equal('acked');
          expect(failingLines(node, name)).to.have.lengthOf(1);
        }
      });
    }

    it('OAUTHBEARER: a wrong client secret is 503 at once with one line, and a patch corrects it', async () => {
      const oauthbearer = {
        token_endpoint_url: tokens.url,
        client_id: 'sluice',
        client_secret: secrets.wrongClientSecret,
        scopes: ['kafka'],
        extensions: { traceId: 'abc' },
      };
      const authentication = { strategy: 'sasl', mechanism: 'OAUTHBEARER', oauthbearer };
      await makeRoute('oauth', { authentication }, secured().cluster.servers('SASL_PLAINTEXT'));
      for (const node of nodes) {
        const answer = await send(node, '/oauth');
        expect(answer.status).to.equal(503);
        expect(answer.body).to.include({ code: 'KAFKA_UNAVAILABLE', outcome: 'not_sent' });
        expect(answer.ms).to.be.lessThan(5000);
        expect(failingLines(node, 'oauth')).to.have.lengthOf(1);
      }
      await patch('oauth', { authentication: { oauthbearer: { client_secret: secrets.clientSecret } } });
      for (const node of nodes) expect((await send(node, '/oauth')).body.outcome).to.equal('acked');
    });

    it('an invalid certificate is 503 within the delivery time-out', async () => {
      const changes = { security: { ssl: true }, delivery_timeout: 1500 };
      await makeRoute('untrusted', changes, secured().cluster.servers('SSL'));
      for (const node of nodes) {
        const answer = await send(node, '/untrusted');
        expect(answer.status).to.equal(503);
        expect(answer.body).to.include({ code: 'KAFKA_UNAVAILABLE', outcome: 'not_sent' });
        expect(failingLines(node, 'untrusted')).to.have.lengthOf(1);
      }
    });

    it('no secret is in any output, answer, status or metric', async () => {
      const texts = [controlPlane.output(), ...nodes.map(({ output }) => output()), ...answers];
      for (const node of nodes) {
        for (const path of ['/metrics', '/status']) texts.push(await (await fetch(`${node.status}${path}`)).text());
      }
      expect(texts.join('').length).to.be.greaterThan(5000);
      const basics = [secrets.clientSecret, secrets.wrongClientSecret].map((secret) =>
        Buffer.from(`sluice:${secret}`).toString('base64'),
      );
      for (const secret of [...Object.values(secrets), ...basics, ...tokens.tokens]) {
        expect(texts.filter((text) => text.includes(secret))).to.deep.equal([]);
      }
    });
  });
}
