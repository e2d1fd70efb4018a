import { expect } from 'chai';
import * as fc from 'fast-check';
import { collectionPath } from '../../../control-plane/admin/entity-routes.ts';
import { entities } from '../../../shared/entities/entities.ts';
import type { EntityDescriptor } from '../../../shared/entities/entity.ts';
import { entityBodies, type ArbitraryContext } from '../../helpers/entity-arbitrary.ts';
import { anyJson, mutated } from '../../helpers/odd-json.ts';
import type { AdminFixture } from './admin-fixture.ts';
import { checkAnswer, checkTaken, fuzzedBase, startFuzzedAdmin } from './fuzz-checks.ts';

describe('the Admin API: random input', function () {
  this.timeout(60_000);
  let admin: AdminFixture;
  let context: ArbitraryContext;
  let close: () => Promise<void>;
  beforeEach(async () => {
    ({ admin, context, close } = await startFuzzedAdmin());
  });
  afterEach(() => close());

  const targets = (entity: EntityDescriptor) => {
    const path = collectionPath(entity);
    return [
      ['POST', `/${path}`],
      ['PUT', `/${path}/any`],
      ['PUT', `/${path}/0b5c3a52-8f0e-4f0b-9a46-5a1e0c1f7b93`],
      ['PATCH', `/${path}/any`],
      ['POST', `/schemas/${entity.plural}/validate`],
    ] as const;
  };

  it('writes JSON so that it is read back, or refuses it with its faults', async () => {
    const property = fc.asyncProperty(fc.constantFrom(...entities), fc.gen(), async (entity, gen) => {
      const good = gen(() => entityBodies(entity, context, fuzzedBase(entity, gen)));
      for (const body of [mutated(gen, good), gen(() => anyJson)]) {
        const [method, path] = gen(() => fc.constantFrom(...targets(entity)));
        // Text as it is: JSON.stringify of undefined is nothing.
        const answer = await admin.call(method, path, JSON.stringify(body) ?? '', {
          'content-type': 'application/json',
        });
        checkAnswer(answer, `${method} ${path} ${JSON.stringify(body)}`);
        if (!path.endsWith('/validate')) await checkTaken(admin, entity, answer);
      }
    });
    await fc.assert(property, { numRuns: 180 });
  });

  it('writes a form of any kind so that it is read back, or refuses it', async () => {
    const names = [
      'name',
      'config.topic',
      'config[topic]',
      'tags[]',
      'tags[1]',
      'tags[99999]',
      'config',
      'a.b.c[1]',
      '',
    ];
    const more = [
      'config.servers[1].host',
      'config.servers[].port',
      'headers.x[]',
      'service.id',
      'service',
      'url',
      '__proto__',
    ];
    const odd = [
      '__proto__.x',
      'constructor.prototype.x',
      'config.names.a.b',
      'config.limits.count',
      'snis[]',
      'ttl',
      'cert',
    ];
    const entry = fc.tuple(
      fc.oneof(fc.constantFrom(...names, ...more, ...odd), fc.string({ maxLength: 6 })),
      fc.oneof(
        fc.constantFrom('sample', 'x', '', 'true', '1', '1e400', '/', 'null'),
        fc.string({ unit: 'binary', maxLength: 6 }),
      ),
    );
    const property = fc.asyncProperty(
      fc.constantFrom(...entities),
      fc.array(entry, { maxLength: 6 }),
      fc.gen(),
      async (entity, entries, gen) => {
        const [method, path] = gen(() => fc.constantFrom(...targets(entity)));
        const form = new FormData();
        for (const [name, value] of entries) form.append(name, gen(fc.boolean) ? new Blob([value]) : value);
        const plain = new URLSearchParams(entries);
        const broken = entries.map(([name, value]) => `${name}=${value}`).join('&');
        const boundary = gen(() => fc.constantFrom('x', '', 'y'.repeat(200)));
        const parts = entries.map(
          ([name, value]) => `--x\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
        );
        for (const [body, type] of [
          [form, undefined],
          [plain, undefined],
          [broken, 'application/x-www-form-urlencoded'],
          [parts.join(''), `multipart/form-data; boundary=${boundary}`],
          [`${parts.join('')}--x--`, `multipart/form-data; boundary=${boundary}`],
        ] as const) {
          const answer = await admin.call(method, path, body, type === undefined ? {} : { 'content-type': type });
          checkAnswer(answer, `${method} ${path} ${type} ${broken}`);
          if (!path.endsWith('/validate')) await checkTaken(admin, entity, answer);
        }
      },
    );
    await fc.assert(property, { numRuns: 80 });
  });

  it('refuses random bytes of any content type', async () => {
    const type = fc.constantFrom(
      'application/json',
      'application/json; charset=latin1',
      'text/plain',
      'multipart/form-data',
      '',
      'x',
    );
    const property = fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 30 }), type, async (text, contentType) => {
      const answer = await admin.call(
        'POST',
        '/services',
        text,
        contentType === '' ? {} : { 'content-type': contentType },
      );
      checkAnswer(answer, `${contentType} ${JSON.stringify(text)}`);
    });
    await fc.assert(property, { numRuns: 150 });
    const parts = Array.from(
      { length: 10_001 },
      (_one, n) => `--x\r\ncontent-disposition: form-data; name="tags[]"\r\n\r\nt${n}\r\n`,
    );
    const tooMany = await admin.call('POST', '/services', `${parts.join('')}--x--`, {
      'content-type': 'multipart/form-data; boundary=x',
    });
    expect([tooMany.status, tooMany.body.message]).to.deep.equal([
      413,
      'Too many parts in the form: the limit is 10000',
    ]);
  });

  it('answers any path and query', async () => {
    const part = fc.oneof(
      fc.constantFrom(
        'services',
        'routes',
        'plugins',
        'any',
        '%2e%2e',
        '%',
        '%00',
        '%c3%28',
        '..',
        '0b5c3a52-8f0e-4f0b-9a46-5a1e0c1f7b93',
      ),
      fc.constantFrom(
        'schemas',
        'config',
        'tags',
        'clustering',
        '__proto__',
        'x'.repeat(5_000),
        'validate',
        'consumers',
        'key-auth',
        'basic-auth',
        'acls',
      ),
      fc.string({ unit: 'binary-ascii', maxLength: 6 }).map((text) => text.replaceAll(/[^!-~]|[?#\\]/g, '_')),
    );
    const query = fc.array(
      fc.tuple(
        fc.constantFrom('size', 'offset', 'tags', 'custom_id', 'wait', 'x'),
        fc.oneof(
          fc.constantFrom('0', '1000', '1001', 'a,b', 'a/b', 'a,b/c', '', '%', '-1'),
          fc.base64String({ maxLength: 12 }),
        ),
      ),
      { maxLength: 3 },
    );
    const method = fc.constantFrom('GET', 'DELETE', 'HEAD', 'OPTIONS', 'POST');
    const property = fc.asyncProperty(method, fc.array(part, { maxLength: 4 }), query, async (verb, parts, pairs) => {
      const text = pairs.map(([name, value]) => `${name}=${value}`).join('&');
      const path = `/${parts.join('/')}${text === '' ? '' : `?${text}`}`;
      const answer = await admin.call(verb, path);
      expect(answer.status, `${verb} ${path}: ${answer.text}`).to.be.oneOf([200, 201, 204, 400, 404, 405, 409, 414]);
      if (verb === 'HEAD' || answer.status < 300) return;
      expect(answer.body?.message, `${verb} ${path}: ${answer.text}`).to.be.a('string');
    });
    await fc.assert(property, { numRuns: 400 });
  });
});
