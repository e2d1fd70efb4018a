import { expect } from 'chai';
import { makePair } from '../../helpers/certificates.ts';
import { type Answer, type AdminFixture, startAdmin } from './admin-fixture.ts';

describe('the Admin API: reverts', () => {
  let admin: AdminFixture;
  beforeEach(async () => (admin = await startAdmin()));
  afterEach(() => admin.close());

  const entries = async (): Promise<Answer['body'][]> =>
    (await admin.call('GET', '/audit/objects?size=1000')).body.data;
  const newest = async (): Promise<number> => (await entries())[0].id;
  const revert = (id: number, body?: unknown, headers?: Record<string, string>, query = '') =>
    admin.call('POST', `/audit/objects/${id}/revert${query}`, body, headers);
  const get = async (path: string): Promise<Answer['body']> => (await admin.call('GET', path)).body;

  it('undoes a creation, a change and a removal', async () => {
    const made = (await admin.call('PUT', '/routes/r', { paths: ['/a'], tags: ['x'] })).body;
    const created = await newest();
    await admin.call('PATCH', '/routes/r', { paths: ['/b'], tags: null });
    const answer = await revert(await newest());
    expect(answer.status).to.equal(200);
    expect(answer.body.reverted).to.deep.equal([
      { id: created + 1, operation: 'update', entity: 'routes', entity_id: made.id, entity_name: 'r' },
    ]);
    expect(await get('/routes/r')).to.deep.include({
      id: made.id,
      paths: ['/a'],
      tags: ['x'],
      created_at: made.created_at,
    });
    await admin.call('DELETE', '/routes/r');
    expect((await revert(await newest())).status).to.equal(200);
    expect(await get('/routes/r')).to.deep.include({ id: made.id, paths: ['/a'] });
    expect((await revert(created)).status).to.equal(200);
    expect((await admin.call('GET', '/routes/r')).status).to.equal(404);
    const log = await entries();
    expect(
      log.slice(0, 3).map(({ operation }) => operation),
      'reverts are audited',
    ).to.deep.equal(['delete', 'create', 'delete']);
    expect((await revert(created)).status, 'what is undone already stays so').to.equal(200);
  });

  it('brings back what went along with a removal', async () => {
    await admin.call('PUT', '/services/s', { host: 'a' });
    await admin.call('PUT', '/services/s/routes/r', { paths: ['/'] });
    const { id } = (await admin.call('POST', '/routes/r/plugins', { name: 'sample', config: { topic: 't' } })).body;
    await admin.call('DELETE', '/routes/r');
    expect((await admin.call('GET', `/plugins/${id}`)).status).to.equal(404);
    const removal = (await entries()).find(({ operation, entity }) => operation === 'delete' && entity === 'routes');
    expect((await revert(removal.id)).body.reverted).to.have.length(2);
    expect(await get(`/plugins/${id}`)).to.deep.include({
      id,
      config: { ...(await get(`/plugins/${id}`)).config, topic: 't' },
    });
    expect((await get('/services/s/routes')).data).to.have.length(1);
  });

  it('keeps a secret that the change did not touch, and asks for one that it did', async () => {
    const config = { topic: 't', secret: 'first' };
    const { id } = (await admin.call('POST', '/plugins', { name: 'sample', config })).body;
    await admin.call('PATCH', `/plugins/${id}`, { config: { topic: 'u' } });
    const ofTopic = await newest();
    expect((await revert(ofTopic)).status).to.equal(200);
    expect((await get(`/plugins/${id}`)).config).to.include({ topic: 't', secret: 'first' });

    await admin.call('PATCH', `/plugins/${id}`, { config: { secret: 'second' } });
    const ofSecret = await newest();
    const refused = await revert(ofSecret);
    expect(refused.status).to.equal(409);
    expect(refused.body.missing).to.deep.equal([
      { entity: 'plugins', entity_id: id, entity_name: 'sample', field: 'config.secret' },
    ]);
    expect((await get(`/plugins/${id}`)).config.secret).to.equal('second');
    expect((await revert(ofSecret, { secrets: { [id]: { 'config.secret': 'first' } } })).status).to.equal(200);
    expect((await get(`/plugins/${id}`)).config.secret).to.equal('first');

    await admin.call('DELETE', `/plugins/${id}`);
    expect((await revert(await newest())).status, 'the secret went with the entity').to.equal(409);
    const { status } = await revert(await newest(), { secrets: { [id]: { 'config.secret': '{vault://env/S}' } } });
    expect(status).to.equal(200);
    expect((await get(`/plugins/${id}`)).config.secret).to.equal('{vault://env/S}');
  });

  it('brings references back as they were written', async () => {
    const config = { topic: 't', secret: '{vault://env/SECRET}' };
    const { id } = (await admin.call('POST', '/plugins', { name: 'sample', config })).body;
    await admin.call('DELETE', `/plugins/${id}`);
    expect((await revert(await newest())).status).to.equal(200);
    expect((await get(`/plugins/${id}`)).config.secret).to.equal('{vault://env/SECRET}');
  });

  it('brings a certificate back with its names once its key is given', async () => {
    const { cert, key } = await makePair();
    const { id } = (await admin.call('POST', '/certificates', { cert, key, snis: ['a.example.com', 'b.example.com'] }))
      .body;
    await admin.call('DELETE', `/certificates/${id}`);
    const removed = await newest();
    expect((await revert(removed)).body.missing.map(({ field }: { field: string }) => field)).to.deep.equal(['key']);
    const answer = await revert(removed, { secrets: { [id]: { key } } });
    expect([answer.status, answer.text]).to.deep.equal([200, answer.text]);
    expect((await get(`/certificates/${id}`)).snis).to.deep.equal(['a.example.com', 'b.example.com']);
  });

  it('checks what it writes as every write', async () => {
    await admin.call('PUT', '/services/s', { host: 'a' });
    await admin.call('PUT', '/services/s/routes/r', { paths: ['/'] });
    await admin.call('PATCH', '/routes/r', { service: null });
    const unlinked = await newest();
    await admin.call('DELETE', '/services/s');
    expect((await revert(unlinked)).body.code, 'the service is gone').to.equal(4);
    await admin.call('PUT', '/consumers/a', {});
    await admin.call('PATCH', '/consumers/a', { username: 'b' });
    const renamed = await newest();
    await admin.call('PUT', '/consumers/a', {});
    expect((await revert(renamed)).status, 'the name is taken').to.equal(409);
    expect((await get('/consumers/b')).username).to.equal('b');
  });

  it('obeys If-Match', async () => {
    await admin.call('PUT', '/consumers/a', {});
    await admin.call('PATCH', '/consumers/a', { custom_id: '1' });
    const id = await newest();
    expect((await revert(id, undefined, { 'if-match': '"other"' })).status).to.equal(412);
    const etag = (await admin.call('GET', '/consumers/a')).headers.get('etag') ?? '';
    expect((await revert(id, undefined, { 'if-match': etag })).status).to.equal(200);
    expect((await get('/consumers/a')).custom_id).to.equal(null);
  });

  it('refuses what it cannot do whole', async () => {
    await admin.call('PUT', '/consumers/a', {});
    expect((await revert(999)).status).to.equal(404);
    expect((await admin.call('POST', '/audit/objects/x/revert')).status).to.equal(404);
    expect((await revert(1, { secrets: 'x' })).status).to.equal(400);
    expect((await revert(1, { secrets: { a: 1 } })).status).to.equal(400);
    expect((await revert(1, undefined, undefined, '?wait=x')).status).to.equal(400);
    expect((await admin.call('GET', '/audit/objects/1/revert')).status).to.equal(405);
    const tags = Array.from({ length: 3_000 }, (_one, n) => `tag-${n}-${'x'.repeat(30)}`);
    await admin.call('PATCH', '/consumers/a', { tags });
    await admin.call('PATCH', '/consumers/a', { tags: [] });
    const answer = await revert(await newest());
    expect([answer.status, answer.body.message]).to.deep.equal([409, answer.body.message]);
    expect(answer.body.message).to.contain('too large');
  });

  it('is not for the read-only token, and names who did it', async () => {
    const other = await startAdmin({ token: 'full', tokenReadOnly: 'read' });
    await other.call('PUT', '/consumers/a', {}, { 'kong-admin-token': 'full' });
    const as = (token: string) =>
      other.call('POST', '/audit/objects/1/revert', undefined, { 'kong-admin-token': token });
    expect((await as('read')).status).to.equal(403);
    expect((await as('full')).status).to.equal(200);
    const { body } = await other.call('GET', '/audit/objects', undefined, { 'kong-admin-token': 'full' });
    expect(body.data[0]).to.include({ actor: 'admin_token', operation: 'delete' });
    await other.close();
  });

  it('waits for the nodes where it is asked to', async () => {
    const other = await startAdmin({}, { syncGate: { waitApplied: async () => 'applied; nodes=2' } });
    await other.call('PUT', '/consumers/a', {});
    const answer = await other.call('POST', '/audit/objects/1/revert?wait=applied');
    expect(answer.headers.get('sluice-sync')).to.equal('applied; nodes=2');
    await other.close();
  });
});
