import { expect } from 'chai';
import { entities } from '../../../shared/entities/entities.ts';
import { startAdmin, type AdminFixture } from './admin-fixture.ts';

const uuid = '11111111-1111-4111-8111-111111111111';

describe('the Admin API: entities', () => {
  let admin: AdminFixture;
  beforeEach(async () => {
    admin = await startAdmin();
  });
  afterEach(() => admin.close());

  it('creates with all defaults, 201', async () => {
    const { status, body } = await admin.call('POST', '/services', { name: 's', host: 'example.com' });
    expect(status).to.equal(201);
    expect(body.id).to.match(/^[0-9a-f-]{36}$/);
    expect(body.created_at).to.be.a('number').and.satisfy(Number.isInteger);
    expect(body).to.deep.equal({
      id: body.id,
      created_at: body.created_at,
      updated_at: body.created_at,
      name: 's',
      retries: 5,
      protocol: 'http',
      host: 'example.com',
      port: 80,
      path: null,
      connect_timeout: 60000,
      write_timeout: 60000,
      read_timeout: 60000,
      tags: null,
      client_certificate: null,
      tls_verify: null,
      tls_verify_depth: null,
      ca_certificates: null,
      enabled: true,
    });
    const read = await admin.call('GET', '/services/s');
    expect(read.status).to.equal(200);
    expect(read.body).to.deep.equal(body);
    expect((await admin.call('GET', `/services/${body.id}`)).body).to.deep.equal(body);
    expect((await admin.call('GET', `/services/${String(body.id).toUpperCase()}`)).body).to.deep.equal(body);
    expect((await admin.call('GET', '/services/s/')).body).to.deep.equal(body);
  });

  it('takes id and created_at from the body', async () => {
    const { body } = await admin.call('POST', '/services', { id: uuid, created_at: 5, updated_at: 6, host: 'x' });
    expect(body.id).to.equal(uuid);
    expect(body.created_at).to.equal(5);
    expect(body.updated_at).to.be.greaterThan(6);
  });

  it('PUT creates or replaces, always 200; the path identifies the entity', async () => {
    const made = await admin.call('PUT', '/services/s', { host: 'a', port: 81, tags: ['x'] });
    expect(made.status).to.equal(200);
    expect(made.body).to.include({ name: 's', port: 81 });
    const replaced = await admin.call('PUT', '/services/s', { host: 'b' });
    expect(replaced.status).to.equal(200);
    expect(replaced.body).to.include({
      id: made.body.id,
      created_at: made.body.created_at,
      host: 'b',
      port: 80,
      tags: null,
    });
    const byId = await admin.call('PUT', `/services/${uuid}`, { host: 'c' });
    expect(byId.status).to.equal(200);
    expect(byId.body).to.include({ id: uuid, name: null });
  });

  it('PATCH merges, replaces lists, and null clears', async () => {
    await admin.call('PUT', '/services/s', { host: 'a', port: 81, path: '/p', tags: ['x', 'y'], retries: 1 });
    const patched = await admin.call('PATCH', '/services/s', { path: null, tags: ['z'], retries: null });
    expect(patched.status).to.equal(200);
    expect(patched.body).to.include({ host: 'a', port: 81, path: null, retries: 5 });
    expect(patched.body.tags).to.deep.equal(['z']);
    const refused = await admin.call('PATCH', '/services/s', { port: null, host: 5 });
    expect(refused.status).to.equal(400);
    expect(refused.body.message).to.equal(
      '2 schema violations (host: expected a string; port: required field missing)',
    );
    expect((await admin.call('PATCH', '/services/none', { port: 1 })).status).to.equal(404);
    const renamed = await admin.call('PATCH', '/services/s', { name: 't', id: uuid });
    expect(renamed.body).to.include({ name: 't', id: patched.body.id });
  });

  it('DELETE answers 204, also when there is nothing', async () => {
    await admin.call('PUT', '/services/s', { host: 'a' });
    const first = await admin.call('DELETE', '/services/s', undefined, { 'content-type': 'application/json' });
    expect([first.status, first.text]).to.deep.equal([204, '']);
    expect((await admin.call('DELETE', '/services/s')).status).to.equal(204);
    expect((await admin.call('GET', '/services/s')).body).to.deep.equal({
      code: 6,
      name: 'not found',
      message: 'Not found',
    });
  });

  it('expands the write-only url', async () => {
    const rows: readonly (readonly [string, object])[] = [
      ['http://a.example', { protocol: 'http', host: 'a.example', port: 80, path: null }],
      ['https://a.example/', { protocol: 'https', host: 'a.example', port: 443, path: '/' }],
      ['https://a.example:8443/x/y?q', { protocol: 'https', host: 'a.example', port: 8443, path: '/x/y' }],
      ['grpcs://a.example', { protocol: 'grpcs', host: 'a.example', port: 443, path: null }],
    ];
    for (const [url, expected] of rows) {
      const { status, body } = await admin.call('PUT', '/services/s', { url });
      expect(status, url).to.equal(200);
      expect(body, url).to.include(expected).and.not.have.property('url');
    }
    const patched = await admin.call('PATCH', '/services/s', { url: 'http://b.example/z' });
    expect(patched.body).to.include({ protocol: 'http', host: 'b.example', port: 80, path: '/z' });
    const bad = await admin.call('POST', '/services', { url: 'nonsense' });
    expect(bad.body.fields).to.deep.equal({ url: 'missing host in url' });
  });

  it('reads keys percent-decoded and prefers ids for what looks like a UUID', async () => {
    await admin.call('PUT', '/services/caf%C3%A9', { host: 'a' });
    expect((await admin.call('GET', '/services/caf%C3%A9')).body.name).to.equal('café');
    await admin.call('PUT', `/services/${uuid}`, { host: 'by-id' });
    const named = await admin.call('POST', '/services', { name: uuid, host: 'by-name' });
    expect((await admin.call('GET', `/services/${uuid}`)).body.host).to.equal('by-id');
    await admin.call('DELETE', `/services/${uuid}`);
    expect((await admin.call('GET', `/services/${uuid}`)).body.id).to.equal(named.body.id);
    expect((await admin.call('GET', '/services/%ff')).status).to.equal(400);
  });

  it('answers unique violations 409', async () => {
    await admin.call('PUT', '/services/s', { host: 'a' });
    const again = await admin.call('POST', '/services', { name: 's', host: 'b' });
    expect(again.status).to.equal(409);
    expect(again.body).to.deep.equal({
      code: 5,
      name: 'unique constraint violation',
      message: `UNIQUE violation detected on '{name="s"}'`,
      fields: { name: 's' },
    });
    await admin.call('POST', '/consumers', { username: 'u', custom_id: 'c' });
    const custom = await admin.call('POST', '/consumers', { username: 'v', custom_id: 'c' });
    expect(custom.body.message).to.equal(`UNIQUE violation detected on '{custom_id="c"}'`);
    const { body } = await admin.call('POST', '/services', { host: 'a' });
    const sameId = await admin.call('POST', '/services', { host: 'b', id: body.id });
    expect(sameId.status).to.equal(409);
    expect((await admin.call('PATCH', '/services/s', { name: 's' })).status).to.equal(200);
  });

  it('accepts references by id or name, and refuses those without a target', async () => {
    const { body: service } = await admin.call('PUT', '/services/s', { host: 'a' });
    const byName = await admin.call('POST', '/routes', { paths: ['/a'], service: { name: 's', x: 1 } });
    expect(byName.status).to.equal(201);
    expect(byName.body.service).to.deep.equal({ id: service.id });
    const byId = await admin.call('POST', '/routes', { paths: ['/a'], service: { id: service.id, name: 'other' } });
    expect(byId.body.service).to.deep.equal({ id: service.id });
    const unknown = await admin.call('POST', '/routes', { paths: ['/a'], service: { id: uuid } });
    expect(unknown.status).to.equal(400);
    expect(unknown.body).to.deep.equal({
      code: 4,
      name: 'foreign key violation',
      message: `the foreign key '{id="${uuid}"}' does not reference an existing 'services' entity.`,
      fields: { service: { id: uuid } },
    });
    expect((await admin.call('POST', '/routes', { paths: ['/a'], service: { name: 'none' } })).body.code).to.equal(4);
    const badId = await admin.call('POST', '/routes', { paths: ['/a'], service: { id: 'x' } });
    expect(badId.body.fields).to.deep.equal({ service: { id: 'expected a valid UUID' } });
    const certificate = await admin.call('PATCH', '/services/s', {
      protocol: 'https',
      client_certificate: { id: uuid },
    });
    expect(certificate.body.code).to.equal(4);
  });

  it('keeps a referenced service, and lets plugins go with what they are bound to', async () => {
    await admin.call('PUT', '/services/s', { host: 'a' });
    await admin.call('POST', '/services/s/routes', { name: 'r', paths: ['/'] });
    await admin.call('POST', '/services/s/plugins', { name: 'sample', config: { topic: 't' } });
    const { body: onRoute } = await admin.call('POST', '/routes/r/plugins', { name: 'sample', config: { topic: 't' } });
    const refused = await admin.call('DELETE', '/services/s');
    expect(refused.status).to.equal(400);
    expect(refused.body).to.include({
      code: 4,
      message: "an existing 'routes' entity references this 'services' entity",
    });
    expect(refused.body.fields).to.deep.equal({ '@referenced_by': 'routes' });
    expect((await admin.call('GET', '/plugins')).body.data).to.have.length(2);
    expect((await admin.call('DELETE', '/routes/r')).status).to.equal(204);
    expect((await admin.call('GET', `/plugins/${onRoute.id}`)).status).to.equal(404);
    expect((await admin.call('DELETE', '/services/s')).status).to.equal(204);
    expect((await admin.call('GET', '/plugins')).body.data).to.deep.equal([]);
  });

  it('serves nested paths with the reference from the path', async () => {
    const { body: service } = await admin.call('PUT', '/services/s', { host: 'a' });
    await admin.call('PUT', '/services/other', { host: 'b' });
    const made = await admin.call('POST', '/services/s/routes', {
      name: 'r',
      paths: ['/'],
      service: { name: 'other' },
    });
    expect(made.status).to.equal(201);
    expect(made.body.service).to.deep.equal({ id: service.id });
    expect((await admin.call('GET', '/services/s/routes')).body.data).to.deep.equal([made.body]);
    expect((await admin.call('GET', '/services/other/routes')).body.data).to.deep.equal([]);
    expect((await admin.call('GET', '/services/none/routes')).status).to.equal(404);
    expect((await admin.call('POST', '/services/none/routes', { paths: ['/'] })).status).to.equal(404);
    expect((await admin.call('GET', '/services/s/routes/r')).body).to.deep.equal(made.body);
    expect((await admin.call('GET', '/services/other/routes/r')).status).to.equal(404);
    expect((await admin.call('PATCH', '/services/s/routes/r', { strip_path: false })).body.strip_path).to.equal(false);
    expect((await admin.call('PATCH', '/services/other/routes/r', {})).status).to.equal(404);
    const put = await admin.call('PUT', '/services/s/routes/r2', { paths: ['/2'] });
    expect(put.body).to.deep.include({ name: 'r2', service: { id: service.id } });
    expect((await admin.call('DELETE', '/services/other/routes/r')).status).to.equal(204);
    expect((await admin.call('GET', '/routes/r')).status).to.equal(200);
    expect((await admin.call('GET', '/routes/r/service')).body).to.deep.equal(service);
    expect((await admin.call('PATCH', '/routes/r/service', { port: 82 })).body.port).to.equal(82);
    const parentPut = await admin.call('PUT', '/routes/r/service', { host: 'c' });
    expect(parentPut.body).to.include({ id: service.id, host: 'c', name: null });
    expect((await admin.call('DELETE', '/routes/r/service')).status).to.equal(405);
    await admin.call('POST', '/routes', { name: 'alone', paths: ['/'] });
    expect((await admin.call('GET', '/routes/alone/service')).status).to.equal(404);
    await admin.call('POST', '/consumers', { username: 'u' });
    expect((await admin.call('GET', '/consumers/u/plugins')).body.data).to.deep.equal([]);
  });

  it('guards writes by ETag and If-Match', async () => {
    const made = await admin.call('PUT', '/services/s', { host: 'a' });
    const etag = made.headers.get('etag') ?? '';
    expect((await admin.call('GET', '/services/s')).headers.get('etag')).to.equal(etag);
    const stale = { 'if-match': '"stale"' };
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      const body = method === 'DELETE' ? undefined : { host: 'b' };
      expect((await admin.call(method, '/services/s', body, stale)).status, method).to.equal(412);
    }
    const patched = await admin.call('PATCH', '/services/s', { host: 'b' }, { 'if-match': `"x", ${etag}` });
    expect(patched.status).to.equal(200);
    expect((await admin.call('PATCH', '/services/s', { host: 'c' }, { 'if-match': etag })).status).to.equal(412);
    expect((await admin.call('PUT', '/services/new', { host: 'c' }, { 'if-match': '*' })).status).to.equal(412);
    expect((await admin.call('DELETE', '/services/s', undefined, { 'if-match': '*' })).status).to.equal(204);
  });

  it('counts a revision for each change and tells listeners', async () => {
    const heard: number[] = [];
    const stop = admin.store.onChange((revision) => heard.push(revision));
    const before = admin.store.revision();
    await admin.call('PUT', '/services/s', { host: 'a' });
    await admin.call('POST', '/services', { name: 's', host: 'a' });
    await admin.call('DELETE', '/services/none');
    await admin.call('DELETE', '/services/s');
    expect(heard).to.deep.equal([before + 1, before + 2]);
    stop();
    const { revision, entities: all } = admin.store.readAll();
    expect(revision).to.equal(before + 2);
    expect(all).to.deep.equal(Object.fromEntries(entities.map(({ plural }) => [plural, []])));
  });
});
