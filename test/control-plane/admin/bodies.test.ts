import { expect } from 'chai';
import { startAdmin, type AdminFixture } from './admin-fixture.ts';

describe('the Admin API: bodies and methods', () => {
  let admin: AdminFixture;
  before(async () => {
    admin = await startAdmin();
  });
  after(() => admin.close());

  const json = { 'content-type': 'application/json' };
  const broken: readonly (readonly [string, string | undefined, Record<string, string>, number, string])[] = [
    ['bad JSON', '{"host":', json, 400, 'Cannot parse JSON body'],
    ['very deep JSON', `{"host":${'['.repeat(9_000)}`, json, 400, 'Cannot parse JSON body'],
    ['null', 'null', json, 400, 'Cannot parse JSON body'],
    ['an array', '[]', json, 400, 'Cannot parse JSON body'],
    ['a number', '5', { 'content-type': 'application/json; charset=utf-8' }, 400, 'Cannot parse JSON body'],
    ['plain text', 'host=a', { 'content-type': 'text/plain' }, 415, 'Unsupported Content-Type'],
    ['nothing', undefined, {}, 400, 'schema violation (host: required field missing)'],
    ['an empty body', '', json, 400, 'schema violation (host: required field missing)'],
    [
      'multipart without a boundary',
      'x',
      { 'content-type': 'multipart/form-data' },
      400,
      'Cannot parse multipart body',
    ],
  ];
  for (const [name, body, headers, status, message] of broken) {
    it(`answers ${name} with ${status}`, async () => {
      const answer = await admin.call('POST', '/services', body, headers);
      expect(answer.status).to.equal(status);
      expect(answer.body.message).to.equal(message);
    });
  }

  it('refuses bytes that are not UTF-8', async () => {
    const response = await fetch(`http://${admin.address}/services`, {
      method: 'POST',
      headers: json,
      body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    });
    expect(response.status).to.equal(400);
  });

  it('refuses a body over 8 MiB with 413 and takes one below', async function () {
    this.timeout(10_000);
    const body = (length: number) => `{"host":"a"${' '.repeat(length)}}`;
    expect((await admin.call('POST', '/services', body(8 * 1024 * 1024), json)).status).to.equal(413);
    expect((await admin.call('POST', '/services', body(8 * 1024 * 1024 - 40), json)).status).to.equal(201);
  });

  const form = (text: string) => new URLSearchParams(text);
  it('types forms by the schema', async () => {
    const service = await admin.call(
      'PUT',
      '/services/f',
      form('host=a&port=81&enabled=false&tags[]=x&tags[]=y&path='),
    );
    expect(service.status).to.equal(200);
    expect(service.body).to.deep.include({ port: 81, enabled: false, tags: ['x', 'y'], path: null });
    const route = await admin.call(
      'POST',
      '/routes',
      form(
        `paths[]=/a&paths[]=/b&hosts[2]=two&hosts[1]=one&methods=GET&headers.x-Kind[]=a&headers.x-Kind[]=b&headers.x.y=z&strip_path=false&service.id=${service.body.id}`,
      ),
    );
    expect(route.status, route.text).to.equal(201);
    expect(route.body).to.deep.include({
      paths: ['/a', '/b'],
      methods: ['GET'],
      headers: { 'x-Kind': ['a', 'b'], 'x.y': ['z'] },
      strip_path: false,
      service: { id: service.body.id },
    });
    const plugin = await admin.call(
      'POST',
      '/plugins',
      form(
        'name=sample&config.topic=1&config.limits.count=3&config.servers[1].host=a&config.servers[1].port=1&config.servers[2].host=b&config.names.a.b=c&config.extra.on=false',
      ),
    );
    expect(plugin.status, plugin.text).to.equal(201);
    expect(plugin.body.config).to.deep.include({
      topic: '1',
      servers: [
        { host: 'a', port: 1 },
        { host: 'b', port: 9092 },
      ],
      limits: { count: 3, strict: false },
      names: { 'a.b': 'c' },
      extra: { on: false },
    });
    const patched = await admin.call('PATCH', `/plugins/${plugin.body.id}`, form('config.limits.strict=true'));
    expect(patched.body.config.limits).to.deep.equal({ count: 3, strict: true });
  });

  it('leaves form values that do not fit their type to the validation', async () => {
    const { body } = await admin.call('POST', '/services', form('host=a&port=x&nothing.b=1&enabled=yes'));
    expect(body.fields).to.deep.equal({
      port: 'expected an integer',
      'nothing.b': 'unknown field',
      enabled: 'expected a boolean',
    });
  });

  it('takes multipart', async () => {
    const body = new FormData();
    body.append('host', 'a');
    body.append('port', '82');
    body.append('tags[]', 'x');
    body.append('name', new Blob(['from-file']), 'name.txt');
    const answer = await admin.call('POST', '/services', body);
    expect(answer.status, answer.text).to.equal(201);
    expect(answer.body).to.deep.include({ port: 82, tags: ['x'], name: 'from-file' });
  });

  it('reports all faults of a body at once', async () => {
    const { status, body } = await admin.call('POST', '/services', {
      host: 5,
      port: 70_000,
      path: 'x',
      retries: 1.5,
      nope: 1,
    });
    expect(status).to.equal(400);
    expect(body).to.deep.equal({
      code: 2,
      name: 'schema violation',
      message:
        '5 schema violations (host: expected a string; nope: unknown field; path: should start with: /; ' +
        'port: value should be between 0 and 65535; retries: expected an integer)',
      fields: {
        host: 'expected a string',
        port: 'value should be between 0 and 65535',
        path: 'should start with: /',
        retries: 'expected an integer',
        nope: 'unknown field',
      },
    });
  });

  for (const path of ['/nothing', '/consumer_groups', '/vaults', '/keys', '/services/a/b/c', '/clustering/status']) {
    it(`answers 404 for ${path}`, async () => {
      for (const method of ['GET', 'POST', 'DELETE']) {
        const { status, body } = await admin.call(method, path);
        expect(status).to.equal(404);
        expect(body).to.deep.equal({ message: 'Not found' });
      }
    });
  }

  const wrong: readonly (readonly [string, string])[] = [
    ['POST', '/'],
    ['DELETE', '/'],
    ['PUT', '/services'],
    ['DELETE', '/services'],
    ['POST', '/services/x'],
    ['POST', '/schemas/services'],
    ['GET', '/schemas/services/validate'],
    ['GET', '/schemas/plugins/validate'],
    ['PATCH', '/status'],
    ['TRACE', '/status'],
  ];
  for (const [method, path] of wrong) {
    it(`refuses ${method} ${path} with 405`, async () => {
      const { request } = await import('node:http');
      // fetch refuses TRACE by itself.
      const status = await new Promise((resolve, reject) => {
        const call = request(`http://${admin.address}${path}`, { method }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.on('end', () => resolve({ status: response.statusCode, text }));
        });
        call.on('error', reject).end();
      });
      expect(status).to.deep.equal({ status: 405, text: '{"message":"Method not allowed"}' });
    });
  }

  it('refuses a wrong method before it reads the body', async () => {
    expect((await admin.call('POST', '/', '{', json)).status).to.equal(405);
  });

  it('answers HEAD and OPTIONS', async () => {
    await admin.call('PUT', '/services/h', { host: 'a' });
    const head = await admin.call('HEAD', '/services/h');
    expect([head.status, head.text]).to.deep.equal([200, '']);
    expect(head.headers.get('etag')).to.match(/^"/);
    expect((await admin.call('HEAD', '/services/none')).status).to.equal(404);
    const list = await admin.call('OPTIONS', '/services');
    expect([list.status, list.text]).to.deep.equal([204, '']);
    expect(list.headers.get('allow')).to.equal('GET, HEAD, OPTIONS, POST');
    const one = await admin.call('OPTIONS', '/services/h');
    expect(one.headers.get('allow')).to.equal('DELETE, GET, HEAD, OPTIONS, PATCH, PUT');
    expect(one.headers.get('access-control-allow-methods')).to.equal(one.headers.get('allow'));
  });

  it('answers an internal error with 500 and no details', async () => {
    const broken = await startAdmin();
    broken.store.page = () => {
      throw new Error('the secret reason');
    };
    const { status, text } = await broken.call('GET', '/services');
    expect([status, text]).to.deep.equal([500, '{"message":"An unexpected error occurred"}']);
    expect(broken.logLines.join('')).to.contain('the secret reason').and.to.contain('bodies.test.ts');
    await broken.close();
  });

  it('counts all faults of a body and lists the first thousand', async () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_one, n) => [`field${n}`, 1]));
    const { status, body } = await admin.call('POST', '/services', { host: 'h', ...many });
    expect(status).to.equal(400);
    expect(Object.keys(body.fields)).to.have.length(1_000);
    expect(body.message).to.match(/^5000 schema violations \(field0: unknown field; .*; and 4000 more\)$/);
  });
});
