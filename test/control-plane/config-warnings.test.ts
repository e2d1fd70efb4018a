import { expect } from 'chai';
import type { ControlPlane } from '../../control-plane/main.ts';
import { createLogger } from '../../shared/log.ts';
import { startAdminOnly } from '../helpers/admin-only.ts';
import { Closing } from '../helpers/closing.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

describe('warnings of a control plane', function () {
  this.timeout(30_000);
  const closing = new Closing();
  let controlPlane: ControlPlane;
  let lines: Record<string, unknown>[];

  beforeEach(async () => {
    const folder = await tempFolder();
    closing.add(() => folder.remove());
    lines = [];
    const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
    controlPlane = await startAdminOnly(folder.path, {
      statusListen: { host: '127.0.0.1', port: 0 },
      logger: createLogger({ level: 'info', format: 'json', write }),
    });
    closing.add(() => controlPlane.stop());
  });
  afterEach(() => closing.close());

  async function call(method: string, path: string, body?: unknown, at = 'admin') {
    const response = await fetch(`http://${controlPlane.addresses[at]}${path}`, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: JSON.parse(text) as Record<string, unknown> };
  }
  const plugin = (name: string, config: object): object => ({
    name: 'kafka-log',
    instance_name: name,
    config: { topic: 't', bootstrap_servers: [{ host: 'k', port: 9092 }], ...config },
  });
  const route = async (name: string): Promise<void> =>
    void (await call('PUT', `/routes/${name}`, { paths: [`/${name}`] }));

  it('say in the answer and in the status that one cluster has two names', async () => {
    await route('a');
    await route('b');
    const first = await call('POST', '/routes/a/plugins', plugin('one', { cluster_name: 'z' }));
    expect(first.status).to.equal(201);
    expect(first.body).to.not.have.property('warnings');

    const second = await call('POST', '/routes/b/plugins', plugin('two', { cluster_name: 'm' }));
    expect(second.status).to.equal(201);
    expect(second.body['warnings']).to.have.length(1);
    expect(String(second.body['warnings'])).to.match(/^one Kafka cluster has several names \('m', 'z'\); 'm' is used/);
    expect((await call('GET', '/status', undefined, 'status')).body['warnings']).to.deep.equal(second.body['warnings']);
    expect((await call('GET', '/plugins/two')).body).to.not.have.property('warnings');

    // What was answered can be sent again.
    const mended = await call('PATCH', '/plugins/two', {
      config: { cluster_name: 'z' },
      warnings: second.body['warnings'],
    });
    expect(mended.status).to.equal(200);
    expect(mended.body).to.not.have.property('warnings');
    expect((await call('GET', '/status', undefined, 'status')).body['warnings']).to.deep.equal([]);
  });

  it('tell of one name for two clusters, by PUT and PATCH too, in the log once', async () => {
    const other = { cluster_name: 'z', bootstrap_servers: [{ host: 'other', port: 9092 }] };
    const paths = ['a', 'b'] as const;
    for (const name of paths) await route(name);
    await call('POST', '/routes/a/plugins', plugin('one', { cluster_name: 'z' }));
    const text = "Kafka clusters with different settings are called 'z': ";
    const put = await call('PUT', '/routes/b/plugins/two', plugin('two', other));
    expect(put.status).to.equal(200);
    expect(String(put.body['warnings'])).to.include(text);
    const patched = await call('PATCH', '/plugins/two', { tags: ['x'] });
    expect(patched.body['warnings']).to.deep.equal(put.body['warnings']);
    const logged = lines.filter(({ event }) => event === 'cluster_names');
    expect(logged.map(({ msg }) => msg)).to.deep.equal(put.body['warnings']);
    expect((await call('GET', '/status', undefined, 'status')).body['warnings']).to.deep.equal(put.body['warnings']);
  });

  it('name fields in deprecated places', async () => {
    const confluent = { url: 'http://r', value_schema: { subject_name: 's' }, logical_cluster_id: 'lsrc-1' };
    const { status, body } = await call('POST', '/plugins', plugin('one', { schema_registry: { confluent } }));
    expect(status).to.equal(201);
    expect(body['warnings']).to.deep.equal([
      'config.schema_registry.confluent.logical_cluster_id is deprecated: write config.schema_registry.confluent.authentication.logical_cluster_id',
    ]);
  });

  it('name a request-termination that never runs, for as long as it holds', async () => {
    await route('a');
    const upstream = { ...plugin('records', {}), name: 'kafka-upstream' };
    const end = { name: 'request-termination', instance_name: 'end', config: {} };
    expect((await call('POST', '/routes/a/plugins', end)).body).to.not.have.property('warnings');
    await call('POST', '/routes/a/plugins', upstream);
    const sentence = "the request-termination 'end' never runs: kafka-upstream answers before it";
    const warnings = async () => (await call('GET', '/status', undefined, 'status')).body['warnings'];
    expect(await warnings()).to.deep.equal([sentence]);
    expect((await call('PATCH', '/plugins/end', { config: { status_code: 410 } })).body['warnings']).to.deep.equal([
      sentence,
    ]);
    await call('PATCH', '/plugins/records', { enabled: false });
    expect(await warnings()).to.deep.equal([]);
    const document = {
      _format_version: '3.0',
      services: [{ name: 's', host: 'h', plugins: [upstream], routes: [{ name: 'r', paths: ['/'], plugins: [end] }] }],
    };
    expect((await call('POST', '/config?dry_run=1', document)).body['warnings']).to.deep.equal([sentence]);
  });

  it('are the same for a load as for a write', async () => {
    const plugins = [plugin('one', { cluster_name: 'z' }), plugin('two', { cluster_name: 'm' })];
    const document = {
      _format_version: '3.0',
      routes: plugins.map((one, index) => ({ name: `r${index}`, paths: ['/'], plugins: [one] })),
    };
    for (const query of ['?dry_run=1', '']) {
      const { body } = await call('POST', `/config${query}`, document);
      expect(body['warnings'], JSON.stringify(body)).to.have.length(1);
    }
  });
});
