import { expect } from 'chai';
import * as fc from 'fast-check';
import { collectionPath } from '../../../control-plane/admin/entity-routes.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { entityBodies, type ArbitraryContext } from '../../helpers/entity-arbitrary.ts';
import { anyJson, mutated } from '../../helpers/odd-json.ts';
import type { AdminFixture } from './admin-fixture.ts';
import { checkAnswer, checkTaken, fuzzedBase, startFuzzedAdmin } from './fuzz-checks.ts';

describe('the Admin API: random input for existing entities', function () {
  this.timeout(60_000);
  let admin: AdminFixture;
  let context: ArbitraryContext;
  let close: () => Promise<void>;
  beforeEach(async () => {
    ({ admin, context, close } = await startFuzzedAdmin());
  });
  afterEach(() => close());

  const json = { 'content-type': 'application/json' };

  it('writes JSON so that it is read back, or leaves the entity unchanged', async () => {
    const property = fc.asyncProperty(fc.constantFrom(...entities), fc.gen(), async (entity, gen) => {
      const made = await admin.call(
        'POST',
        `/${collectionPath(entity)}`,
        gen(() => entityBodies(entity, context, fuzzedBase(entity, gen))),
      );
      checkAnswer(made, entity.plural);
      if (made.status !== 201) return;
      const path = `/${collectionPath(entity)}/${made.body.id}`;
      let current: unknown = made.body;
      for (let turn = 0; turn < 3; turn += 1) {
        const method = gen(() => fc.constantFrom('PUT', 'PATCH', 'PATCH'));
        const body = gen(fc.nat, 3) === 0 ? gen(() => anyJson) : mutated(gen, current);
        const answer = await admin.call(method, path, JSON.stringify(body), json);
        checkAnswer(answer, `${method} ${path} ${JSON.stringify(body)}`);
        if (answer.status === 200) {
          expect(answer.body.id).to.equal(made.body.id);
          await checkTaken(admin, entity, answer);
          current = answer.body;
        } else {
          expect((await admin.call('GET', path)).body).to.deep.equal(current);
        }
      }
      expect((await admin.call('DELETE', path)).status).to.equal(204);
    });
    await fc.assert(property, { numRuns: 80 });
  });

  it('writes a form with conflicting names so that it is read back, or refuses it', async () => {
    const id = context.ids['services']?.[0] ?? '';
    const names = ['config=1', 'config.topic=a', 'config.topic.x=a', 'config.topic[]=a', 'config=', 'config[1]=x'];
    const records = ['config.limits=1', 'config.limits.count=2', 'config.limits[1].count=3', 'config.extra.on=true'];
    const lists = ['config.servers=x', 'config.servers[1].host=h', 'config.servers[].port=1', 'config.servers.host=h'];
    const more = ['config.servers=', 'tags=a', 'tags[]=b', 'tags[2]=c', 'tags.x=d', 'tags=', 'tags[]=', 'tags[x]=a'];
    const maps = ['config.names=1', 'config.names.a=b', 'config.names.=b', 'config.names[1]=x', 'config.names.a[1]=y'];
    const foreign = [
      'service=x',
      `service.id=${id}`,
      'service.id=',
      'service.name=parent',
      'service.id.x=1',
      'service=',
    ];
    const odd = [
      'enabled=maybe',
      'config.__proto__=1',
      'config.names.__proto__=1',
      '%ZZ=1',
      'tags[]=%',
      '=',
      '&',
      '..=1',
    ];
    const entry = fc.constantFrom(...names, ...records, ...lists, ...more, ...maps, ...foreign, ...odd);
    const entity = entities.find(({ plural }) => plural === 'plugins');
    if (entity === undefined) throw new Error('There are no plugins');
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    const property = fc.asyncProperty(fc.array(entry, { maxLength: 7 }), fc.boolean(), async (entries, patched) => {
      // All but what clashes is good.
      const good = ['name=sample', 'config.topic=t'];
      let method = 'POST';
      let path = '/plugins';
      if (patched) {
        path = `/plugins/${(await admin.call('POST', path, good.join('&'), type)).body.id}`;
        method = 'PATCH';
      }
      const answer = await admin.call(method, path, [...(patched ? [] : good), ...entries].join('&'), type);
      checkAnswer(answer, `${method} ${entries.join('&')}`);
      await checkTaken(admin, entity, answer);
      // The next one would be the second of its kind.
      for (const { id: one } of admin.store.page({ entity: 'plugins', size: 1000 }).items)
        await admin.call('DELETE', `/plugins/${one}`);
    });
    await fc.assert(property, { numRuns: 200 });
  });

  it('answers the query of a list with a page or names the wrong part', async () => {
    for (const n of [1, 2, 3]) await admin.call('POST', '/services', { host: 'h', tags: [`t${n}`, 'a'] });
    const collections = entities.map((entity) => `/${collectionPath(entity)}`);
    const nested = ['/services/parent/routes', '/services/parent/plugins', '/consumers/parent/jwt', '/tags', '/tags/a'];
    const offset = (value: unknown) => Buffer.from(JSON.stringify(value) ?? '').toString('base64url');
    const value = fc.oneof(
      fc.constantFrom(
        '',
        '0',
        '1',
        '2',
        '1000',
        '1001',
        '-1',
        '1e2',
        '١',
        ' 1',
        'a',
        'a,t1',
        'a/t2',
        'a,b/c',
        ',',
        '/',
      ),
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.constantFrom('0b5c3a52-8f0e-4f0b-9a46-5a1e0c1f7b93', '__proto__', 'x'.repeat(5_000)),
      fc.oneof(anyJson, fc.array(fc.string({ unit: 'binary', maxLength: 5 }), { maxLength: 4 })).map(offset),
    );
    const name = fc.constantFrom('size', 'offset', 'tags', 'tags[]', 'custom_id', 'size[]', '__proto__', 'x');
    const pair = fc.tuple(name, value, fc.boolean());
    const run = fc.asyncProperty(
      fc.constantFrom(...collections, ...nested, '/audit/objects'),
      fc.array(pair, { maxLength: 4 }),
      async (path, pairs) => {
        const query = pairs
          .map(([key, text, raw]) =>
            raw ? `${key}=${text.replaceAll(/[^!-~]|#/g, '_')}` : new URLSearchParams({ [key]: text }).toString(),
          )
          .join('&');
        const { status, body, text } = await admin.call('GET', `${path}?${query}`);
        expect(status, `${path}?${query}: ${text}`).to.be.oneOf([200, 400]);
        if (status === 400) {
          expect(body.code, `${path}?${query}: ${text}`).to.be.oneOf([7, 9, 11]);
          expect([typeof body.name, typeof body.message]).to.deep.equal(['string', 'string']);
          return;
        }
        expect(body.data).to.be.an('array');
        // Clients ask for what `next` says until there is none.
        if (body.next === null) {
          expect(body).to.not.have.property('offset');
          return;
        }
        expect(body.offset).to.be.a('string').and.not.equal('');
        expect((await admin.call('GET', body.next)).status, body.next).to.equal(200);
      },
    );
    await fc.assert(run, { numRuns: 400 });
  });
});
