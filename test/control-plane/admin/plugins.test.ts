import { expect } from 'chai';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { samplePlugin, startAdmin, type AdminFixture } from './admin-fixture.ts';

describe('the Admin API: plugins', () => {
  let admin: AdminFixture;
  beforeEach(async () => {
    admin = await startAdmin({}, { plugins: { sample: samplePlugin, ...pluginSchemas } });
  });
  afterEach(() => admin.close());

  it('fills the config from the plugin and keeps absent optional records null', async () => {
    const { status, body } = await admin.call('POST', '/plugins', { name: 'sample', config: { topic: 't' } });
    expect(status).to.equal(201);
    expect(body.config.label).to.match(/^[0-9a-f]{32}$/);
    expect(body).to.deep.include({
      instance_name: null,
      route: null,
      service: null,
      consumer: null,
      protocols: ['http', 'https'],
      enabled: true,
      config: {
        topic: 't',
        servers: null,
        label: body.config.label,
        secret: null,
        limits: { count: 2, strict: false },
        certificates: null,
        extra: null,
        names: {},
      },
    });
  });

  it('keeps an explicit null of an automatic word', async () => {
    const { body } = await admin.call('POST', '/plugins', { name: 'sample', config: { topic: 't', label: null } });
    expect(body.config.label).to.equal(null);
  });

  it('merges config deeply on PATCH', async () => {
    const config = { topic: 't', limits: { count: 3 }, servers: [{ host: 'a' }], names: { a: 'b' }, secret: 'x' };
    const { body: made } = await admin.call('POST', '/plugins', { name: 'sample', config });
    const patch = { config: { limits: { strict: true }, servers: [{ host: 'b' }], names: { c: 'd' }, secret: null } };
    const { body } = await admin.call('PATCH', `/plugins/${made.id}`, patch);
    expect(body.config).to.deep.equal({
      ...made.config,
      limits: { count: 3, strict: true },
      servers: [{ host: 'b', port: 9092 }],
      names: { c: 'd' },
      secret: null,
    });
    const cleared = await admin.call('PATCH', `/plugins/${made.id}`, { config: { extra: {} } });
    expect(cleared.body.config.extra).to.deep.equal({ on: true });
    const refused = await admin.call('PATCH', `/plugins/${made.id}`, { config: { limits: null, nope: 1 } });
    expect(refused.body.fields).to.deep.equal({ config: { limits: 'required field missing', nope: 'unknown field' } });
  });

  it('refuses an unknown name, and says what else is wrong', async () => {
    const { status, body } = await admin.call('POST', '/plugins', { name: 'none', config: { a: 1 }, enabled: 1 });
    const known = [...Object.keys(pluginSchemas), 'sample'].toSorted().join(', ');
    expect(status).to.equal(400);
    expect(body.fields).to.deep.equal({
      name: `plugin 'none' not enabled; this version has: ${known}`,
      enabled: 'expected a boolean',
    });
    for (const name of ['constructor', '__proto__']) {
      expect((await admin.call('POST', '/plugins', { name })).body.fields.name).to.contain('not enabled');
    }
    expect((await admin.call('POST', '/plugins', { config: {} })).body.fields).to.deep.equal({
      name: 'required field missing',
    });
  });

  it('refuses scopes and protocols that the plugin does not have', async () => {
    await admin.call('POST', '/consumers', { username: 'u' });
    const { body } = await admin.call('POST', '/consumers/u/plugins', {
      name: 'sample',
      protocols: ['grpc'],
      config: { topic: 't' },
    });
    expect(body.fields).to.deep.equal({
      consumer: 'value must be null',
      protocols: ['expected one of: http, https'],
    });
  });

  it('takes expressions only as null, and does not show them', async () => {
    const plugin = { name: 'sample', config: { topic: 't' } };
    const refused = await admin.call('POST', '/plugins', { ...plugin, expressions: { a: 1 } });
    expect(refused.body.fields).to.deep.equal({ expressions: 'value must be null' });
    const made = await admin.call('POST', '/plugins', { ...plugin, expressions: null });
    expect(made.status).to.equal(201);
    expect(made.body).to.not.have.property('expressions');
  });

  it('is unique in name and binding, and in instance_name', async () => {
    const { body: service } = await admin.call('PUT', '/services/s', { host: 'a' });
    const plugin = { name: 'sample', config: { topic: 't' } };
    expect((await admin.call('POST', '/plugins', plugin)).status).to.equal(201);
    const again = await admin.call('POST', '/plugins', plugin);
    expect(again.status).to.equal(409);
    expect(again.body.message).to.equal(
      `UNIQUE violation detected on '{consumer=null,name="sample",route=null,service=null}'`,
    );
    const onService = { ...plugin, instance_name: 'i', service: { name: 's' } };
    expect((await admin.call('POST', '/plugins', onService)).status).to.equal(201);
    const twice = await admin.call('POST', '/services/s/plugins', plugin);
    expect(twice.body.fields).to.deep.equal({
      name: 'sample',
      route: null,
      consumer: null,
      service: { id: service.id },
    });
    await admin.call('POST', '/services/s/routes', { name: 'r', paths: ['/'] });
    const instance = await admin.call('POST', '/routes/r/plugins', { ...plugin, instance_name: 'i' });
    expect(instance.body.message).to.equal(`UNIQUE violation detected on '{instance_name="i"}'`);
    expect((await admin.call('GET', '/plugins/i')).body.service).to.deep.equal({ id: service.id });
  });

  it('takes the configuration of kafka-upstream', async () => {
    const config = { bootstrap_servers: [{ host: 'localhost', port: 9092 }], topic: 'orders' };
    const { status, body, text } = await admin.call('POST', '/plugins', { name: 'kafka-upstream', config });
    expect(status, text).to.equal(201);
    expect(body.protocols).to.have.members(['grpc', 'grpcs', 'http', 'https']);
    expect(body.config).to.deep.include({ topic: 'orders', forward_body: true, record_value: 'envelope' });
    const again = await admin.call('PUT', `/plugins/${body.id}`, body);
    expect({ ...again.body, updated_at: 0 }).to.deep.equal({ ...body, updated_at: 0 });
    const schema = await admin.call('GET', '/schemas/plugins/kafka-upstream');
    expect(schema.status).to.equal(200);
    const refused = await admin.call('POST', '/plugins', { name: 'kafka-upstream', config: { topic: 5 } });
    expect(refused.body.fields.config).to.include({
      topic: 'expected a string',
      bootstrap_servers: 'required field missing; add the brokers to ask first, as [{host: kafka.example, port: 9092}]',
    });
  });
});
