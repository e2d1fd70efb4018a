import { expect } from 'chai';
import { compileDocument } from '../../../shared/declarative/compile-document.ts';
import { documentErrors, faultLine } from '../../../shared/declarative/document-errors.ts';
import { parseDocument } from '../../../shared/declarative/parse-document.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { makePair } from '../../helpers/certificates.ts';
import { samplePlugin } from '../../control-plane/admin/admin-fixture.ts';

const plugins = { sample: samplePlugin };
const auto = { uuid: () => 'never', token: () => 'word', now: () => 7 };

function compile(document: Record<string, unknown>) {
  return compileDocument({ document: { _format_version: '3.0', ...document }, entities, plugins, auto });
}

function compiled(document: Record<string, unknown>): Record<string, Record<string, unknown>[]> {
  const result = compile(document);
  if (result.kind === 'faults') throw new Error(result.faults.map(faultLine).join('; '));
  const lists: Record<string, Record<string, unknown>[]> = {};
  for (const { entity, value } of result.entities) (lists[entity.plural] ??= []).push(value);
  return lists;
}

function lines(document: Record<string, unknown>): string[] {
  const result = compile(document);
  return result.kind === 'ok' ? [] : result.faults.map(faultLine);
}

const uuid = '0b5c3a52-8f0e-4f0b-9a46-5a1e0c1f7b93';

describe('a declarative document', () => {
  it('may nest to any depth, and nested entities refer to their parent', () => {
    const {
      services,
      routes,
      plugins: found,
      consumers,
    } = compiled({
      services: [
        {
          name: 's',
          url: 'http://a.example/x',
          routes: [{ name: 'r', paths: ['/r'], plugins: [{ name: 'sample', config: { topic: 't' } }] }],
          plugins: [{ name: 'sample', config: { topic: 'u' } }],
        },
      ],
      consumers: [{ username: 'c' }],
    });
    expect(services?.[0]).to.include({ name: 's', host: 'a.example', path: '/x', port: 80, created_at: 7 });
    expect(routes?.[0]?.['service']).to.deep.equal({ id: services?.[0]?.['id'] });
    expect(found?.map(({ route, service }) => [route, service])).to.deep.equal([
      [{ id: routes?.[0]?.['id'] }, null],
      [null, { id: services?.[0]?.['id'] }],
    ]);
    expect(consumers).to.have.length(1);
  });

  it('means the same flat, with references in every form, as it does nested', () => {
    const service = { name: 's', host: 'h' };
    const nested = compiled({ services: [{ ...service, routes: [{ name: 'r', paths: ['/r'] }] }] });
    const id = nested['services']?.[0]?.['id'];
    for (const reference of ['s', id, { id }, { name: 's' }]) {
      const flat = compiled({ routes: [{ name: 'r', paths: ['/r'], service: reference }], services: [service] });
      expect(flat).to.deep.equal(nested);
    }
  });

  it('takes the children of every kind of entity', async () => {
    const { cert, key } = await makePair();
    const authority = await makePair({ ca: true });
    const certificate = { cert, key, snis: ['a.example', { name: 'b.example', tags: ['t'] }] };
    const all = compiled({
      certificates: [certificate],
      ca_certificates: [{ id: uuid, cert: authority.cert }],
      services: [{ name: 's', host: 'h', protocol: 'https', ca_certificates: [uuid] }],
      upstreams: [{ name: 'u', targets: [{ target: 'a' }, { target: 'a:9000', weight: 1 }] }],
      consumers: [
        {
          username: 'c',
          keyauth_credentials: [{ key: 'k' }, {}],
          jwt_secrets: [{ key: 'j', algorithm: 'HS256', secret: 's' }],
          hmacauth_credentials: [{ username: 'h', secret: 's' }],
          acls: [{ group: 'g' }, { group: 'h' }],
        },
      ],
      targets: [{ target: 'b', upstream: 'u' }],
    });
    const idOf = (plural: string) => ({ id: all[plural]?.[0]?.['id'] });
    expect(all['snis']?.map(({ name, certificate }) => [name, certificate])).to.deep.equal([
      ['a.example', idOf('certificates')],
      ['b.example', idOf('certificates')],
    ]);
    expect(all['targets']?.map(({ target, upstream }) => [target, upstream])).to.deep.equal([
      ['a:8000', idOf('upstreams')],
      ['a:9000', idOf('upstreams')],
      ['b:8000', idOf('upstreams')],
    ]);
    expect(all['keyauth_credentials']?.map((credential) => [credential['key'], credential['consumer']])).to.deep.equal([
      ['k', idOf('consumers')],
      ['word', idOf('consumers')],
    ]);
    expect(all['hmacauth_credentials']?.[0]).to.deep.include({ username: 'h', consumer: idOf('consumers') });
    expect(all['acls']?.map(({ group }) => group)).to.deep.equal(['g', 'h']);
    expect(all['jwt_secrets']?.[0]).to.deep.include({ key: 'j', consumer: idOf('consumers') });
    expect(compiled({ upstreams: [{ name: 'u', targets: [{ target: 'a:8000' }] }] })['targets']?.[0]?.['id']).to.equal(
      all['targets']?.[0]?.['id'],
    );
  });

  it('hashes passwords, equal ones of equal documents alike, and takes what it made', () => {
    const login = (password: string) => {
      const list = compiled({ consumers: [{ username: 'c', basicauth_credentials: [{ username: 'l', password }] }] });
      return list['basicauth_credentials']?.[0]?.['password'] as string;
    };
    const hash = login('secret-word');
    expect(hash).to.match(/^\$scrypt\$ln=14,r=8,p=1\$/);
    expect(login('secret-word')).to.equal(hash);
    expect(login(hash)).to.equal(hash);
    expect(login('another')).not.to.equal(hash);
  });

  it('gives missing ids that are stable and unique', () => {
    const document = {
      services: [{ name: 'a', host: 'h', routes: [{ paths: ['/a'] }, { paths: ['/a'] }, { paths: ['/b'] }] }],
      routes: [{ name: 'a', paths: ['/a'] }, { paths: ['/a'] }],
      consumers: [{ username: 'a' }, { custom_id: 'a' }],
      plugins: [
        { name: 'sample', config: { topic: 't' } },
        { name: 'sample', config: { topic: 't' }, service: 'a' },
      ],
    };
    const first = compiled(document);
    expect(compiled(structuredClone(document))).to.deep.equal(first);
    const ids = Object.values(first)
      .flat()
      .map(({ id }) => String(id));
    expect(new Set(ids).size).to.equal(ids.length);
    for (const id of ids) expect(id).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('keeps the id of a plugin whose config changes, and of a named entity whatever changes', () => {
    const made = (topic: string, port: number) => {
      const all = compiled({
        services: [{ name: 's', host: 'h', port, plugins: [{ name: 'sample', config: { topic } }] }],
      });
      return [all['services'], all['plugins']].map((list) => list?.[0]?.['id']);
    };
    expect(made('a', 1)).to.deep.equal(made('b', 2));
  });

  it('has the id that it had in the first release', () => {
    // Files in use depend on it: a change of the rule is a change of every id.
    const { services, routes } = compiled({ services: [{ name: 's', host: 'h', routes: [{ paths: ['/'] }] }] });
    expect([services?.[0]?.['id'], routes?.[0]?.['id']]).to.deep.equal([
      '2ebdd8e9-3c6d-5eb7-b4f7-b7b0e2fa5ce6',
      '76a7aea7-345a-5690-b97b-741dda88c12d',
    ]);
  });

  it('may hold remarks at every level', () => {
    const remarks = { _comment: 'x', _ignore: [1] };
    const { services, routes } = compiled({
      ...remarks,
      _transform: false,
      _info: { defaults: {} },
      services: [{ ...remarks, name: 's', host: 'h', routes: [{ ...remarks, paths: ['/'] }] }],
      routes: null,
      consumers: {},
    });
    expect([services?.length, routes?.length]).to.deep.equal([1, 1]);
  });

  for (const version of ['1.1', '2.1', '3.0']) {
    it(`may have format version ${version}`, () => {
      expect(lines({ _format_version: version })).to.deep.equal([]);
    });
  }

  const faults: [name: string, document: Record<string, unknown>, lines: string[]][] = [
    ['no version', { _format_version: undefined }, ['_format_version: required field missing']],
    ['a version as number', { _format_version: 3 }, ['_format_version: expected a string']],
    ['another version', { _format_version: '4.0' }, ['_format_version: expected one of: 1.1, 2.1, 3.0']],
    ['a transform that is none', { _transform: 'no' }, ['_transform: expected a boolean']],
    ['an unknown collection', { servces: [] }, ['servces: unknown field']],
    ['a record for a list', { services: { a: 1 } }, ['services: expected an array']],
    ['a text for an entity', { services: ['a'] }, ['services.1: expected a record']],
    ['a missing host', { services: [{ name: 'a', host: 'h' }, {}] }, ['services.2.host: required field missing']],
    [
      'faults at every depth, all at once',
      {
        services: [
          { host: 'h', prot: 1, routes: [{ paths: ['/a', 'b'] }, 'x', { paths: ['/'], plugins: [{ name: 'nope' }] }] },
        ],
        routes: [{}],
      },
      [
        'services.1.routes.2: expected a record',
        'services.1.prot: unknown field',
        'services.1.routes.1.paths.2: should start with: / (fixed path) or ~/ (regex path)',
        "services.1.routes.3.plugins.1.name: plugin 'nope' not enabled; this version has: sample",
        "routes.1: must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'",
      ],
    ],
    [
      'a reference to nothing, by name and by id',
      {
        routes: [
          { paths: ['/'], service: 'x' },
          { paths: ['/'], service: { id: uuid } },
        ],
      },
      [
        "routes.1.service: invalid reference 'service: x' (no such entry in 'services')",
        `routes.2.service: invalid reference 'service: ${uuid}' (no such entry in 'services')`,
      ],
    ],
    ['a reference that is none', { routes: [{ paths: ['/'], service: 7 }] }, ['routes.1.service: expected a record']],
    [
      'a reference away from where it is nested',
      {
        services: [
          { name: 'a', host: 'h', routes: [{ paths: ['/'], service: 'b' }] },
          { name: 'b', host: 'h' },
        ],
      },
      ['services.1.routes.1.service: refers to another entity than the one that it is nested in'],
    ],
    [
      'an id in a text that leads nowhere',
      { services: [{ host: 'h', protocol: 'https', ca_certificates: [uuid] }] },
      [
        `services.1.ca_certificates.1: invalid reference 'ca_certificates.1: ${uuid}' (no such entry in 'ca_certificates')`,
      ],
    ],
    [
      'a secret key twice, without saying it',
      { consumers: [{ username: 'a', keyauth_credentials: [{ key: 'k' }, { id: uuid, key: 'k' }] }] },
      [
        "consumers.1.keyauth_credentials.2: uniqueness violation: 'keyauth_credentials' entity with key already declared",
      ],
    ],
    [
      'a target twice',
      { upstreams: [{ name: 'u', targets: [{ target: 'a' }, { id: uuid, target: 'a:8000' }] }] },
      ["upstreams.1.targets.2: uniqueness violation: 'targets' entity with the same target, upstream already declared"],
    ],
    ['an id that is none', { services: [{ id: 'x', host: 'h' }] }, ['services.1.id: expected a valid UUID']],
    [
      'an id twice',
      {
        services: [
          { id: uuid, host: 'h' },
          { id: uuid.toUpperCase(), host: 'h' },
        ],
      },
      [`services.2: uniqueness violation: 'services' entity with primary key set to '${uuid}' already declared`],
    ],
    [
      'a name twice, nested and flat',
      {
        services: [{ name: 's', host: 'h', routes: [{ name: 'r', paths: ['/'] }] }],
        routes: [{ id: uuid, name: 'r', paths: ['/'] }],
      },
      ["routes.1: uniqueness violation: 'routes' entity with name set to 'r' already declared"],
    ],
    [
      'a plugin twice at the same place',
      {
        plugins: [
          { id: uuid, name: 'sample', config: { topic: 'a' } },
          { name: 'sample', config: { topic: 'b' } },
        ],
      },
      [
        "plugins.2: uniqueness violation: 'plugins' entity with the same name, route, service, consumer already declared",
      ],
    ],
  ];
  for (const [name, document, expected] of faults) {
    it(`is refused for ${name}`, () => {
      expect(lines(document)).to.deep.equal(expected);
    });
  }

  it('shows its faults as a tree and flattened by entity, secrets masked', () => {
    const result = compile({
      nope: 1,
      services: [
        { name: 'a', host: 'h' },
        {
          name: 'b',
          tags: ['t'],
          port: 'x',
          plugins: [{ name: 'sample', instance_name: 'i', config: { secret: 'hunter2', limits: { count: 9 } } }],
        },
      ],
    });
    if (result.kind === 'ok') throw new Error('was accepted');
    const errors = documentErrors(result.faults, plugins);
    expect(errors.fields).to.deep.equal({
      nope: 'unknown field',
      services: [
        null,
        {
          host: 'required field missing',
          port: 'expected an integer',
          plugins: [
            { config: { topic: 'required field missing', limits: { count: 'value should be between 1 and 5' } } },
          ],
        },
      ],
    });
    expect(errors.ownFields).to.deep.equal({ nope: 'unknown field' });
    expect(errors.flattened).to.deep.equal([
      {
        entity_type: 'service',
        entity_name: 'b',
        entity_tags: ['t'],
        entity: { name: 'b', tags: ['t'], port: 'x' },
        errors: [
          { type: 'field', field: 'host', message: 'required field missing' },
          { type: 'field', field: 'port', message: 'expected an integer' },
        ],
      },
      {
        entity_type: 'plugin',
        entity_name: 'sample',
        entity: { name: 'sample', instance_name: 'i', config: { secret: '******', limits: { count: 9 } } },
        errors: [
          { type: 'field', field: 'config.topic', message: 'required field missing' },
          { type: 'field', field: 'config.limits.count', message: 'value should be between 1 and 5' },
        ],
      },
    ]);
    expect(errors.message).to.match(/^declarative config is invalid: nope: unknown field; services\.2\.host: /);
  });

  it('says how many faults the sentence leaves out', () => {
    const result = compile({ services: Array.from({ length: 25 }, () => ({})) });
    if (result.kind === 'ok') throw new Error('was accepted');
    expect(documentErrors(result.faults, plugins).message).to.match(/; and 5 more$/);
  });

  it('cannot make more entities of aliases than anyone may have', () => {
    const text = `_format_version: "3.0"\nservices:\n- &s {host: h, routes: &r [${'{paths: [/]}, '.repeat(1000)}]}\n${'- *s\n'.repeat(300)}`;
    const parsed = parseDocument(text);
    if (parsed.kind !== 'ok') throw new Error('was refused');
    expect(lines({ ...parsed.document }).at(0)).to.equal('a document may hold 200000 entities');
  }).timeout(60_000);
});
