import { expect } from 'chai';
import { startAdmin, type AdminFixture } from './admin-fixture.ts';

const scryptForm = /^\$scrypt\$ln=14,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/;

describe('the Admin API: logins, HMAC credentials and groups of consumers', () => {
  let admin: AdminFixture;
  let consumer: string;
  beforeEach(async () => {
    admin = await startAdmin();
    consumer = (await admin.call('PUT', '/consumers/alice', {})).body.id;
  });
  afterEach(() => admin.close());

  it('stores the password of a login as a hash, below the consumer and flat', async () => {
    const made = await admin.call('POST', '/consumers/alice/basic-auth', { username: 'al', password: 'secret-word' });
    expect(made.status, made.text).to.equal(201);
    expect(made.text).not.to.contain('secret-word');
    const { id, created_at, password } = made.body;
    expect(password).to.match(scryptForm);
    expect(made.body).to.deep.equal({
      id,
      created_at,
      consumer: { id: consumer },
      username: 'al',
      password,
      tags: null,
    });
    for (const path of ['/basic-auths/al', `/basic-auths/${id}`, '/consumers/alice/basic-auth/al']) {
      expect((await admin.call('GET', path)).body, path).to.deep.equal(made.body);
    }
    expect((await admin.call('GET', '/basic-auths/al/consumer')).body.username).to.equal('alice');
    expect(admin.store.readAll().entities['basicauth_credentials']).to.deep.equal([made.body]);
  });

  it('makes no change of an equal password, and takes the hash that it answered', async () => {
    const body = { username: 'al', password: 'p' };
    const { password } = (await admin.call('PUT', '/consumers/alice/basic-auth/al', body)).body;
    const revision = admin.store.revision();
    for (const [method, given] of [
      ['PUT', body],
      ['PATCH', { password: 'p' }],
      ['PATCH', { password }],
      ['PUT', { ...body, password }],
    ] as const) {
      const again = await admin.call(method, '/consumers/alice/basic-auth/al', given);
      expect([again.status, again.body.password]).to.deep.equal([200, password]);
    }
    expect(admin.store.revision()).to.equal(revision);
    const other = await admin.call('PATCH', '/basic-auths/al', new URLSearchParams('password=q'));
    expect(other.body.password).to.match(scryptForm).and.not.equal(password);
  });

  for (const [title, password, message] of [
    ['no password', undefined, 'required field missing'],
    ['an empty one', '', 'length must be at least 1'],
    ['a hash of Kong', 'da39a3ee5e6b4b0d3255bfef95601890afd80709', /^this looks like a hash of Kong/],
    ['what only looks like a hash', '$scrypt$x', /^this is not a hash that Sluice wrote/],
    ['a mask', '******:0123456789ab', /^this is a masked secret/],
    ['a number', 7, 'expected a string'],
  ] as const) {
    it(`refuses ${title} without repeating it`, async () => {
      const { status, body, text } = await admin.call('POST', '/consumers/alice/basic-auth', {
        username: 'al',
        password,
      });
      expect(status).to.equal(400);
      if (typeof message === 'string') expect(body.fields).to.deep.equal({ password: message });
      else expect(body.fields.password).to.match(message);
      if (typeof password === 'string' && password !== '') expect(text).not.to.contain(password);
    });
  }

  it('keeps user names unique', async () => {
    await admin.call('POST', '/consumers/alice/basic-auth', { username: 'al', password: 'p' });
    const second = await admin.call('POST', '/basic-auths', {
      username: 'al',
      password: 'q',
      consumer: { id: consumer },
    });
    expect(second.status).to.equal(409);
    expect(second.body.message).to.equal(`UNIQUE violation detected on '{username="al"}'`);
  });

  it('makes a random secret for HMAC signatures', async () => {
    const { status, body } = await admin.call('POST', '/consumers/alice/hmac-auth', { username: 'al' });
    expect(status).to.equal(201);
    expect(body.secret).to.match(/^[0-9a-f]{32}$/);
    expect((await admin.call('GET', '/hmac-auths/al')).body).to.deep.equal(body);
  });

  it('knows a group once for each consumer, by its name below the consumer', async () => {
    const made = await admin.call('POST', '/consumers/alice/acls', { group: 'staff' });
    expect(made.status, made.text).to.equal(201);
    expect((await admin.call('GET', '/consumers/alice/acls/staff')).body).to.deep.equal(made.body);
    expect((await admin.call('GET', `/acls/${made.body.id}`)).body).to.deep.equal(made.body);
    expect((await admin.call('POST', '/consumers/alice/acls', { group: 'staff' })).status).to.equal(409);
    expect((await admin.call('PUT', '/consumers/alice/acls/staff', { tags: ['x'] })).body.id).to.equal(made.body.id);
    await admin.call('PUT', '/consumers/bob', {});
    expect((await admin.call('PUT', '/consumers/bob/acls/staff', {})).status).to.equal(200);
    expect((await admin.call('GET', '/acls')).body.data).to.have.length(2);
    expect((await admin.call('DELETE', '/consumers/alice/acls/staff')).status).to.equal(204);
    expect((await admin.call('GET', '/consumers/alice/acls')).body.data).to.deep.equal([]);
  });

  it('shows masks of secrets to the read-only token, the same for the same secret', async () => {
    const masked = await startAdmin({ token: 'full', tokenReadOnly: 'read' });
    try {
      const full = { 'kong-admin-token': 'full' };
      await masked.call('PUT', '/consumers/bob', {}, full);
      await masked.call('POST', '/consumers/bob/basic-auth', { username: 'b', password: 'p' }, full);
      await masked.call('POST', '/consumers/bob/hmac-auth', { username: 'b', secret: 's' }, full);
      await masked.call('POST', '/consumers/bob/acls', { group: 'g' }, full);
      const read = async (path: string) =>
        (await masked.call('GET', path, undefined, { 'kong-admin-token': 'read' })).body;
      expect((await read('/basic-auths/b')).password).to.match(/^\*{6}:[0-9a-f]{12}$/);
      expect((await read('/hmac-auths/b')).secret).to.match(/^\*{6}:[0-9a-f]{12}$/);
      expect((await read('/consumers/bob/acls/g')).group).to.equal('g');
      expect((await read('/basic-auths/b')).password).to.equal((await read('/basic-auths')).data[0].password);
    } finally {
      await masked.close();
    }
  });

  it('deletes them with their consumer', async () => {
    await admin.call('POST', '/consumers/alice/basic-auth', { username: 'al', password: 'p' });
    await admin.call('POST', '/consumers/alice/hmac-auth', { username: 'al' });
    await admin.call('POST', '/consumers/alice/acls', { group: 'g' });
    expect((await admin.call('DELETE', '/consumers/alice')).status).to.equal(204);
    for (const path of ['/basic-auths', '/hmac-auths', '/acls']) {
      expect((await admin.call('GET', path)).body.data, path).to.deep.equal([]);
    }
  });
});
