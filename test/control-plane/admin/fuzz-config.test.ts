import { expect } from 'chai';
import * as fc from 'fast-check';
import type { ControlPlane } from '../../../control-plane/main.ts';
import { hashDocumentPassword } from '../../../shared/entities/password-hash.ts';
import { startAdminOnly } from '../../helpers/admin-only.ts';
import { Closing } from '../../helpers/closing.ts';
import { anyJson, mutated } from '../../helpers/odd-json.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const good = {
  _format_version: '3.0',
  services: [
    {
      name: 'shop',
      host: 'shop.example',
      tags: ['a'],
      routes: [{ name: 'orders', paths: ['/orders', '~/items/(?<id>\\d+)$'], headers: { x: ['1'] } }],
      plugins: [{ name: 'request-termination', config: { status_code: 503 } }],
    },
  ],
  consumers: [
    {
      username: 'alice',
      keyauth_credentials: [{ key: 'k' }],
      // Already a hash: making one takes 40 ms a load.
      basicauth_credentials: [{ username: 'u', password: hashDocumentPassword('p', 'id') }],
      hmacauth_credentials: [{ username: 'u', secret: 's' }],
      jwt_secrets: [{ key: 'j', secret: 's' }],
      acls: [{ group: 'g' }],
    },
  ],
  upstreams: [{ name: 'up.example', targets: [{ target: 'a:1' }] }],
  routes: [{ name: 'loose', hosts: ['*.example'], service: { name: 'shop' } }],
};

/** Lines that, put together in any way, make YAML that is good, odd or none. */
const lines = [
  '_format_version: "3.0"',
  '_format_version: 3.0',
  'services:',
  '- name: a',
  '  host: h',
  '  <<: *x',
  '  tags: &x [a]',
  'consumers: &y',
  '- username: *y',
  '- username: 2001-01-01',
  'a: !!js/function "x"',
  'a: !!binary AA==',
  'a: &b [*b]',
  '? [k]',
  ': v',
  '---',
  '...',
  '%YAML 1.1',
  '\tx: 1',
  '__proto__: {a: 1}',
  'services: !!set {a}',
  '"unended',
  '{',
  '- ]',
  'x: |',
  '\ufeff',
  '\0',
];

describe('/config with random input', function () {
  this.timeout(60_000);
  const closing = new Closing();
  let controlPlane: ControlPlane;
  beforeEach(async () => {
    const folder = await tempFolder();
    closing.add(() => folder.remove());
    controlPlane = await startAdminOnly(folder.path);
    closing.add(() => controlPlane.stop());
  });
  afterEach(() => closing.close());

  async function call(method: string, body?: string | FormData | URLSearchParams, type?: string, query = '') {
    const response = await fetch(`http://${controlPlane.addresses['admin']}/config${query}`, {
      method,
      ...(body === undefined ? {} : { body }),
      ...(type === undefined ? {} : { headers: { 'content-type': type } }),
    });
    return { status: response.status, text: await response.text(), etag: response.headers.get('etag') };
  }

  /** One load: all of it, readable and the same when it comes again; or nothing, with the reason. */
  async function check(body: string | FormData | URLSearchParams, type: string | undefined): Promise<void> {
    const what = `${type}: ${body instanceof FormData ? 'a form with parts' : body.toString()}`;
    const before = await call('GET');
    const answer = await call('POST', body, type, '?flatten_errors=1');
    expect(answer.status, `${what}: ${answer.text}`).to.be.oneOf([201, 400, 415]);
    const after = await call('GET');
    expect(after.status, after.text).to.equal(200);
    if (answer.status === 201) {
      const again = await call('POST', after.text, 'application/json', '?check_hash=1');
      expect(again.status, `${what}: ${after.text}: ${again.text}`).to.equal(304);
      return;
    }
    expect(after, what).to.deep.equal(before);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const { message, code, fields } = JSON.parse(answer.text) as Record<string, unknown>;
    expect(message, what).to.be.a('string').and.not.equal('');
    if (code === undefined) return;
    expect([code, typeof fields], answer.text).to.deep.equal([14, 'object']);
  }

  it('loads a document whole, and its export loads again, or refuses it whole', async () => {
    const property = fc.asyncProperty(fc.gen(), fc.nat(4), async (gen, form) => {
      const document = gen(fc.nat, 4) === 0 ? gen(() => anyJson) : mutated(gen, good);
      const text = JSON.stringify(document);
      if (form === 0) await check(text, 'application/json');
      else if (form === 1) await check(text, 'application/yaml');
      else if (form === 2) await check(JSON.stringify({ config: text }), 'application/json');
      else if (form === 3) await check(new URLSearchParams({ config: text }), undefined);
      else {
        const parts = new FormData();
        parts.append('config', new Blob([text]), 'a.json');
        await check(parts, undefined);
      }
    });
    await check(JSON.stringify(good), 'application/json');
    await fc.assert(property, { numRuns: 8 });
  });

  it('loads text of any kind whole or refuses it whole', async () => {
    const yaml = fc.array(fc.constantFrom(...lines), { maxLength: 8 }).map((all) => all.join('\n'));
    const text = fc.oneof({ weight: 3, arbitrary: yaml }, fc.string({ unit: 'binary', maxLength: 40 }));
    const type = fc.constantFrom('application/yaml', 'text/yaml; charset=utf-8', 'application/json', 'text/plain');
    const wrapped = fc.boolean();
    const property = fc.asyncProperty(text, type, wrapped, async (given, named, within) => {
      await check(within ? JSON.stringify({ config: given }) : given, within ? 'application/json' : named);
    });
    await fc.assert(property, { numRuns: 12 });
  });
});
