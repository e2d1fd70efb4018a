import { expect } from 'chai';
import { collectionPath } from '../../../control-plane/admin/entity-routes.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { makePair, type TestPair } from '../../helpers/certificates.ts';
import { startAdmin, type AdminFixture } from './admin-fixture.ts';

const absent = '99999999-9999-4999-8999-999999999999';

describe('the Admin API: what holds for every kind of entity', () => {
  let admin: AdminFixture;
  const authorities: TestPair[] = [];
  let pair: TestPair;
  const ids: Record<string, string> = {};

  before(async () => {
    admin = await startAdmin();
    pair = await makePair();
    for (let n = 0; n < 5; n += 1) authorities.push(await makePair({ ca: true }));
    const parents = { certificates: pair, upstreams: { name: 'parent' }, consumers: { username: 'parent' } };
    for (const [plural, body] of Object.entries(parents)) {
      ids[plural] = (await admin.call('POST', `/${plural}`, body)).body.id;
    }
  });
  after(() => admin.close());

  /** The nth of its kind; and a parent that may be named by its key instead. */
  const bodies: Readonly<Record<string, (n: number) => object>> = {
    certificates: (n) => ({ ...pair, snis: [`c${n}.example`] }),
    ca_certificates: (n) => ({ cert: authorities[n]?.cert }),
    snis: (n) => ({ name: `s${n}.example`, certificate: { id: ids['certificates'] } }),
    upstreams: (n) => ({ name: `u${n}` }),
    targets: (n) => ({ target: `t${n}`, upstream: { name: 'parent' } }),
    services: (n) => ({ name: `s${n}`, host: 'h' }),
    routes: (n) => ({ name: `r${n}`, paths: ['/'] }),
    consumers: (n) => ({ username: `u${n}` }),
    keyauth_credentials: (n) => ({ key: `k${n}`, consumer: { name: 'parent' } }),
    basicauth_credentials: (n) => ({ username: `b${n}`, password: 'p', consumer: { name: 'parent' } }),
    hmacauth_credentials: (n) => ({ username: `h${n}`, secret: 's', consumer: { name: 'parent' } }),
    acls: (n) => ({ group: `g${n}`, consumer: { name: 'parent' } }),
    jwt_secrets: (n) => ({ key: `k${n}`, secret: 's', consumer: { id: ids['consumers'], username: 'ignored' } }),
    plugins: (n) => ({ name: 'sample', instance_name: `p${n}`, config: { topic: 't', label: 'l' } }),
  };
  /** Kinds of which one only can be bound to the same things. */
  const once = new Set(['plugins']);

  for (const entity of entities) {
    describe(entity.plural, () => {
      const path = `/${collectionPath(entity)}`;
      const body = (n: number, more: object = {}) => ({ ...bodies[entity.plural]?.(n), ...more });
      const make = async (n: number, more: object = {}) => {
        const made = await admin.call('POST', path, body(n, more));
        expect(made.status, made.text).to.equal(201);
        return made;
      };
      const made: string[] = [];
      afterEach(async () => {
        for (const id of made.splice(0)) await admin.call('DELETE', `${path}/${id}`);
      });

      it('is created, read by id and key, listed, changed and deleted', async () => {
        const { body: value, headers } = await make(0, { tags: ['x'] });
        made.push(value.id);
        const read = await admin.call('GET', `${path}/${value.id}`);
        expect(read.body).to.deep.equal(value);
        expect(read.headers.get('etag'))
          .to.equal(headers.get('etag'))
          .and.match(/^"[\w-]+"$/);
        if (entity.key !== 'id' && entity.keyWithin === undefined) {
          expect((await admin.call('GET', `${path}/${value[entity.key]}`)).body).to.deep.equal(value);
        }
        expect((await admin.call('GET', `${path}?tags=x`)).body.data).to.deep.equal([value]);
        const patched = await admin.call('PATCH', `${path}/${value.id}`, { tags: ['y', 'z'] });
        expect(patched.body).to.deep.equal({ ...value, tags: ['y', 'z'], ...timeOf(patched.body) });
        const put = await admin.call('PUT', `${path}/${value.id}`, body(0));
        expect(put.body).to.deep.equal({ ...value, tags: null, ...timeOf(put.body) });
        expect((await admin.call('DELETE', `${path}/${value.id}`)).status).to.equal(204);
        expect((await admin.call('DELETE', `${path}/${value.id}`)).status).to.equal(204);
        for (const method of ['GET', 'PATCH']) {
          const { status, body: answer } = await admin.call(method, `${path}/${value.id}`);
          expect([status, answer]).to.deep.equal([404, { code: 6, name: 'not found', message: 'Not found' }]);
        }
      });

      it('is created by PUT at an id, with the id and the time of the body', async () => {
        const put = await admin.call('PUT', `${path}/${absent}`, body(0, { id: absent, created_at: 1_700_000_000 }));
        made.push(absent);
        expect([put.status, put.body.id, put.body.created_at]).to.deep.equal([200, absent, 1_700_000_000]);
      });

      it('accepts null for fields with automatic values', async () => {
        const times = Object.hasOwn(entity.fields, 'updated_at') ? { updated_at: null } : {};
        const { body: value } = await make(0, { id: null, created_at: null, ...times });
        made.push(value.id);
        expect(value.id).to.match(/^[0-9a-f-]{36}$/);
        expect(value.created_at).to.be.greaterThan(1_700_000_000);
      });

      it('refuses unknown fields and invalid ids', async () => {
        const refused = await admin.call('POST', path, body(0, { nothing: 1, id: 'x', tags: ['a,b'] }));
        expect(refused.status).to.equal(400);
        expect(refused.body.code).to.equal(2);
        expect(refused.body.fields).to.include({ nothing: 'unknown field', id: 'expected a valid UUID' });
        expect(refused.body.fields.tags).to.have.length(1);
        expect(refused.body.message).to.match(
          /^3 schema violations \(id: expected a valid UUID; nothing: unknown field; tags/,
        );
      });

      it('guards writes by ETag', async () => {
        const { body: value, headers } = await make(0);
        made.push(value.id);
        const stale = { 'if-match': '"stale"' };
        for (const method of ['PUT', 'PATCH', 'DELETE']) {
          const given = method === 'DELETE' ? undefined : body(0);
          expect((await admin.call(method, `${path}/${value.id}`, given, stale)).status, method).to.equal(412);
        }
        const current = { 'if-match': headers.get('etag') ?? '' };
        expect((await admin.call('DELETE', `${path}/${value.id}`, undefined, current)).status).to.equal(204);
      });

      it('answers HEAD and OPTIONS, and 405 for other methods', async () => {
        const head = await admin.call('HEAD', path);
        expect([head.status, head.text]).to.deep.equal([200, '']);
        const allow = async (where: string) => (await admin.call('OPTIONS', where)).headers.get('allow');
        expect(await allow(path)).to.equal('GET, HEAD, OPTIONS, POST');
        expect(await allow(`${path}/x`)).to.equal('DELETE, GET, HEAD, OPTIONS, PATCH, PUT');
        for (const [method, where] of [
          ['PUT', path],
          ['PATCH', path],
          ['DELETE', path],
          ['POST', `${path}/x`],
        ] as const) {
          const { status, body: answer } = await admin.call(method, where);
          expect([status, answer], `${method} ${where}`).to.deep.equal([405, { message: 'Method not allowed' }]);
        }
      });

      it('publishes its schema, every field once and in order', async () => {
        const { status, body: schema } = await admin.call('GET', `/schemas/${entity.plural}`);
        expect(status).to.equal(200);
        const published = schema.fields.map((field: object) => Object.keys(field));
        const shown = Object.entries(entity.fields).flatMap(([name, field]) => (field.internal ? [] : [[name]]));
        expect(published).to.deep.equal(shown);
        for (const [name, field] of schema.fields.flatMap((entry: object) => Object.entries(entry))) {
          expect(
            ['string', 'integer', 'number', 'boolean', 'array', 'set', 'map', 'record', 'foreign'],
            name,
          ).to.include(field.type);
          if (field.type === 'foreign') expect(field.reference, name).to.be.a('string');
        }
        const validated = await admin.call('POST', `/schemas/${entity.plural}/validate`, body(0));
        expect([validated.status, validated.text]).to.deep.equal([200, '{"message":"schema validation successful"}']);
      });

      if (once.has(entity.plural)) return;

      it('is listed by pages and by tags', async () => {
        const tags = [['a'], ['a', 'b'], ['b'], ['c']];
        for (const [n, list] of tags.entries()) made.push((await make(n, { tags: list })).body.id);
        const find = async (query: string) => (await admin.call('GET', `${path}?${query}`)).body.data.length;
        expect([
          await find('tags=a'),
          await find('tags=a,b'),
          await find('tags=a/b'),
          await find('tags=x'),
        ]).to.deep.equal([2, 1, 3, 0]);
        const seen: string[] = [];
        let next: string | null = `${path}?tags=a/b&size=1`;
        while (next !== null) {
          const { body: page } = await admin.call('GET', next);
          seen.push(...page.data.map(({ id }: { id: string }) => id));
          expect(Object.hasOwn(page, 'offset')).to.equal(page.next !== null);
          next = page.next;
        }
        expect(seen).to.deep.equal(made.slice(0, 3).toSorted((a, b) => (a < b ? -1 : 1)));
      });
    });
  }

  for (const path of [
    'consumer_groups',
    'oauth2',
    'mtls-auths',
    'vaults',
    'keys',
    'key-sets',
    'filter-chains',
    'partials',
    'keyauth_credentials',
    'basicauth_credentials',
    'hmacauth_credentials',
    'jwt_secrets',
    'licenses',
  ]) {
    it(`has no /${path}`, async () => {
      const { status, body } = await admin.call('GET', `/${path}?size=1000&tags=a`);
      expect([status, body]).to.deep.equal([404, { message: 'Not found' }]);
    });
  }

  it('marks secret fields in the published schemas', async () => {
    const secret = async (plural: string) => {
      const { fields } = (await admin.call('GET', `/schemas/${plural}`)).body;
      return fields
        .flatMap((entry: object) => Object.entries(entry))
        .flatMap(([name, field]: [string, { encrypted?: boolean }]) => (field.encrypted === true ? [name] : []));
    };
    expect(await secret('certificates')).to.deep.equal(['key', 'key_alt']);
    expect(await secret('keyauth_credentials')).to.deep.equal(['key']);
    expect(await secret('basicauth_credentials')).to.deep.equal(['password']);
    expect(await secret('hmacauth_credentials')).to.deep.equal(['secret']);
    expect(await secret('jwt_secrets')).to.deep.equal(['secret']);
  });
});

/** The time of the change is the one thing that a write alters by itself. */
function timeOf(body: { updated_at?: number }): object {
  return body.updated_at === undefined ? {} : { updated_at: body.updated_at };
}
