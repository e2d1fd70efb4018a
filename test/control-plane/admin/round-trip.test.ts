import { expect } from 'chai';
import * as fc from 'fast-check';
import { collectionPath } from '../../../control-plane/admin/entity-routes.ts';
import { entities } from '../../../shared/entities/entities.ts';
import type { EntityDescriptor } from '../../../shared/entities/entity.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { createSnapshot } from '../../../shared/snapshot.ts';
import { makePair } from '../../helpers/certificates.ts';
import { entityBodies, type ArbitraryContext } from '../../helpers/entity-arbitrary.ts';
import { samplePlugin, startAdmin, type AdminFixture } from './admin-fixture.ts';

const plugins = { ...pluginSchemas, sample: samplePlugin };
const cases: readonly (readonly [string, EntityDescriptor, object])[] = entities.flatMap((entity) =>
  entity.plural === 'plugins'
    ? Object.keys(plugins).map((name) => [`plugins: ${name}`, entity, { name }] as const)
    : [[entity.plural, entity, {}] as const],
);

describe('the Admin API: what was read can be written again', () => {
  let admin: AdminFixture;
  let context: ArbitraryContext;
  before(async () => {
    admin = await startAdmin({}, { plugins });
    const [ec, rsa, authority, another] = [
      await makePair(),
      await makePair({ type: 'rsa' }),
      await makePair({ ca: true }),
      await makePair({ ca: true }),
    ];
    const made = async (path: string, body: object) => [(await admin.call('POST', path, body)).body.id as string];
    const ids = {
      certificates: await made('/certificates', { cert: ec.cert, key: ec.key }),
      ca_certificates: await made('/ca_certificates', { cert: another.cert }),
      upstreams: await made('/upstreams', { name: 'parent' }),
      services: await made('/services', { name: 'parent', host: 'h' }),
      routes: await made('/routes', { name: 'parent', paths: ['/parent'] }),
      consumers: await made('/consumers', { username: 'parent' }),
    };
    context = { plugins, ids, texts: [ec.cert, ec.key, rsa.cert, rsa.key, authority.cert] };
  });
  after(() => admin.close());

  const hash = () => createSnapshot(admin.store.readAll().entities).hash;

  for (const [title, entity, base] of cases) {
    it(title, async function () {
      this.timeout(60_000);
      const run = fc.asyncProperty(entityBodies(entity, context, { ...base }), async (given) => {
        const made = await admin.call('POST', `/${collectionPath(entity)}`, given);
        expect(made.status, made.text).to.equal(201);
        const path = `/${collectionPath(entity)}/${made.body.id}`;
        const read = await admin.call('GET', path);
        expect(read.body).to.deep.equal(made.body);
        const before = { hash: hash(), revision: admin.store.revision() };
        for (const [method, body] of [
          ['PUT', read.body],
          ['PATCH', {}],
          ['PATCH', read.body],
        ] as const) {
          const again = await admin.call(method, path, body);
          expect(again.status, again.text).to.equal(200);
          expect(again.body, method).to.deep.equal(read.body);
          expect(again.headers.get('etag')).to.equal(read.headers.get('etag'));
        }
        expect({ hash: hash(), revision: admin.store.revision() }).to.deep.equal(before);
        expect((await admin.call('DELETE', path)).status).to.equal(204);
      });
      await fc.assert(run, { numRuns: 25 });
    });
  }
});
