import { expect } from 'chai';
import { request } from 'node:http';
import { Registry } from 'prom-client';
import { startAdmin, type AdminFixture } from './admin-fixture.ts';

const silentClustering = {
  listDataPlanes: () => [],
  getDataPlane: () => undefined,
  status: () => ({}),
  forgetDataPlane: () => 'unknown' as const,
  adoptDatabase: () => [],
  tryRequest: async () => ({ kind: 'unknown' as const }),
  history: () => undefined,
  destinations: () => [],
  traffic: () => ({}),
  onStateChange: () => () => undefined,
};

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

  it('lets the read-only token check bodies and whole documents, and nothing more', async () => {
    admin = await startAdmin({ token: 'full', tokenReadOnly: 'read' });
    const rows: readonly (readonly [string, string, number])[] = [
      ['POST', '/schemas/services/validate', 200],
      ['POST', '/schemas/plugins/validate', 400],
      ['POST', '/services', 403],
      ['PATCH', '/services/x', 403],
      ['DELETE', '/services/x', 403],
      ['POST', '/schemas/services', 403],
    ];
    for (const [method, path, status] of rows) {
      const body = method === 'DELETE' ? undefined : { host: 'h' };
      const answer = await admin.call(method, path, body, { 'kong-admin-token': 'read' });
      expect(answer.status, `${method} ${path}`).to.equal(status);
    }
  });

  it('refuses an address for a while after ten wrong tokens, logs and counts them', async () => {
    const metrics = new Registry();
    admin = await startAdmin({ token: 'full' }, { metrics });
    const status = async (token?: string) =>
      (await call('GET', '/status', token === undefined ? {} : { 'kong-admin-token': token })).status;
    for (let attempt = 1; attempt <= 10; attempt++) expect(await status(`planted-${attempt}`)).to.equal(401);
    const refused = await admin.call('GET', '/status', undefined, { 'kong-admin-token': 'full' });
    expect(refused.status).to.equal(429);
    expect(Number(refused.headers.get('retry-after'))).to.be.within(1, 60);
    // Nothing was guessed without a token.
    expect(await status()).to.equal(401);
    expect(await metrics.metrics()).to.contain('sluice_admin_failed_logins_total 10');
    const lines = admin.logLines.filter((line) => line.includes('admin_login_failed'));
    expect(lines[0]).to.contain('"address":"127.0.0.1"');
    expect(lines.join()).to.not.contain('planted');
  });

  it('forbids everybody to store answers', async () => {
    admin = await startAdmin({ token: 'full' });
    const token = { 'kong-admin-token': 'full' };
    const rows: readonly (readonly [string, string, Record<string, string>, number])[] = [
      ['GET', '/services', token, 200],
      ['GET', '/services', {}, 401],
      ['GET', '/nothing', token, 404],
      ['GET', '/services/%zz', token, 400],
      ['DELETE', '/services/x', token, 204],
      ['PUT', '/status', token, 405],
    ];
    for (const [method, path, headers, status] of rows) {
      const answer = await call(method, path, headers);
      expect(answer.status, `${method} ${path}`).to.equal(status);
      expect(answer.headers, `${method} ${path}`).to.have.property('cache-control', 'no-store');
    }
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
        .to.match(/"\*{6}:[0-9a-f]{12}"/)
        .and.not.contain('hush');
    }
    const reference = { config: { secret: '{vault://env/X}' } };
    await admin.call('PATCH', `/plugins/${made.body.id}`, reference, { 'kong-admin-token': 'full' });
    expect(await read('read', '/plugins')).to.contain('{vault://env/X}');
  });

  it('gives each secret a mask of its own that checks take and writes refuse', async () => {
    admin = await startAdmin({ token: 'full', tokenReadOnly: 'read' }, { maskKey: Buffer.alloc(32, 1) });
    const full = { 'kong-admin-token': 'full' };
    const read = { 'kong-admin-token': 'read' };
    const plugin = (name: string, secret: string) => ({
      name: 'sample',
      instance_name: name,
      config: { topic: 't', secret },
    });
    const mask = async (name: string): Promise<string> =>
      (await admin.call('GET', `/plugins/${name}`, undefined, read)).body.config.secret;
    const service = async (name: string) =>
      (await admin.call('PUT', `/services/${name}`, { host: 'h' }, full)).body.id as string;
    for (const [name, secret] of [
      ['a', 'hush'],
      ['b', 'hush'],
      ['c', 'other'],
    ] as const) {
      const bound = { ...plugin(name, secret), service: { id: await service(name) } };
      expect((await admin.call('POST', '/plugins', bound, full)).status).to.equal(201);
    }
    const known = await mask('a');
    expect(known)
      .to.match(/^\*{6}:[0-9a-f]{12}$/)
      .and.equal(await mask('b'))
      .and.not.equal(await mask('c'));

    const unknown = '******:0123456789ab';
    const refused = 'this is a masked secret: write the secret itself';
    const rows: readonly (readonly [string, string, string, Record<string, string>, number])[] = [
      ['POST', '/schemas/plugins/validate', known, read, 200],
      ['POST', '/schemas/plugins/validate', unknown, read, 400],
      ['POST', '/plugins', known, full, 400],
      ['PUT', '/plugins/a', known, full, 400],
      ['PATCH', '/plugins/a', known, full, 400],
    ];
    for (const [method, path, secret, headers, status] of rows) {
      const answer = await admin.call(method, path, plugin('a', secret), headers);
      expect(answer.status, `${method} ${path} ${secret}`).to.equal(status);
      if (status === 400) expect(answer.body.fields.config.secret).to.equal(refused);
      expect(answer.text).to.not.contain('hush');
    }
    const form = await admin.call(
      'POST',
      '/schemas/plugins/validate',
      `name=sample&config.topic=t&config.secret=${encodeURIComponent(known)}`,
      { ...read, 'content-type': 'application/x-www-form-urlencoded' },
    );
    expect(form.status, form.text).to.equal(200);
    // A mask where no secret belongs stays what it is: it must not lead to the secret.
    const leaking = { ...plugin('a', 'x'), config: { topic: known, secret: 'x', limits: { count: known } } };
    expect((await admin.call('POST', '/schemas/plugins/validate', leaking, read)).text).to.not.contain('hush');
  });

  it('answers CORS to its own origin and to those that are set, and lets no others write', async () => {
    admin = await startAdmin({ corsOrigins: ['https://console.example.com'] });
    const own = `http://${admin.address}`;
    for (const origin of [own, 'https://console.example.com']) {
      const { headers } = await call('OPTIONS', '/services', { origin });
      expect(headers).to.include({
        'access-control-allow-origin': origin,
        'access-control-allow-credentials': 'true',
        vary: 'Origin',
      });
      const asked = { origin, 'access-control-request-headers': 'content-type,x-requested-with' };
      expect((await call('OPTIONS', '/services', asked)).headers).to.have.property(
        'access-control-allow-headers',
        'content-type,x-requested-with',
      );
      expect((await call('DELETE', '/services/x', { origin })).status).to.equal(204);
    }
    const foreign = { origin: 'https://evil.example.com' };
    expect((await call('OPTIONS', '/services', foreign)).headers).to.not.have.property('access-control-allow-origin');
    expect((await call('GET', '/services', foreign)).headers).to.not.have.property('access-control-allow-origin');
  });

  it('lets no page of another site write or hold a stream of events, with a token or without', async () => {
    admin = await startAdmin(
      { token: 'full', corsOrigins: ['https://console.example.com'] },
      { clustering: { ...silentClustering } },
    );
    const token = { 'kong-admin-token': 'full' };
    const crossSite = { 'sec-fetch-site': 'cross-site' };
    const rows: readonly (readonly [string, string, Record<string, string>, number])[] = [
      ['DELETE', '/services/x', { origin: 'https://evil.example.com' }, 403],
      ['DELETE', '/services/x', { origin: 'https://evil.example.com', ...token }, 403],
      ['DELETE', '/services/x', { origin: 'null', ...token }, 403],
      ['DELETE', '/services/x', { ...crossSite, ...token }, 403],
      ['DELETE', '/services/x', { 'sec-fetch-site': 'same-origin', ...token }, 204],
      ['DELETE', '/services/x', { origin: 'https://console.example.com', ...crossSite, ...token }, 204],
      ['GET', '/services', { ...crossSite, ...token }, 200],
      ['GET', '/clustering/events', { ...crossSite, ...token }, 403],
      ['GET', '/clustering/events', { origin: 'https://evil.example.com', ...token }, 403],
    ];
    for (const [method, path, headers, status] of rows) {
      expect((await call(method, path, headers)).status, `${method} ${path} ${JSON.stringify(headers)}`).to.equal(
        status,
      );
    }
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
