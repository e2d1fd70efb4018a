import { expect } from 'chai';
import * as fc from 'fast-check';
import { collectionPath } from '../../../control-plane/admin/entity-routes.ts';
import type { EntityDescriptor } from '../../../shared/entities/entity.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { makePair } from '../../helpers/certificates.ts';
import type { ArbitraryContext } from '../../helpers/entity-arbitrary.ts';
import { samplePlugin, startAdmin, type AdminFixture, type Answer } from './admin-fixture.ts';

export const fuzzedPlugins = { ...pluginSchemas, sample: samplePlugin };
/** What a body of the kind must have for `entityBodies`: the name of a plugin. */
export const fuzzedBase = (entity: EntityDescriptor, gen: fc.GeneratorValue): { readonly name?: string } =>
  entity.plural === 'plugins' ? { name: gen(() => fc.constantFrom(...Object.keys(fuzzedPlugins))) } : {};

const codes: Readonly<Record<number, readonly number[]>> = { 400: [2, 4, 7, 9, 11], 404: [6], 409: [5] };

/** Every refusal says what it is, and a fault of a body which. Nothing is a fault of ours. */
export function checkAnswer(answer: Answer, what: string): void {
  const { status, body, text } = answer;
  expect(status, `${what}: ${text}`).to.be.oneOf([200, 201, 204, 400, 404, 405, 409, 413, 415]);
  if (status < 300) return;
  expect(body.message, what).to.be.a('string').and.not.equal('');
  if (body.code === undefined) return;
  expect(codes[status] ?? [], `${what}: ${text}`).to.include(body.code);
  expect(body.name).to.be.a('string');
  if (body.code === 2) expect(Object.keys(body.fields), text).to.have.length.greaterThan(0);
}

/** What was taken reads back, and written again changes nothing. */
export async function checkTaken(admin: AdminFixture, entity: EntityDescriptor, answer: Answer): Promise<void> {
  const { status, body } = answer;
  if (status !== 201 && status !== 200) return;
  const path = `/${collectionPath(entity)}/${body.id}`;
  const read = await admin.call('GET', path);
  expect(read.body).to.deep.equal(body);
  const before = admin.store.revision();
  const again = await admin.call('PUT', path, read.body);
  expect([again.status, admin.store.revision()], again.text).to.deep.equal([200, before]);
  expect(again.body).to.deep.equal(body);
}

/** An Admin API with one entity of each kind that others refer to. `close` fails when something was a fault of ours. */
export async function startFuzzedAdmin(): Promise<{
  readonly admin: AdminFixture;
  readonly context: ArbitraryContext;
  readonly close: () => Promise<void>;
}> {
  const admin = await startAdmin({}, { plugins: fuzzedPlugins });
  const [pair, authority] = [await makePair(), await makePair({ ca: true })];
  const made = async (path: string, body: object) => [(await admin.call('POST', path, body)).body.id as string];
  const ids = {
    certificates: await made('/certificates', { cert: pair.cert, key: pair.key }),
    upstreams: await made('/upstreams', { name: 'parent' }),
    services: await made('/services', { name: 'parent', host: 'h' }),
    routes: await made('/routes', { name: 'parent', paths: ['/parent'] }),
    consumers: await made('/consumers', { username: 'parent' }),
  };
  return {
    admin,
    context: { plugins: fuzzedPlugins, ids, texts: [pair.cert, pair.key, authority.cert] },
    async close() {
      const faults = admin.logLines.filter((line) => line.includes('internal_error'));
      const { status } = await admin.call('GET', '/status');
      await admin.close();
      expect(faults).to.deep.equal([]);
      expect(status).to.equal(200);
    },
  };
}
