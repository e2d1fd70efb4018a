import { uniformMask } from '../../../shared/schema/mask.ts';
import { expect } from 'chai';
import * as fc from 'fast-check';
import { differenceTo, entitiesById, isDifferent, type Change } from '../../../shared/declarative/carry-over.ts';
import { compileDocument, type CompiledEntity } from '../../../shared/declarative/compile-document.ts';
import { faultLine } from '../../../shared/declarative/document-errors.ts';
import { parseDocument } from '../../../shared/declarative/parse-document.ts';
import { renderDocument } from '../../../shared/declarative/render-document.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { createSnapshot, type SnapshotEntities, type SnapshotEntity } from '../../../shared/snapshot.ts';
import { samplePlugin } from '../../control-plane/admin/admin-fixture.ts';
import { makePair } from '../../helpers/certificates.ts';
import { entityBodies, type ArbitraryContext } from '../../helpers/entity-arbitrary.ts';

const plugins = { ...pluginSchemas, sample: samplePlugin };
const word = fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/);
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const samplePlugins = maybe(
  fc.tuple(
    fc.record({
      name: fc.constant('sample'),
      enabled: maybe(fc.boolean()),
      config: fc.record(
        {
          topic: text,
          servers: fc.array(fc.record({ host: text }), { maxLength: 2 }),
          label: fc.option(text),
          secret: fc.option(text),
          names: fc.dictionary(text, text, { maxKeys: 2, noNullPrototype: true }),
          extra: fc.constant({}),
        },
        { requiredKeys: ['topic'] },
      ),
    }),
  ),
);
const routes = fc.array(
  fc.record(
    {
      paths: fc.array(
        word.map((name) => `/${name}`),
        { minLength: 1, maxLength: 2 },
      ),
      headers: fc.option(fc.dictionary(word, fc.array(text, { minLength: 1, maxLength: 2 }), { maxKeys: 2 })),
      regex_priority: fc.maxSafeInteger(),
      tags: fc.option(fc.array(word, { maxLength: 2 })),
      plugins: samplePlugins,
    },
    { requiredKeys: ['paths'] },
  ),
  { maxLength: 3 },
);
const document = fc.record(
  {
    services: fc.uniqueArray(
      fc.record({
        name: word,
        host: word,
        path: fc.option(word.map((name) => `/${name}`)),
        routes,
        plugins: samplePlugins,
      }),
      { maxLength: 4, selector: ({ name }) => name },
    ),
    routes,
    consumers: fc.uniqueArray(fc.record({ username: text, custom_id: maybe(fc.uuid()) }), {
      maxLength: 3,
      selector: ({ username }) => username,
    }),
  },
  { requiredKeys: [] },
);

/** Each call gives other words and a later time: what stays the same does not come from here. */
function counting() {
  let count = 0;
  return { uuid: () => 'never', token: () => `word ${(count += 1)}`, now: () => (count += 1) };
}

function compile(given: Readonly<Record<string, unknown>>, auto = counting()): readonly CompiledEntity[] {
  const compiled = compileDocument({ document: given, entities, plugins, auto });
  if (compiled.kind === 'faults') throw new Error(compiled.faults.map(faultLine).join('; '));
  return compiled.entities;
}

function listed(compiled: readonly CompiledEntity[]): SnapshotEntities {
  const lists: Record<string, SnapshotEntity[]> = {};
  for (const { entity, value } of compiled) (lists[entity.plural] ??= []).push(value);
  return lists;
}

function read(rendered: string): readonly CompiledEntity[] {
  const parsed = parseDocument(rendered);
  if (parsed.kind === 'faults') throw new Error(parsed.faults.map(faultLine).join('; '));
  return compile(parsed.document, { ...counting(), now: () => 99_999 });
}

function render(all: SnapshotEntities, format: 'json' | 'yaml', masked = false): string {
  return [
    ...renderDocument({
      entities: all,
      descriptors: entities,
      plugins,
      format,
      mask: masked ? uniformMask : undefined,
    }),
  ].join('');
}

// A name and a plain object of undefined fields come from the generators; JSON has neither.
const plain = (value: object): Record<string, unknown> =>
  JSON.parse(JSON.stringify({ _format_version: '3.0', ...value })) as Record<string, unknown>;

function of(changes: readonly Change[], plural: string): SnapshotEntity[] {
  return changes.flatMap((change) => (change.plural === plural ? [change.value] : []));
}

describe('an export', () => {
  for (const format of ['json', 'yaml'] as const) {
    it(`in ${format} loads again with the same hash`, function () {
      this.timeout(120_000);
      fc.assert(
        fc.property(document, (given) => {
          const all = listed(compile(plain(given)));
          const again = read(render(all, format));
          expect(createSnapshot(listed(again)).hash).to.equal(createSnapshot(all).hash);
          expect(isDifferent(differenceTo(again, entitiesById(all)))).to.equal(false);
        }),
        { numRuns: 40 },
      );
    });
  }

  it('masks secrets for those who may not see them, and says so', () => {
    const all = listed(compile(plain({ plugins: [{ name: 'sample', config: { topic: 't', secret: 'hunter2' } }] })));
    for (const format of ['json', 'yaml'] as const) {
      expect(render(all, format)).to.include('hunter2').and.not.to.include('masked');
      expect(render(all, format, true))
        .to.include('secrets are masked')
        .and.not.to.include('hunter2');
    }
  });
});

describe('an export of', () => {
  const ids = Object.fromEntries(
    ['certificates', 'ca_certificates', 'upstreams', 'services', 'routes', 'consumers'].map((plural, index) => [
      plural,
      [`${index}b5c3a52-8f0e-4f0b-9a46-5a1e0c1f7b93`],
    ]),
  );
  let parents: Record<string, Record<string, unknown>[]>;
  let context: ArbitraryContext;
  before(async () => {
    const [ec, rsa, authority, another] = [
      await makePair(),
      await makePair({ type: 'rsa' }),
      await makePair({ ca: true }),
      await makePair({ ca: true }),
    ];
    context = { plugins, ids, texts: [ec.cert, ec.key, rsa.cert, rsa.key, authority.cert] };
    const bodies: Record<string, object> = {
      certificates: ec,
      ca_certificates: { cert: another.cert },
      upstreams: { name: 'parent' },
      services: { name: 'parent', host: 'h' },
      routes: { name: 'parent', paths: ['/parent'] },
      consumers: { username: 'parent' },
    };
    parents = Object.fromEntries(
      Object.entries(bodies).map(([plural, body]) => [plural, [{ ...body, id: ids[plural]?.[0] }]]),
    );
  });
  const cases = entities.flatMap((entity) =>
    entity.plural === 'plugins'
      ? Object.keys(plugins).map((name) => [`plugins: ${name}`, entity, { name }] as const)
      : [[entity.plural, entity, {}] as const],
  );
  for (const [title, entity, base] of cases) {
    it(`${title} loads again with the same hash`, function () {
      this.timeout(60_000);
      fc.assert(
        fc.property(entityBodies(entity, context, { ...base }), fc.constantFrom('json', 'yaml'), (body, format) => {
          const given = { ...parents, [entity.plural]: [...(parents[entity.plural] ?? []), body] };
          const all = listed(compile(plain(given)));
          expect(createSnapshot(listed(read(render(all, format)))).hash).to.equal(createSnapshot(all).hash);
        }),
        { numRuns: 20 },
      );
    });
  }
});

describe('the difference between a document and what is there', () => {
  it('is none for the same document, though times and random words would be others', function () {
    this.timeout(120_000);
    fc.assert(
      fc.property(document, (given) => {
        const before = entitiesById(listed(compile(plain(given))));
        const again = compile(plain(given), { ...counting(), now: () => 99_999 });
        const { created, updated, deleted, unchanged, all } = differenceTo(again, before);
        expect([created, updated, deleted, unchanged]).to.deep.equal([[], [], [], again.length]);
        expect(
          entitiesById(Object.fromEntries([...before].map(([plural]) => [plural, of(all, plural)]))),
        ).to.deep.equal(before);
      }),
    );
  });

  it('names what is made, changed and gone; what is changed keeps its age and its words', () => {
    const sample = (topic: string) => [{ name: 'sample', config: { topic } }];
    const before = listed(
      compile(
        plain({
          services: [
            { name: 'a', host: 'h' },
            { name: 'b', host: 'h' },
            { name: 'c', host: 'h' },
          ],
          plugins: sample('t'),
        }),
        { ...counting(), now: () => 5 },
      ),
    );
    const after = compile(
      plain({
        services: [
          { name: 'a', host: 'h' },
          { name: 'b', host: 'x' },
          { name: 'd', host: 'h' },
        ],
        plugins: sample('u'),
      }),
      { ...counting(), token: () => 'another', now: () => 9 },
    );
    const { created, updated, deleted, unchanged } = differenceTo(after, entitiesById(before));
    const names = (changes: readonly { value: SnapshotEntity }[]) => changes.map(({ value }) => value['name']);
    expect([names(created), names(updated), names(deleted), unchanged]).to.deep.equal([
      ['d'],
      ['b', 'sample'],
      ['c'],
      1,
    ]);
    expect(updated[0]?.value).to.include({ created_at: 5, updated_at: 9, host: 'x' });
    expect(updated[1]?.value['config']).to.include({ topic: 'u', label: 'word 1' });
  });

  it('takes the times that a document gives', () => {
    const before = listed(compile(plain({ services: [{ name: 'a', host: 'h' }] })));
    const after = compile(plain({ services: [{ name: 'a', host: 'x', created_at: 1, updated_at: 2 }] }));
    const { updated } = differenceTo(after, entitiesById(before));
    expect(updated[0]?.value).to.include({ created_at: 1, updated_at: 2 });
  });
});
