import { expect } from 'chai';
import { makePair, type TestPair } from '../../helpers/certificates.ts';
import { startAdmin, type AdminFixture } from './admin-fixture.ts';

const uuid = '11111111-1111-4111-8111-111111111111';

const authorityBody = async () => ({ cert: (await makePair({ ca: true })).cert });

describe('the Admin API: certificates and their names', () => {
  let admin: AdminFixture;
  let pair: TestPair;
  let other: TestPair;
  before(async () => {
    pair = await makePair();
    other = await makePair();
  });
  beforeEach(async () => {
    admin = await startAdmin();
  });
  afterEach(() => admin.close());

  const names = async (path = '/snis') =>
    (await admin.call('GET', path)).body.data.map((sni: { name: string }) => sni.name).sort();

  it('stores a row for each name and answers with the sorted list', async () => {
    const made = await admin.call('POST', '/certificates', { ...pair, snis: ['b.example', '*.a.example'] });
    expect(made.status, made.text).to.equal(201);
    const { id, created_at } = made.body;
    expect(made.body).to.deep.equal({
      id,
      created_at,
      updated_at: created_at,
      ...pair,
      cert_alt: null,
      key_alt: null,
      tags: null,
      snis: ['*.a.example', 'b.example'],
    });
    for (const path of [`/certificates/${id}`, '/certificates/b.example', '/certificates/*.a.example']) {
      expect((await admin.call('GET', path)).body, path).to.deep.equal(made.body);
    }
    expect((await admin.call('GET', '/certificates')).body.data).to.deep.equal([made.body]);
    expect(await names()).to.deep.equal(['*.a.example', 'b.example']);
    expect(await names(`/certificates/${id}/snis`)).to.deep.equal(['*.a.example', 'b.example']);
    expect(await names('/certificates/b.example/snis')).to.deep.equal(['*.a.example', 'b.example']);
    expect((await admin.call('GET', '/snis/b.example/certificate')).body).to.deep.equal(made.body);
  });

  it('answers an empty list without names', async () => {
    expect((await admin.call('POST', '/certificates', pair)).body.snis).to.deep.equal([]);
    expect((await admin.call('POST', '/certificates', { ...pair, snis: {} })).body.snis).to.deep.equal([]);
  });

  it('replaces the list; a name that stays keeps its row', async () => {
    const { id } = (await admin.call('POST', '/certificates', { ...pair, snis: ['a', 'b'] })).body;
    const kept = (await admin.call('GET', '/snis/b')).body;
    const patched = await admin.call('PATCH', `/certificates/${id}`, { snis: ['b', 'c'] });
    expect(patched.body.snis).to.deep.equal(['b', 'c']);
    expect((await admin.call('GET', '/snis/b')).body).to.deep.equal(kept);
    expect((await admin.call('GET', '/snis/a')).status).to.equal(404);
    expect((await admin.call('PATCH', `/certificates/${id}`, { tags: ['x'] })).body.snis).to.deep.equal(['b', 'c']);
    expect((await admin.call('PATCH', '/certificates/b', { snis: null })).body.snis).to.deep.equal([]);
    await admin.call('PATCH', `/certificates/${id}`, { snis: ['d'] });
    expect((await admin.call('PUT', `/certificates/${id}`, pair)).body.snis).to.deep.equal([]);
  });

  it('keeps what a changed list changes in one transaction with the certificate', async () => {
    await admin.call('POST', '/certificates', { ...pair, snis: ['taken'] });
    const owner = (await admin.call('GET', '/certificates/taken')).body.id;
    const revision = admin.store.revision();
    const refused = await admin.call('POST', '/certificates', { ...other, snis: ['free', 'taken'] });
    expect(refused.status).to.equal(400);
    const message = `taken already associated with existing certificate '${owner}'`;
    expect(refused.body).to.deep.equal({
      code: 2,
      name: 'schema violation',
      message: `schema violation (snis: ${message})`,
      fields: { snis: message },
    });
    expect(admin.store.revision()).to.equal(revision);
    expect(await names()).to.deep.equal(['taken']);
    expect((await admin.call('GET', '/certificates')).body.data).to.have.length(1);
  });

  it('PUT at a name makes a certificate with that name, and finds it again', async () => {
    const made = await admin.call('PUT', '/certificates/x.example', { ...pair, snis: ['y.example'] });
    expect(made.status, made.text).to.equal(200);
    expect(made.body.snis).to.deep.equal(['x.example', 'y.example']);
    const again = await admin.call('PUT', '/certificates/x.example', { ...other });
    expect(again.body).to.deep.include({ id: made.body.id, cert: other.cert, snis: ['x.example'] });
    const byId = await admin.call('PUT', `/certificates/${uuid}`, { ...pair });
    expect(byId.body).to.deep.include({ id: uuid, snis: [] });
  });

  it('has an ETag that changes with the names', async () => {
    const made = await admin.call('PUT', `/certificates/${uuid}`, { ...pair, snis: ['a'] });
    const etag = made.headers.get('etag') ?? '';
    await admin.call('POST', `/certificates/${uuid}/snis`, { name: 'b' });
    const refused = await admin.call('PATCH', '/certificates/a', { tags: ['x'] }, { 'if-match': etag });
    expect(refused.status).to.equal(412);
    const current = (await admin.call('GET', '/certificates/a')).headers.get('etag') ?? '';
    expect((await admin.call('PATCH', '/certificates/a', { tags: ['x'] }, { 'if-match': current })).status).to.equal(
      200,
    );
  });

  const lists: readonly (readonly [unknown, unknown])[] = [
    [['a', 'a'], 'a is duplicated'],
    ['a', 'expected a set'],
    [[5], ['expected a string']],
    [
      ['ok', '1.2.3.4'],
      [null, 'must not be an IP'],
    ],
    [['a:443'], ['must not have a port']],
    [['a.*.b'], ['invalid wildcard: must be placed at leftmost or rightmost label']],
  ];
  for (const [snis, fault] of lists) {
    it(`refuses the list ${JSON.stringify(snis)}`, async () => {
      const { status, body } = await admin.call('POST', '/certificates', { ...pair, snis });
      expect([status, body.fields]).to.deep.equal([400, { snis: fault }]);
      const validated = await admin.call('POST', '/schemas/certificates/validate', { ...pair, snis });
      expect([validated.status, validated.body.fields]).to.deep.equal([400, { snis: fault }]);
    });
  }

  it('reports faults of the names along with all others', async () => {
    const { body } = await admin.call('POST', '/certificates', { cert: 'x', snis: [5] });
    expect(body.fields).to.deep.equal({
      cert: 'invalid certificate: not a certificate in PEM',
      key: 'required field missing',
      snis: ['expected a string'],
    });
  });

  it('deletes the names with the certificate, but no certificate that is used', async () => {
    const { id } = (await admin.call('POST', '/certificates', { ...pair, snis: ['a'] })).body;
    await admin.call('PUT', '/services/s', { host: 'h', protocol: 'https', client_certificate: { id } });
    const used = await admin.call('DELETE', `/certificates/${id}`);
    expect([used.status, used.body.fields]).to.deep.equal([400, { '@referenced_by': 'services' }]);
    expect((await admin.call('GET', `/certificates/${id}/services`)).body.data).to.have.length(1);
    await admin.call('PATCH', '/services/s', { client_certificate: null });
    await admin.call('PUT', '/upstreams/u', { client_certificate: { id } });
    expect((await admin.call('GET', '/upstreams/u/client_certificate')).body.id).to.equal(id);
    expect((await admin.call('DELETE', '/certificates/a')).body.fields).to.deep.equal({
      '@referenced_by': 'upstreams',
    });
    await admin.call('DELETE', '/upstreams/u');
    expect((await admin.call('DELETE', '/certificates/a')).status).to.equal(204);
    expect(await names()).to.deep.equal([]);
  });

  it('checks the ids of certificates inside other entities', async () => {
    const { body: authority } = await admin.call('POST', '/ca_certificates', await authorityBody());
    const service = { host: 'h', protocol: 'https', ca_certificates: [authority.id] };
    expect((await admin.call('PUT', '/services/s', service)).status).to.equal(200);
    const missing = await admin.call('PUT', '/services/t', { ...service, ca_certificates: [authority.id, uuid] });
    expect([missing.status, missing.body.message]).to.deep.equal([
      400,
      `the foreign key '{id="${uuid}"}' does not reference an existing 'ca_certificates' entity.`,
    ]);
    expect(missing.body.fields).to.deep.equal({ ca_certificates: { id: uuid } });
    const used = await admin.call('DELETE', `/ca_certificates/${authority.id}`);
    expect([used.status, used.body.fields]).to.deep.equal([400, { '@referenced_by': 'services' }]);
    await admin.call('DELETE', '/services/s');
    expect((await admin.call('DELETE', `/ca_certificates/${authority.id}`)).status).to.equal(204);
  });

  it('checks the ids of certificates in the config of plugins', async () => {
    const { id } = (await admin.call('POST', '/certificates', pair)).body;
    const plugin = (certificates: unknown[]) => ({ name: 'sample', config: { topic: 't', certificates } });
    const made = await admin.call('POST', '/plugins', plugin([{ id: null }, { id }]));
    expect(made.status, made.text).to.equal(201);
    const missing = await admin.call('PATCH', `/plugins/${made.body.id}`, plugin([{ id: uuid }]));
    expect([missing.status, missing.body.code]).to.deep.equal([400, 4]);
    const used = await admin.call('DELETE', `/certificates/${id}`);
    expect([used.status, used.body.fields]).to.deep.equal([400, { '@referenced_by': 'plugins' }]);
    await admin.call('PATCH', `/plugins/${made.body.id}`, plugin([]));
    expect((await admin.call('DELETE', `/certificates/${id}`)).status).to.equal(204);
  });

  it('refuses a service with a certificate that does not exist', async () => {
    const { status, body } = await admin.call('POST', '/services', {
      host: 'h',
      protocol: 'https',
      client_certificate: { id: uuid },
    });
    expect(status).to.equal(400);
    expect(body.message).to.equal(
      `the foreign key '{id="${uuid}"}' does not reference an existing 'certificates' entity.`,
    );
  });

  it('takes multipart files and dotted names', async () => {
    const body = new FormData();
    body.append('cert', new Blob([pair.cert]), 'cert.pem');
    body.append('key', new Blob([pair.key]), 'key.pem');
    body.append('snis[]', 'a');
    body.append('snis[]', 'b');
    const answer = await admin.call('POST', '/certificates', body);
    expect(answer.status, answer.text).to.equal(201);
    expect(answer.body.snis).to.deep.equal(['a', 'b']);
  });

  it('masks the keys for readers', async () => {
    await admin.close();
    admin = await startAdmin({ token: 'full', tokenReadOnly: 'read' });
    await admin.call('POST', '/certificates', { ...pair, snis: ['a'] }, { 'kong-admin-token': 'full' });
    const { body, text } = await admin.call('GET', '/certificates/a', undefined, { 'kong-admin-token': 'read' });
    expect(body).to.deep.include({ cert: pair.cert, snis: ['a'] });
    expect(body.key).to.match(/^\*{6}:[0-9a-f]{12}$/);
    expect(text).not.to.contain('PRIVATE KEY');
  });

  it('computes the digest of authorities', async () => {
    const { cert } = await makePair({ ca: true });
    const made = await admin.call('POST', '/ca_certificates', { cert, cert_digest: 'mine' });
    expect(made.status, made.text).to.equal(201);
    expect(made.body.cert_digest).to.match(/^[0-9a-f]{64}$/);
    const again = await admin.call('POST', '/ca_certificates', { cert });
    expect(again.status).to.equal(409);
    expect(again.body.fields).to.deep.equal({ cert_digest: made.body.cert_digest });
    const next = await makePair({ ca: true });
    const patched = await admin.call('PATCH', `/ca_certificates/${made.body.id}`, { cert: next.cert });
    expect(patched.body.cert_digest)
      .to.match(/^[0-9a-f]{64}$/)
      .and.not.equal(made.body.cert_digest);
    expect((await admin.call('GET', `/ca_certificates/${made.body.cert_digest}`)).status).to.equal(404);
  });
});
