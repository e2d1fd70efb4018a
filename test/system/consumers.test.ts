import { expect } from 'chai';
import { writeFile } from 'node:fs/promises';
import { bootstrapServers } from '../helpers/admin.ts';
import { Closing } from '../helpers/closing.ts';
import { createTopic, readTopic, testKafka } from '../helpers/kafka.ts';
import { runSluice } from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';

const textOf = (value: unknown): string => (Buffer.isBuffer(value) ? value.toString() : String(value));

describe('consumers on the way into Kafka', function () {
  this.timeout(120_000);
  const closing = new Closing();
  after(() => closing.close());

  it('key records, stand in their headers and in the log, and choose a plugin of their own; forged ones never do', async () => {
    const [topic, own, log] = await Promise.all([createTopic('all'), createTopic('own'), createTopic('log')]);
    const servers = bootstrapServers(testKafka());
    const records = (to: string) => ({
      name: 'kafka-upstream',
      config: {
        bootstrap_servers: servers,
        topic: to,
        record_value: 'body',
        key_from: { consumer: 'username' },
        headers: { forward_http_headers_as_record_headers: true, forward_all_by_default: true },
      },
    });
    const document = {
      _format_version: '3.0',
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
    const folder = await tempFolder();
    closing.add(() => folder.remove());
    const path = `${folder.path}/config.json`;
    await writeFile(path, JSON.stringify(document));
    const ports = ['admin', 'proxy', 'status'].map((port) => `--${port}-listen=127.0.0.1:0`);
    const node = runSluice(['start', '--role=dbless', `--declarative-config=${path}`, '--log-format=json', ...ports]);
    closing.add(() => node.stop());
    await node.line((line) => line.event === 'ready', 60_000);
    const send = async (headers: Readonly<Record<string, string>>, body: string) => {
      const forged = {
        'x-consumer-username': 'forged-name',
        'x-consumer-groups': 'forged-name',
        x_credential_identifier: 'forged-name',
      };
      const answer = await fetch(`http://${node.address('proxy')}/orders`, {
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
    expect((await readTopic(own)).map(({ key, value }) => [key?.toString(), value?.toString()])).to.deep.equal([
      ['bob', 'of bob'],
    ]);
    await waitFor(async () => (await readTopic(log)).length === 3, { what: 'three entries', timeoutMs: 30_000 });
    const entries = (await readTopic(log)).map(({ value }) => value?.toString() ?? '');
    const consumers = entries.map((text) => (JSON.parse(text) as { consumer: { username: string } }).consumer.username);
    expect(consumers.toSorted()).to.deep.equal(['ada', 'bob', 'guest']);
    const written = [...entries, ...node.lines.map((line) => JSON.stringify(line))].join('\n');
    for (const secret of ['ada-key', login.slice(6), 'bobs-password', 'forged-name'])
      expect(written).not.to.include(secret);
    expect(await node.stop()).to.equal(0);
  });
});
