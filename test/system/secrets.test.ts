import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bootstrapServers } from '../helpers/admin.ts';
import { Closing } from '../helpers/closing.ts';
import { freePort } from '../helpers/free-port.ts';
import { createTopic, testKafka } from '../helpers/kafka.ts';
import { postRaw } from '../helpers/post.ts';
import { type ControlPlaneProcess, runControlPlane, runDataPlane, runSluice } from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { testCertificate, writePair } from '../helpers/test-certificates.ts';
import { waitFor } from '../helpers/wait-for.ts';

const planted = (name: string): string => `planted-${name}-c81e`;
const newKey = () => randomBytes(32).toString('base64');

describe('secrets of a control plane and a node', function () {
  this.timeout(180_000);
  const closing = new Closing();
  afterEach(() => closing.close());

  const folderOf = async () => {
    const temp = await tempFolder();
    closing.add(() => temp.remove());
    return temp.path;
  };
  const call = (base: string, token: string, method: string, path: string, body?: object) =>
    fetch(`${base}${path}`, {
      method,
      headers: { 'kong-admin-token': token, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const bytesOf = (path: string): Buffer =>
    statSync(path).isDirectory()
      ? Buffer.concat(readdirSync(path).map((name) => bytesOf(join(path, name))))
      : readFileSync(path);

  it('are in no log, no answer without the full token, no metric, and in no file', async () => {
    const folder = await folderOf();
    const [token, readToken] = [planted('token'), planted('read-token')];
    const key = newKey();
    writeFileSync(join(folder, 'keyring'), key, { mode: 0o600 });
    const cluster = await testCertificate();
    const pair = writePair(folder, 'cluster', cluster);
    const clusterArgs = [`--cluster-cert=${pair.cert}`, `--cluster-cert-key=${pair.key}`];
    const controlPlane = await runControlPlane({
      folder: join(folder, 'control-plane'),
      args: [
        ...clusterArgs,
        '--log-level=debug',
        `--keyring=${folder}/keyring`,
        `--admin-token=${token}`,
        `--admin-token-read-only=${readToken}`,
      ],
    });
    closing.add(() => controlPlane.stop());
    const node = await runDataPlane({
      folder: join(folder, 'node'),
      controlPlane: controlPlane.cluster,
      args: [...clusterArgs, '--log-level=debug'],
      env: { ONLY_HERE: planted('variable') },
    });
    closing.add(() => node.stop());

    const write = async (method: string, path: string, body: object): Promise<Record<string, unknown>> => {
      const separator = path.includes('?') ? '&' : '?';
      const answer = await call(controlPlane.admin, token, method, `${path}${separator}wait=applied&timeout=10s`, body);
      const text = await answer.text();
      expect(answer.status, text).to.be.within(200, 299);
      // The clusters that it names are not there.
      expect(answer.headers.get('sluice-sync'), path).to.match(/^applied; nodes=1(?:; |$)/);
      return JSON.parse(text) as Record<string, unknown>;
    };
    await waitFor(
      async () => {
        const answer = await call(controlPlane.admin, token, 'GET', '/clustering/status');
        return ((await answer.json()) as { connected: number }).connected === 1;
      },
      { what: 'the node' },
    );
    const other = await testCertificate();
    const topic = await createTopic('secrets');
    const brokers = { bootstrap_servers: bootstrapServers(testKafka()), topic, delivery_timeout: 1_500 };
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const value_schema = { subject_name: 's' };
    const configs: Record<string, object> = {
      plain: brokers,
      password: {
        ...brokers,
        authentication: { strategy: 'sasl', mechanism: 'PLAIN', user: 'u', password: planted('password') },
      },
      oauth: {
        ...brokers,
        authentication: {
          strategy: 'sasl',
          mechanism: 'OAUTHBEARER',
          oauthbearer: { token_endpoint_url: nobody, client_id: 'c', client_secret: planted('client-secret') },
        },
      },
      registry: {
        ...brokers,
        record_value: 'body',
        schema_registry: {
          confluent: {
            url: nobody,
            authentication: {
              mode: 'basic',
              basic: { username: planted('registry-user'), password: planted('registry-password') },
            },
            value_schema,
          },
        },
      },
      oauth2: {
        ...brokers,
        record_value: 'body',
        schema_registry: {
          confluent: {
            url: nobody,
            authentication: {
              mode: 'oauth2',
              oauth2: {
                token_endpoint: nobody,
                client_id: planted('oauth2-id'),
                client_secret: planted('oauth2-secret'),
                token_headers: { 'x-extra': planted('token-header') },
                token_post_args: { extra: planted('token-argument') },
              },
            },
            value_schema,
          },
        },
      },
      variable: {
        ...brokers,
        authentication: { strategy: 'sasl', mechanism: 'PLAIN', user: 'u', password: '{vault://env/ONLY_HERE}' },
      },
    };
    for (const [name, config] of Object.entries(configs)) {
      await write('PUT', `/routes/${name}`, { paths: [`/${name}`] });
      await write('POST', `/routes/${name}/plugins`, { name: 'kafka-upstream', instance_name: name, config });
    }
    await write('PUT', '/consumers/c', {});
    await write('POST', '/consumers/c/key-auth', { key: planted('key-auth') });
    await write('POST', '/consumers/c/basic-auth', { username: 'visible', password: planted('password-of-login') });
    await write('POST', '/consumers/c/hmac-auth', { username: 'visible', secret: planted('hmac-secret') });
    await write('POST', '/consumers/c/jwt', { key: 'visible', secret: planted('jwt-secret') });
    await write('POST', '/certificates', { cert: other.certPem, key: other.keyPem, snis: ['visible.example'] });
    // Changes, refusals and loads of the whole leave traces of their own.
    await write('PATCH', '/plugins/password', { config: { authentication: { password: planted('second-password') } } });
    const refusedAnswers = [
      await call(controlPlane.admin, token, 'POST', '/consumers/c/key-auth', { key: planted('key-auth') }),
      await call(controlPlane.admin, token, 'POST', '/certificates', { cert: other.certPem, key: planted('bad-key') }),
      await call(controlPlane.admin, planted('wrong-token'), 'GET', '/plugins'),
    ];
    expect(refusedAnswers.map(({ status }) => status)).to.deep.equal([409, 400, 401]);
    const whole = (await (await call(controlPlane.admin, token, 'GET', '/config')).json()) as object;
    expect(JSON.stringify(whole)).to.contain(planted('second-password')).and.contain('{vault://env/ONLY_HERE}');
    await write('POST', '/config', {
      ...whole,
      consumers: [],
      keyauth_credentials: [],
      basicauth_credentials: [],
      hmacauth_credentials: [],
      jwt_secrets: [],
    });
    await write('POST', '/config', whole);

    const shown: string[] = [];
    for (const name of Object.keys(configs)) {
      const answer = await postRaw(`${node.proxy}/${name}`, '{"a":1}', {
        'content-type': 'application/json',
        authorization: planted('request-header'),
      });
      expect(answer.status, name).to.equal(name === 'plain' ? 200 : 503);
      shown.push(JSON.stringify(answer));
    }
    for (const answer of refusedAnswers) shown.push(await answer.text());
    const paths = ['/', '/status', '/config', '/tags', '/endpoints', '/clustering/data-planes', '/clustering/status'];
    const lists = ['routes', 'plugins', 'consumers', 'certificates', 'snis', 'services'].concat([
      'key-auths',
      'basic-auths',
      'hmac-auths',
      'jwts',
      'acls',
    ]);
    for (const path of [...paths, ...lists.map((list) => `/${list}?size=1000`), '/audit/objects?size=1000']) {
      const answer = await call(controlPlane.admin, readToken, 'GET', path);
      expect(answer.status, path).to.equal(200);
      shown.push(`${path} ${await answer.text()}`);
    }
    for (const base of [node.status, `http://${controlPlane.address('status')}`]) {
      for (const path of ['/metrics', '/status', '/status/ready'])
        shown.push(await (await fetch(`${base}${path}`)).text());
    }
    await Promise.all([node.stop(), controlPlane.stop()]);
    shown.push(controlPlane.output(), node.output());
    const audited = shown.find((text) => text.startsWith('/audit/objects')) ?? '';
    expect(audited).to.contain('config.authentication.password').and.contain('"actor":"admin_token"');

    const secrets = [
      /planted-[a-z0-9-]+-c81e/g,
      ...[cluster, other].map(({ keyPem }) => new RegExp(escaped(lineOf(keyPem)), 'g')),
      new RegExp(escaped(key), 'g'),
    ];
    for (const text of shown)
      for (const secret of secrets) expect(text.match(secret), text.slice(0, 300)).to.equal(null);
    for (const place of ['control-plane', 'node']) {
      const bytes = bytesOf(join(folder, place)).toString('latin1');
      for (const secret of secrets) expect(bytes.match(secret), place).to.equal(null);
    }
    expect(bytesOf(join(folder, 'control-plane')).includes('visible.example')).to.equal(true);
  });

  it('need their keyring: a control plane without it, or with another, does not start and says why', async () => {
    const folder = await folderOf();
    const [first, second] = [newKey(), newKey()];
    const ring = (name: string, ...keys: string[]) => {
      writeFileSync(join(folder, name), keys.join('\n'), { mode: 0o600 });
      return `--keyring=${folder}/${name}`;
    };
    const start = (...args: string[]) => runControlPlane({ folder, args });
    const failsWith = async (message: string, ...args: string[]) => {
      const running = runSluice(['start', '--role=control_plane', `--database=${folder}/control-plane.db`, ...args]);
      closing.add(() => running.stop());
      expect(await running.exited).to.equal(1);
      expect(running.output()).to.contain(message);
      for (const key of [first, second]) expect(running.output()).to.not.contain(key);
    };
    const secretOf = async ({ admin }: ControlPlaneProcess) =>
      ((await (await fetch(`${admin}/key-auths`)).json()) as { data: { key: string }[] }).data[0]?.key;

    const plain = await start();
    expect(plain.lines.filter(({ event }) => event === 'secrets_in_clear')).to.have.length(1);
    await call(plain.admin, '', 'PUT', '/consumers/c', {});
    await call(plain.admin, '', 'POST', '/consumers/c/key-auth', { key: planted('at-rest') });
    await plain.stop();
    expect(bytesOf(join(folder, 'control-plane.db')).includes(planted('at-rest'))).to.equal(true);

    for (const args of [ring('one', first), ring('two', second, first), ring('three', second)]) {
      const running = await start(args);
      expect(await secretOf(running)).to.equal(planted('at-rest'));
      expect(running.output()).to.not.contain('secrets_in_clear');
      await running.stop();
      expect(bytesOf(join(folder, 'control-plane.db')).includes(planted('at-rest'))).to.equal(false);
    }
    await failsWith('the setting keyring is needed');
    await failsWith('which the keyring does not hold', ring('four', first));
  });
});

function lineOf(pem: string): string {
  return pem.split('\n')[1] ?? '';
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
