import { expect } from 'chai';
import * as fc from 'fast-check';
import { compileDocument } from '../../../shared/declarative/compile-document.ts';
import { faultLine } from '../../../shared/declarative/document-errors.ts';
import { renderDocument } from '../../../shared/declarative/render-document.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { createSnapshot, type SnapshotEntity } from '../../../shared/snapshot.ts';
import { samplePlugin } from '../../control-plane/admin/admin-fixture.ts';
import { makePair, type TestPair } from '../../helpers/certificates.ts';
import { entityBodies } from '../../helpers/entity-arbitrary.ts';

const plugins = { sample: samplePlugin };
const auto = { uuid: () => 'never', token: () => 'word', now: () => 1_000 };
const ids = {
  certificate: '00000000-0000-4000-8000-000000000001',
  authority: '00000000-0000-4000-8000-000000000002',
  absent: '00000000-0000-4000-8000-000000000003',
};

describe('certificates, upstreams and credentials in a declarative document', () => {
  let pair: TestPair;
  let authority: TestPair;
  let another: TestPair;
  before(async () => {
    another = await makePair({ ca: true });
    pair = await makePair();
    authority = await makePair({ ca: true });
  });

  const compile = (document: object) =>
    compileDocument({ document: { _format_version: '3.0', ...document }, entities, plugins, auto });

  function compiled(document: object): Record<string, SnapshotEntity[]> {
    const result = compile(document);
    if (result.kind === 'faults') throw new Error(result.faults.map(faultLine).join('; '));
    const lists: Record<string, SnapshotEntity[]> = {};
    for (const { entity, value } of result.entities) (lists[entity.plural] ??= []).push(value);
    return lists;
  }

  const nested = () => ({
    certificates: [{ id: ids.certificate, ...pair, snis: [{ name: 'a.example' }, { name: '*.b.example' }] }],
    ca_certificates: [{ id: ids.authority, cert: authority.cert }],
    upstreams: [{ name: 'u', targets: [{ target: 'a' }, { target: 'b:80', weight: 5 }] }],
    services: [
      {
        name: 's',
        url: 'https://u/',
        client_certificate: ids.certificate,
        ca_certificates: [ids.authority],
        plugins: [{ name: 'sample', config: { topic: 't', certificates: [{ id: ids.certificate }] } }],
      },
    ],
    consumers: [
      { username: 'c', keyauth_credentials: [{ key: 'k', ttl: 60 }], jwt_secrets: [{ key: 'j', secret: 's' }] },
    ],
  });

  it('may nest, and refer to their parent', () => {
    const lists = compiled(nested());
    const idOf = (plural: string) => lists[plural]?.[0]?.id;
    expect(lists['snis']?.map(({ name, certificate }) => [name, certificate])).to.deep.equal([
      ['a.example', { id: ids.certificate }],
      ['*.b.example', { id: ids.certificate }],
    ]);
    expect(lists['targets']?.map(({ target, upstream }) => [target, upstream])).to.deep.equal([
      ['a:8000', { id: idOf('upstreams') }],
      ['b:80', { id: idOf('upstreams') }],
    ]);
    expect(lists['keyauth_credentials']?.[0]).to.deep.include({
      key: 'k',
      consumer: { id: idOf('consumers') },
      expires_at: 1_060,
    });
    expect(lists['jwt_secrets']?.[0]).to.deep.include({ algorithm: 'HS256', consumer: { id: idOf('consumers') } });
    expect(compiled(nested())).to.deep.equal(lists);
  });

  it('load again from an export with the same hash', () => {
    const before = compiled(nested());
    const { hash } = createSnapshot(before);
    const text = [
      ...renderDocument({ entities: before, descriptors: entities, plugins, format: 'json', mask: undefined }),
    ].join('');
    expect(createSnapshot(compiled(JSON.parse(text))).hash).to.equal(hash);
  });

  for (const entity of entities) {
    it(`load again from an export with the same hash, with any fields of ${entity.plural}`, function () {
      this.timeout(60_000);
      const first = compiled(nested());
      const firstIds = Object.entries(first).map(([plural, list]) => [plural, list.map(({ id }) => id)]);
      const context = { plugins, ids: Object.fromEntries(firstIds), texts: [pair.cert, pair.key, another.cert] };
      const given = entity.plural === 'plugins' ? { name: 'sample', service: null } : {};
      const loadsAgain = fc.property(entityBodies(entity, context, given), (body) => {
        const document = { ...first, [entity.plural]: [...(first[entity.plural] ?? []), body] };
        // It may have the name of one that is there.
        fc.pre(compile(document).kind === 'ok');
        const all = compiled(document);
        const text = [
          ...renderDocument({ entities: all, descriptors: entities, plugins, format: 'json', mask: undefined }),
        ].join('');
        expect(createSnapshot(compiled(JSON.parse(text))).hash).to.equal(createSnapshot(all).hash);
      });
      fc.assert(loadsAgain, { numRuns: 10 });
    });
  }

  it('may not hold ids without a target', () => {
    const result = compile({
      services: [{ name: 's', url: 'https://h', ca_certificates: [ids.authority, ids.absent] }],
      ca_certificates: [{ id: ids.authority, cert: authority.cert }],
      plugins: [{ name: 'sample', config: { topic: 't', certificates: [{ id: ids.absent }] } }],
    });
    expect(result.kind === 'faults' && result.faults.map(faultLine)).to.deep.equal([
      `services.1.ca_certificates.2: invalid reference 'ca_certificates.2: ${ids.absent}' (no such entry in 'ca_certificates')`,
      `plugins.1.config.certificates.1.id: invalid reference 'config.certificates.1.id: ${ids.absent}' (no such entry in 'certificates')`,
    ]);
  });
});
