import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { bootstrapServers } from '../helpers/admin.ts';
import { Closing } from '../helpers/closing.ts';
import { createTopic, readTopic, testKafka } from '../helpers/kafka.ts';
import { type DblessProcess, runDbless } from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { startTestIssuer } from '../helpers/test-issuer.ts';
import { waitFor } from '../helpers/wait-for.ts';
import { signed } from '../data-plane/plugins/jwt/tokens.ts';

const textOf = (value: unknown): string => (Buffer.isBuffer(value) ? value.toString() : String(value));

describe('consumers on the way into Kafka', function () {
  this.timeout(120_000);
  const closing = new Closing();
  afterEach(() => closing.close());

  async function serve(document: object): Promise<DblessProcess> {
    const folder = await tempFolder();
    closing.add(() => folder.remove());
    const path = `${folder.path}/config.json`;
    await writeFile(path, JSON.stringify({ _format_version: '3.0', ...document }));
    const node = await runDbless([`--declarative-config=${path}`]);
    closing.add(() => node.stop());
    return node;
  }

  const recordsOf = (topic: string, config: object = {}) => ({
    name: 'kafka-upstream',
    config: {
      bootstrap_servers: bootstrapServers(testKafka()),
      topic,
      record_value: 'body',
      key_from: { consumer: 'username' },
      ...config,
    },
  });
  const keysAndValues = async (topic: string) =>
    (await readTopic(topic)).map(({ key, value }) => [key?.toString(), value?.toString()]);

  it('key records, stand in their headers and in the log, and choose a plugin of their own; forged ones never do', async () => {
    const [topic, own, log] = await Promise.all([createTopic('all'), createTopic('own'), createTopic('log')]);
    const headers = { forward_http_headers_as_record_headers: true, forward_all_by_default: true };
    const records = (to: string) => recordsOf(to, { headers });
    const servers = bootstrapServers(testKafka());
    const document = {
      consumers: [
        { username: 'ada', custom_id: 'n-1', keyauth_credentials: [{ key: 'ada-key' }], acls: [{ group: 'staff' }] },
        {
          username: 'bob',
          basicauth_credentials: [{ username: 'bob-login', password: 'bobs-password' }],
          acls: [{ group: 'staff' }],
        },
        { username: 'guest', acls: [{ group: 'guests' }] },
      ],
      routes: [
        {
          name: 'orders',
          paths: ['/orders'],
          plugins: [
            // The key stays in the request, and yet reaches neither records nor the log.
            { name: 'key-auth', config: { anonymous: 'guest' } },
            { name: 'basic-auth', config: { anonymous: 'guest', hide_credentials: true } },
            { name: 'acl', config: { allow: ['staff', 'guests'] } },
            records(topic),
            { name: 'kafka-log', config: { bootstrap_servers: servers, topic: log } },
          ],
        },
      ],
      plugins: [{ ...records(own), route: 'orders', consumer: 'bob' }],
    };
    const node = await serve(document);
    const send = async (headers: Readonly<Record<string, string>>, body: string) => {
      const forged = {
        'x-consumer-username': 'forged-name',
        'x-consumer-groups': 'forged-name',
        x_credential_identifier: 'forged-name',
      };
      const answer = await fetch(`${node.proxy}/orders`, {
        method: 'POST',
        headers: { ...forged, ...headers },
        body,
      });
      expect(answer.status, await answer.text()).to.equal(200);
    };
    const login = `Basic ${Buffer.from('bob-login:bobs-password').toString('base64')}`;
    await send({ apikey: 'ada-key' }, 'of ada');
    await send({ authorization: login }, 'of bob');
    await send({ apikey: 'wrong' }, 'of nobody');

    const seen = (await readTopic(topic)).map(({ key, value, headers }) => {
      const names = Object.keys(headers).filter((name) => /^x-(?:consumer|credential|anonymous)/.test(name));
      const told = Object.fromEntries(names.toSorted().map((name) => [name, textOf(headers[name])]));
      expect(Object.keys(headers)).not.to.include.members(['apikey']).and.not.to.include.members(['authorization']);
      return [
        key?.toString(),
        value?.toString(),
        told['x-consumer-username'],
        told['x-consumer-groups'],
        Object.keys(told),
      ];
    });
    const all = ['x-consumer-custom-id', 'x-consumer-groups', 'x-consumer-id', 'x-consumer-username'];
    expect(seen).to.deep.equal([
      ['ada', 'of ada', 'ada', 'staff', [...all, 'x-credential-identifier']],
      ['guest', 'of nobody', 'guest', 'guests', ['x-anonymous-consumer', ...all.slice(1)]],
    ]);
    expect(await keysAndValues(own)).to.deep.equal([['bob', 'of bob']]);
    await waitFor(async () => (await readTopic(log)).length === 3, { what: 'three entries', timeoutMs: 30_000 });
    const entries = (await readTopic(log)).map(({ value }) => value?.toString() ?? '');
    const consumers = entries.map((text) => (JSON.parse(text) as { consumer: { username: string } }).consumer.username);
    expect(consumers.toSorted()).to.deep.equal(['ada', 'bob', 'guest']);
    const written = [...entries, ...node.lines.map((line) => JSON.stringify(line))].join('\n');
    for (const secret of ['ada-key', login.slice(6), 'bobs-password', 'forged-name'])
      expect(written).not.to.include(secret);
    expect(await node.stop()).to.equal(0);
  });

  it('are recognised in each message of a gRPC call', async () => {
    const topic = await createTopic('grpc-consumers');
    const path = '/shop.Orders/Send';
    const node = await serve({
      consumers: [{ username: 'ada', basicauth_credentials: [{ username: 'ada', password: 'p' }] }],
      routes: [
        { name: 'grpc', protocols: ['grpc'], paths: [path], plugins: [{ name: 'basic-auth' }, recordsOf(topic)] },
      ],
    });
    const client = new Client(new URL(node.proxy).host, credentials.createInsecure());
    closing.add(() => client.close());
    const bytes = (value: Buffer) => value;
    const send = (login: string | undefined) =>
      new Promise<number>((resolve) => {
        const metadata = new Metadata();
        metadata.set('x-consumer-username', 'forged-name');
        if (login !== undefined) metadata.set('authorization', `Basic ${Buffer.from(login).toString('base64')}`);
        const call = client.makeUnaryRequest(path, bytes, bytes, Buffer.from('m'), metadata, () => undefined);
        call.on('status', ({ code }) => resolve(code));
      });
    const refused = [await send(undefined), await send('ada:x'), await send('ada:p')];
    expect(refused).to.deep.equal([status.UNAUTHENTICATED, status.UNAUTHENTICATED, status.OK]);
    expect(await keysAndValues(topic)).to.deep.equal([['ada', 'm']]);
  });

  it('are recognised by tokens of an issuer, whose keys the node fetches once', async () => {
    const topic = await createTopic('oidc');
    const issuer = await startTestIssuer();
    closing.add(() => issuer.close());
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    issuer.keys.set('k', privateKey);
    const config = { issuer: issuer.url, audience: ['orders'], scopes_required: ['write'] };
    const node = await serve({
      consumers: [{ username: 'ada' }],
      routes: [{ name: 'o', paths: ['/o'], plugins: [{ name: 'oidc-bearer', config }, recordsOf(topic)] }],
    });
    const statuses: number[] = [];
    for (const claims of [
      { aud: 'orders', scope: 'write' },
      { aud: 'orders', scope: 'read' },
      { scope: 'write' },
      {},
    ]) {
      const exp = Math.floor(Date.now() / 1_000) + 600;
      const token = signed({ alg: 'ES256', kid: 'k' }, { iss: issuer.url, sub: 'ada', exp, ...claims }, privateKey);
      const headers = { authorization: `Bearer ${token}` };
      statuses.push((await fetch(`${node.proxy}/o`, { method: 'POST', headers, body: 'm' })).status);
    }
    expect(statuses).to.deep.equal([200, 403, 401, 401]);
    expect(await keysAndValues(topic)).to.deep.equal([['ada', 'm']]);
    expect(issuer.requests).to.have.length(2);
    const metrics = await (await fetch(`${node.status}/metrics`)).text();
    expect(metrics).to.include('sluice_issuer_key_fetches_total{result="fetched"} 1');
    expect(node.lines.filter(({ event }) => event === 'issuer_keys_fetched')).to.have.length(1);
  });

  it('who logged in before pass while others guess passwords, which is bounded, counted and logged', async () => {
    const node = await serve({
      consumers: [{ username: 'ada', basicauth_credentials: [{ username: 'ada', password: 'p' }] }],
      routes: [
        {
          name: 'r',
          paths: ['/r'],
          plugins: [{ name: 'basic-auth' }, { name: 'request-termination', config: { status_code: 200 } }],
        },
      ],
    });
    const send = async (password: string) => {
      const authorization = `Basic ${Buffer.from(`ada:${password}`).toString('base64')}`;
      const answer = await fetch(`${node.proxy}/r`, { headers: { authorization } });
      await answer.text();
      return answer.status;
    };
    expect(await send('p')).to.equal(200);
    const guesses = Array.from({ length: 140 }, (_, index) => send(`guess ${index}`));
    // Told at once: the password is remembered.
    expect(await send('p')).to.equal(200);
    const statuses = await Promise.all(guesses);
    const refused = statuses.filter((answered) => answered === 429).length;
    expect(refused).to.be.greaterThan(0);
    expect(statuses.filter((answered) => answered === 401)).to.have.length(140 - refused);
    const metrics = await (await fetch(`${node.status}/metrics`)).text();
    expect(metrics).to.include(`sluice_limit_hits_total{limit="password_checks_waiting",port="proxy"} ${refused}`);
    expect(
      node.lines.some((line) => line.event === 'limit_hit' && line['limit'] === 'password_checks_waiting'),
    ).to.equal(true);
  });
});
