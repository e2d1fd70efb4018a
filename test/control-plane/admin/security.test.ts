import { expect } from 'chai';
import { request } from 'node:http';
import { startAdmin, type AdminFixture } from './admin-fixture.ts';

describe('the Admin API: who may do what', () => {
  let admin: AdminFixture;
  afterEach(() => admin.close());

  /** fetch sets Host by itself. */
  function call(
    method: string,
    path: string,
    headers: Record<string, string>,
  ): Promise<{ status: number; headers: object }> {
    const [hostname, port] = admin.address.split(':');
    return new Promise((resolve, reject) => {
      const sent = request(
        { hostname, port, method, path, headers, setHost: headers['host'] === undefined },
        (response) => {
          response.resume().on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }));
        },
      );
      sent.on('error', reject).end();
    });
  }

  it('answers only hosts that are its own', async () => {
    admin = await startAdmin({ hosts: ['admin.example.com', 'other.example.com:8001'] });
    const rows: readonly (readonly [string, number])[] = [
      ['localhost:1234', 200],
      ['LOCALHOST', 200],
      ['127.0.0.1', 200],
      ['127.9.9.9:80', 200],
      ['[::1]:8001', 200],
      ['admin.example.com', 200],
      ['admin.example.com:99', 200],
      ['other.example.com:8001', 200],
      ['other.example.com', 421],
      ['evil.example.com', 421],
      ['localhost.evil.example', 421],
      ['127.0.0.1.evil.example', 421],
      ['10.0.0.1', 421],
    ];
    for (const [host, status] of rows) expect((await call('GET', '/status', { host })).status, host).to.equal(status);
  });

  it('takes the token in either header', async () => {
    admin = await startAdmin({ token: 'full', tokenReadOnly: 'read' });
    const rows: readonly (readonly [string, Record<string, string>, number])[] = [
      ['GET', {}, 401],
      ['GET', { 'kong-admin-token': 'wrong' }, 401],
      ['GET', { 'kong-admin-token': 'full' }, 200],
      ['GET', { authorization: 'Bearer full' }, 200],
      ['GET', { authorization: 'bearer read' }, 200],
      ['GET', { authorization: 'Basic full' }, 401],
      ['HEAD', { 'kong-admin-token': 'read' }, 200],
      ['POST', { 'kong-admin-token': 'read' }, 403],
      ['PUT', { 'kong-admin-token': 'read' }, 403],
      ['POST', { 'kong-admin-token': 'full' }, 400],
      ['POST', {}, 401],
      ['OPTIONS', {}, 204],
    ];
    for (const [method, headers, status] of rows) {
      const path = method === 'PUT' ? '/services/x' : '/services';
      expect((await call(method, path, headers)).status, `${method} ${JSON.stringify(headers)}`).to.equal(status);
    }
    expect((await call('GET', '/nothing', {})).status).to.equal(401);
  });

  it('masks secrets for the token that may only read', async () => {
    admin = await startAdmin({ token: 'full', tokenReadOnly: 'read' });
    const config = { topic: 't', secret: 'hush' };
    const made = await admin.call('POST', '/plugins', { name: 'sample', config }, { 'kong-admin-token': 'full' });
    expect(made.body.config.secret).to.equal('hush');
    const read = async (token: string, path: string) =>
      (await admin.call('GET', path, undefined, { 'kong-admin-token': token })).text;
    for (const path of ['/plugins', `/plugins/${made.body.id}`]) {
      expect(await read('full', path)).to.contain('"hush"');
      expect(await read('read', path))
        .to.contain('"******"')
        .and.not.contain('hush');
    }
    const reference = { config: { secret: '{vault://env/X}' } };
    await admin.call('PATCH', `/plugins/${made.body.id}`, reference, { 'kong-admin-token': 'full' });
    expect(await read('read', '/plugins')).to.contain('{vault://env/X}');
  });

  it('answers CORS to its own origin and to those that are set, and lets no others write', async () => {
    admin = await startAdmin({ corsOrigins: ['https://console.example.com'] });
    const own = `http://${admin.address}`;
    for (const origin of [own, 'https://console.example.com']) {
      const { headers } = await call('OPTIONS', '/services', { origin });
      expect(headers).to.include({ 'access-control-allow-origin': origin, vary: 'Origin' });
      expect((await call('DELETE', '/services/x', { origin })).status).to.equal(204);
    }
    const foreign = { origin: 'https://evil.example.com' };
    expect((await call('OPTIONS', '/services', foreign)).headers).to.not.have.property('access-control-allow-origin');
    expect((await call('GET', '/services', foreign)).headers).to.not.have.property('access-control-allow-origin');
    expect((await call('DELETE', '/services/x', foreign)).status).to.equal(403);
  });

  it('logs a fault of ours without the path that was asked for, which may hold a key', async () => {
    const whole = await startAdmin();
    const failing = {
      ...whole.store,
      find: () => {
        throw new Error('broken');
      },
    };
    admin = await startAdmin({}, { store: failing });
    const { status, text } = await admin.call('GET', '/key-auths/planted-key');
    await whole.close();
    expect(status).to.equal(500);
    const lines = admin.logLines.filter((line) => line.includes('internal_error'));
    expect(lines).to.have.length(1);
    expect(lines[0]).to.contain('"path":"/key-auths/:id"');
    expect(lines[0] + text).to.not.contain('planted');
  });
});
