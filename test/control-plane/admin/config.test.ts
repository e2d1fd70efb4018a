import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import type { ControlPlane } from '../../../control-plane/main.ts';
import { documentBytesMax } from '../../../shared/declarative/parse-document.ts';
import { startAdminOnly } from '../../helpers/admin-only.ts';
import { Closing } from '../../helpers/closing.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // Bodies of tests are read without ceremony.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

const shop = {
  _format_version: '3.0',
  services: [{ name: 'shop', host: 'shop.example', tags: ['a'], routes: [{ name: 'orders', paths: ['/orders'] }] }],
  consumers: [{ username: 'alice' }],
};
const shopYaml = `
_format_version: "3.0"
services:
- name: shop
  host: shop.example
  tags: [a]
  routes:
  - name: orders
    paths: [/orders]
consumers:
- username: alice
`;

describe('/config of a control plane', function () {
  this.timeout(30_000);
  const closing = new Closing();
  let controlPlane: ControlPlane;
  let database: string;

  async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const isText = typeof body === 'string' || body instanceof FormData || body instanceof URLSearchParams;
    const response = await fetch(`http://${controlPlane.addresses['admin']}${path}`, {
      method,
      headers: { ...(body === undefined || isText ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = response.headers.get('content-type')?.includes('json') === true && text !== '';
    const answer: Answer = {
      status: response.status,
      headers: response.headers,
      text,
      body: json ? JSON.parse(text) : undefined,
    };
    return answer;
  }
  const load = (document: unknown, query = '', headers: Record<string, string> = {}) =>
    call('POST', `/config${query}`, document, headers);
  const names = async (plural: string): Promise<unknown[]> =>
    (await call('GET', `/${plural}`)).body.data.map((entity: { name: string }) => entity.name);

  beforeEach(async () => {
    const folder = await tempFolder();
    closing.add(() => folder.remove());
    database = `${folder.path}/control-plane.db`;
    const keyring = `${folder.path}/keyring`;
    await writeFile(keyring, randomBytes(32).toString('base64'), { mode: 0o600 });
    controlPlane = await startAdminOnly(folder.path, { keyring, adminTokenReadOnly: 'reader' });
    closing.add(() => controlPlane.stop());
  });
  afterEach(() => closing.close());

  it('replaces everything and reports the changes, of which the second time has none', async () => {
    await call('PUT', '/services/old', { host: 'old.example' });
    const first = await load(shop);
    expect(first.status, first.text).to.equal(201);
    expect(first.body).to.include({ created: 3, updated: 0, deleted: 1, unchanged: 0 });
    expect(first.body.changes[0]).to.include({ action: 'delete', entity: 'services', name: 'old' });
    expect(await names('services')).to.deep.equal(['shop']);
    const [route] = (await call('GET', '/services/shop/routes')).body.data;
    expect(route).to.include({ name: 'orders' });
    expect((await call('GET', '/services?tags=a')).body.data).to.have.length(1);
    expect((await call('GET', '/tags/a')).body.data).to.have.length(1);

    const second = await load(shop);
    expect(second.status).to.equal(201);
    expect(second.body).to.deep.equal({ created: 0, updated: 0, deleted: 0, unchanged: 3, changes: [] });
    expect(second.headers.get('etag')).to.equal(first.headers.get('etag'));
    expect((await load(shop, '?check_hash=1')).status).to.equal(304);
    expect((await call('GET', '/services/shop/routes')).body.data[0]).to.deep.equal(route);

    const changed = structuredClone(shop);
    for (const service of changed.services) Object.assign(service, { host: 'new.example', tags: [] });
    const third = await load(changed, '?check_hash=1');
    expect(third.status).to.equal(201);
    expect(third.body.changes).to.have.length(1);
    expect(third.body.changes[0].fields).to.include.members(['host', 'tags']);
    expect((await call('GET', '/services/shop/routes')).body.data[0]).to.deep.equal(route);
    expect((await call('GET', '/services?tags=a')).body.data).to.have.length(0);
  });

  it('takes names over from one entity to another', async () => {
    const ids = ['0b5c3a52-8f0e-4f0b-9a46-5a1e0c1f7b93', '1b5c3a52-8f0e-4f0b-9a46-5a1e0c1f7b93'];
    const of = (first: string, second: string) => ({
      _format_version: '3.0',
      services: [
        { id: ids[0], name: first, host: 'h' },
        { id: ids[1], name: second, host: 'h' },
      ],
    });
    expect((await load(of('a', 'b'))).status).to.equal(201);
    const swapped = await load(of('b', 'a'));
    expect(swapped.status, swapped.text).to.equal(201);
    expect((await call('GET', '/services/a')).body.id).to.equal(ids[1]);
  });

  const bodies: [name: string, body: unknown, type: string | undefined][] = [
    ['a JSON document', shop, undefined],
    ['a JSON record with the document as text', { config: shopYaml }, undefined],
    ['application/yaml', shopYaml, 'application/yaml'],
    ['text/yaml', shopYaml, 'text/yaml; charset=utf-8'],
    ['a form', new URLSearchParams({ config: shopYaml }), undefined],
    ['a form with JSON', new URLSearchParams({ config: JSON.stringify(shop) }), undefined],
  ];
  for (const [name, body, type] of bodies) {
    it(`takes ${name}`, async () => {
      const answer = await load(body, '', type === undefined ? {} : { 'content-type': type });
      expect(answer.status, answer.text).to.equal(201);
      expect(await names('routes')).to.deep.equal(['orders']);
    });
  }

  it('takes a multipart form with a file', async () => {
    const form = new FormData();
    form.set('config', new Blob([shopYaml], { type: 'application/yaml' }), 'kong.yaml');
    const answer = await load(form);
    expect(answer.status, answer.text).to.equal(201);
    expect(await names('services')).to.deep.equal(['shop']);
  });

  it('refuses a whole document that has faults, and lists them all', async () => {
    await load(shop);
    const bad = { _format_version: '3.0', services: [{ name: 'x' }], routes: [{ name: 'r', paths: ['x'] }], odd: 1 };
    const tree = await load(bad);
    expect(tree.status).to.equal(400);
    expect(tree.body).to.include({ code: 14, name: 'invalid declarative configuration' });
    expect(tree.body.fields).to.deep.equal({
      odd: 'unknown field',
      services: [{ host: 'required field missing' }],
      routes: [{ paths: ['should start with: / (fixed path) or ~/ (regex path)'] }],
    });
    const flat = await load(bad, '?flatten_errors=1');
    expect(flat.body.fields).to.deep.equal({ odd: 'unknown field' });
    expect(flat.body.flattened_errors[1]).to.deep.equal({
      entity_type: 'route',
      entity_name: 'r',
      entity: { name: 'r', paths: ['x'] },
      errors: [{ type: 'field', field: 'paths.1', message: 'should start with: / (fixed path) or ~/ (regex path)' }],
    });
    expect(await names('services')).to.deep.equal(['shop']);
  });

  const refused: [name: string, body: unknown, type: string | undefined, status: number][] = [
    ['nothing', '', 'application/json', 400],
    ['broken JSON', '{"_format_version": "3.0"', 'application/json', 400],
    ['YAML as JSON', shopYaml, 'application/json', 400],
    [
      'a name without a text',
      '{"_format_version":"3.0","services":[{"name":[{"toString":0}]}]}',
      'application/json',
      400,
    ],
    ['broken YAML', 'a: b: c', 'application/yaml', 400],
    ['a form without config', new URLSearchParams({ other: 'x' }), undefined, 400],
    ['another type', 'x', 'text/plain', 415],
    ['too much', 'x'.repeat(documentBytesMax + 1), 'application/yaml', 413],
  ];
  for (const [name, body, type, status] of refused) {
    it(`answers ${status} to ${name}`, async () => {
      const answer = await load(body, '', type === undefined ? {} : { 'content-type': type });
      expect(answer.status, answer.text).to.equal(status);
      expect(answer.body.message).to.be.a('string');
    });
  }

  it('changes nothing on a dry run, but says what it would', async () => {
    await call('PUT', '/services/old', { host: 'old.example' });
    const dry = await load(shop, '?dry_run=1');
    expect(dry.status).to.equal(200);
    expect(dry.body).to.include({ created: 3, deleted: 1 });
    expect(await names('services')).to.deep.equal(['old']);
    expect((await load({ _format_version: '3.0', services: [{}] }, '?dry_run=1')).status).to.equal(400);
    // What was shown is what is replaced, or nothing is.
    const etag = dry.headers.get('etag') ?? '';
    await call('PUT', '/services/another', { host: 'x' });
    expect((await load(shop, '', { 'if-match': etag })).status).to.equal(412);
    const now = (await call('GET', '/config')).headers.get('etag') ?? '';
    expect((await load(shop, '', { 'if-match': now })).status).to.equal(201);
    expect((await load(shop, '', { 'if-match': '*' })).status).to.equal(201);
  });

  it('is read in JSON and YAML and loads again unchanged; without the token secrets are masked', async () => {
    const config = { bootstrap_servers: [{ host: 'h', port: 1 }], topic: 't' };
    const authentication = { strategy: 'sasl', mechanism: 'PLAIN', user: 'u', password: 'hunter2' };
    const plugins = [{ name: 'kafka-upstream', route: 'orders', config: { ...config, authentication } }];
    expect((await load({ ...shop, plugins })).status).to.equal(201);
    const json = await call('GET', '/config');
    expect(json.status).to.equal(200);
    expect(json.body._format_version).to.equal('3.0');
    expect(json.text).to.include('hunter2');
    expect((await load(json.body, '?check_hash=1', { 'if-match': json.headers.get('etag') ?? '' })).status).to.equal(
      304,
    );
    const yaml = await call('GET', '/config', undefined, { accept: 'application/yaml' });
    expect(yaml.headers.get('content-type')).to.match(/^application\/yaml/);
    expect((await load(yaml.text, '?check_hash=1', { 'content-type': 'application/yaml' })).status).to.equal(304);
    const masked = await call('GET', '/config', undefined, { 'kong-admin-token': 'reader' });
    expect(masked.status).to.equal(200);
    expect(masked.text).not.to.include('hunter2');
    expect((await load(shop, '', { 'kong-admin-token': 'reader' })).status).to.equal(403);
    expect((await call('PUT', '/config', shop)).status).to.equal(405);
  });

  it('loads one document at a time, and other calls go on meanwhile', async () => {
    const services = Array.from({ length: 4000 }, (_, index) => ({ name: `s${index}`, host: 'h' }));
    const loads = Promise.all([1, 2, 3].map(() => load({ _format_version: '3.0', services })));
    const written = await call('PUT', '/consumers/meanwhile', { custom_id: '1' });
    expect(written.status).to.equal(200);
    expect((await call('GET', '/services?size=1')).status).to.equal(200);
    const answers = await loads;
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).to.have.length.greaterThan(0);
    for (const { headers } of refused) expect(headers.get('retry-after')).to.equal('1');
    expect(answers.filter(({ status }) => status === 201)).to.have.length(3 - refused.length);
    expect((await call('GET', '/services/s3999')).status).to.equal(200);
    expect((await load(shop)).status).to.equal(201);
    expect(await names('services')).to.deep.equal(['shop']);
  });

  it('is encrypted and recorded like any other write, under the name of the caller', async () => {
    const consumers = [{ username: 'alice', custom_id: '1', keyauth_credentials: [{ key: 'planted-secret' }] }];
    expect((await load({ ...shop, consumers })).status).to.equal(201);
    const changed = { ...shop, consumers: consumers.map((consumer) => ({ ...consumer, custom_id: '2' })) };
    expect((await load(changed)).status).to.equal(201);
    expect((await call('GET', '/key-auths/planted-secret')).body.key).to.equal('planted-secret');
    for (const file of [database, `${database}-wal`])
      expect((await readFile(file)).includes('planted')).to.equal(false);
    const audit = await call('GET', '/audit/objects');
    expect(audit.text).not.to.include('planted');
    const [newest, ...others] = audit.body.data;
    expect(newest).to.deep.include({
      actor: 'anonymous',
      operation: 'update',
      entity: 'consumers',
      changed: ['custom_id'],
    });
    expect(others.map(({ operation }: { operation: string }) => operation)).to.deep.equal(Array(4).fill('create'));
  });
});
