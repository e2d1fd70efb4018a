import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import { collectionPath } from '../../../control-plane/admin/entity-routes.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { makePair } from '../../helpers/certificates.ts';
import { startAdmin, type AdminFixture, type Answer } from './admin-fixture.ts';

const methods = ['get', 'put', 'post', 'delete', 'patch'];

describe('the OpenAPI document', () => {
  let admin: AdminFixture;
  let document: Answer['body'];
  before(async () => {
    admin = await startAdmin({}, { plugins: pluginSchemas });
    document = (await admin.call('GET', '/openapi.json')).body;
  });
  after(() => admin.close());

  const operations = () =>
    Object.entries<Answer['body']>(document.paths).flatMap(([path, item]) =>
      methods.flatMap((method) =>
        item[method] === undefined ? [] : [{ path, item, method, operation: item[method] }],
      ),
    );

  it('has the frame of OpenAPI 3.1', () => {
    expect(document.openapi).to.match(/^3\.1\.\d+$/);
    expect(document.info).to.deep.include({ title: 'Sluice Admin API', version: '0.0.0' });
    expect(Object.keys(document).sort()).to.deep.equal(['components', 'info', 'openapi', 'paths', 'security']);
    for (const requirement of document.security) {
      expect(document.components.securitySchemes).to.include.all.keys(...Object.keys(requirement), 'bearer');
    }
  });

  it('describes every endpoint and its methods', async () => {
    const { data } = (await admin.call('GET', '/endpoints')).body;
    expect(Object.keys(document.paths).sort()).to.deep.equal(data);
    expect(Object.keys(document.paths['/services/{id}'])).to.have.members([
      'parameters',
      'get',
      'put',
      'patch',
      'delete',
    ]);
    expect(document.paths['/consumers/{parent}/key-auth'].post.tags).to.deep.equal(['keyauth_credentials']);
  });

  it('has consistent path parameters, operation ids and answers', () => {
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).to.equal(ids.length);
    for (const { path, item, method, operation } of operations()) {
      const where = `${method} ${path}`;
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const declared = (item.parameters ?? []).map(({ name }: { name: string }) => name);
      expect(declared, where).to.deep.equal(inPath);
      for (const parameter of [...(item.parameters ?? []), ...(operation.parameters ?? [])]) {
        expect(['path', 'query', 'header'], where).to.include(parameter.in);
        expect(parameter.schema, where).to.be.an('object');
        if (parameter.in === 'path') expect(parameter.required, where).to.equal(true);
      }
      expect(Object.keys(operation.responses), where).to.satisfy(
        (codes: string[]) => codes.every((code) => /^([1-5]\d\d|default)$/.test(code)) && codes.length > 0,
      );
      for (const response of Object.values<Answer['body']>(operation.responses)) {
        expect(response.description, where).to.be.a('string').and.not.equal('');
      }
    }
  });

  it('has no reference without a target', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];
    expect(refs.length).to.be.greaterThan(100);
    for (const [, name = ''] of refs) expect(document.components.schemas).to.have.property(name);
  });

  it('has schemas that accept what the API answers and reject what it refuses', async () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'doc', components: document.components });
    const validator = (name: string) => ajv.compile({ $ref: `doc#/components/schemas/${name}` });
    const pair = await makePair();
    const { cert } = await makePair({ ca: true });
    const bodies: Readonly<Record<string, object>> = {
      certificates: { ...pair, snis: ['made.example'] },
      ca_certificates: { cert },
      snis: { name: 'a.example', certificate: { id: 'certificates' } },
      upstreams: { name: 'u' },
      targets: { target: 'a', upstream: { id: 'upstreams' } },
      services: { host: 'h' },
      routes: { paths: ['/'], headers: { x: ['y'] } },
      consumers: { username: 'u' },
      keyauth_credentials: { consumer: { id: 'consumers' }, ttl: 100 },
      basicauth_credentials: { username: 'u', password: 'p', consumer: { id: 'consumers' } },
      hmacauth_credentials: { username: 'u', consumer: { id: 'consumers' } },
      jwt_secrets: { consumer: { id: 'consumers' } },
      acls: { group: 'g', consumer: { id: 'consumers' } },
      plugins: {
        name: 'kafka-upstream',
        config: { topic: 't', bootstrap_servers: [{ host: 'h', port: 1 }] },
      },
    };
    const ids = new Map<string, string>();
    for (const entity of entities) {
      const body = JSON.parse(JSON.stringify(bodies[entity.plural]), (key, value: unknown) =>
        key === 'id' && typeof value === 'string' ? ids.get(value) : value,
      );
      const made = await admin.call('POST', `/${collectionPath(entity)}`, body);
      expect(made.status, made.text).to.equal(201);
      ids.set(entity.plural, made.body.id);
      const fits = validator(entity.name);
      expect(fits(made.body), `${entity.plural}: ${ajv.errorsText(fits.errors)}`).to.equal(true);
      expect(fits(body), `${entity.plural}: ${ajv.errorsText(fits.errors)}`).to.equal(true);
      expect(fits({ ...body, nothing: 1 }), entity.plural).to.equal(false);
      expect(fits({ ...body, tags: 'x' }), entity.plural).to.equal(false);
    }
    expect(validator('service')({})).to.equal(false);
    expect(validator('service')({ host: 'h', port: 65_536 })).to.equal(false);
    expect(validator('error')((await admin.call('POST', '/services', {})).body)).to.equal(true);
  });
});
