import { expect } from 'chai';
import { compatibilityOf, type OwnSchemas } from '../../../control-plane/sync/compatibility.ts';
import type { EntityDescriptor } from '../../../shared/entities/entity.ts';
import type { PluginSchemas } from '../../../shared/plugin-schemas/plugin-schema.ts';
import { fieldPaths } from '../../../shared/schema/field-paths.ts';
import { array, foreign, map, record, string } from '../../../shared/schema/field.ts';

const kind = (plural: string, fields: EntityDescriptor['fields']): EntityDescriptor => ({
  name: plural.slice(0, -1),
  plural,
  key: 'name',
  fields: { id: string({ uuid: true }), name: string(), ...fields },
  checks: [],
});
const plugin = (name: string, version: string, config: EntityDescriptor['fields']) => ({
  name,
  version,
  priority: 1,
  protocols: ['http'] as const,
  scopes: [],
  config: record(config, { required: true }),
});
const own: OwnSchemas = {
  version: '1.3.0',
  entities: [
    kind('vaults', {}),
    kind('services', { host: string(), vault: foreign('vaults'), tls: record({ depth: string(), mode: string() }) }),
    kind('plugins', { config: record({}) }),
  ],
  plugins: {
    old: plugin('old', '1.0.0', {
      topic: string(),
      shiny: string({ default: 'plain' }),
      servers: array(record({ host: string(), rack: string() })),
      extra: map(string(), record({ a: string(), b: string() })),
      key: string({ default: 'none', requiredToUnderstand: true }),
      auth: record({ user: string(), trace: string({ requiredToUnderstand: false }) }, { requiredToUnderstand: true }),
    }),
    new: plugin('new', '2.1.0', {}),
    moved: {
      ...plugin('moved', '1.0.0', { at: record({ url: string(), inner: record({ id: string() }) }) }),
      moved: [{ from: 'at.id', to: 'at.inner.id' }],
    },
    guard: { ...plugin('guard', '1.0.0', {}), requiredToUnderstand: true },
  } satisfies PluginSchemas,
};

const everything = {
  version: '1.3.0',
  plugins: Object.values(own.plugins).map(({ name, version, config }) => ({
    name,
    version,
    fields: [...fieldPaths(config.fields ?? {})],
  })),
  entityKinds: own.entities.map(({ plural, fields }) => ({ plural, fields: [...fieldPaths(fields)] })),
};
type Told = typeof everything;
/** Makes the hello of a node that does not know these kinds, fields (`services.host`) and fields of plugins (`old.topic`). */
const without = (version: string, { fields = [], plugins = [] }: { fields?: string[]; plugins?: string[] }): Told => ({
  version,
  plugins: everything.plugins
    .filter(({ name }) => !plugins.includes(name))
    .map((one) => ({ ...one, fields: one.fields.filter((field) => !plugins.includes(`${one.name}.${field}`)) })),
  entityKinds: everything.entityKinds
    .filter(({ plural }) => !fields.includes(plural))
    .map((one) => ({ ...one, fields: one.fields.filter((field) => !fields.includes(`${one.plural}.${field}`)) })),
});

describe('compatibility of nodes', () => {
  it('changes nothing for a node that knows everything or does not name its fields', () => {
    const plugins = everything.plugins.map(({ name, version }) => ({ name, version, fields: [] }));
    for (const told of [
      everything,
      { ...everything, version: '1.9.1' },
      { version: '1.0.0', plugins, entityKinds: [] },
    ]) {
      expect(compatibilityOf(told, own)).to.deep.equal({ key: '', refusal: undefined, adapt: undefined });
    }
  });

  it('refuses a node of another major version, older or newer', () => {
    for (const version of ['2.0.0', '0.9.0', 'nonsense', '']) {
      const { refusal } = compatibilityOf({ ...everything, version }, own);
      expect(refusal?.status, version).to.equal('kong_version_incompatible');
      expect(refusal?.row).to.include({ action: 'refused', field: null, plugin: null });
    }
    expect(compatibilityOf({ ...everything, version: '7.0.0' }, { ...own, version: '' }).refusal).to.equal(undefined);
  });

  it('gives nodes that lack the same parts the same key', () => {
    const keyOf = (told: Told) => compatibilityOf(told, own).key;
    const lacking = without('1.2.0', { fields: ['services.host'] });
    expect(keyOf(lacking)).to.equal(keyOf(structuredClone(lacking)));
    expect(keyOf(lacking)).to.not.equal(keyOf(without('1.2.0', { fields: ['services.tls'] })));
    expect(keyOf(lacking)).to.not.equal('');
  });

  const adapted = (told: Told, plural: string, entity: object) =>
    compatibilityOf(told, own).adapt?.(plural, { id: 'x', ...entity });

  it('removes unknown fields at any depth and reports those that were set', () => {
    const told = without('1.2.0', { fields: ['services.tls.mode', 'services.host'] });
    expect(adapted(told, 'services', { name: 'n', host: null, tls: { depth: '1', mode: 'm' } })).to.deep.equal({
      entity: { id: 'x', name: 'n', tls: { depth: '1' } },
      rows: [
        { field: 'services.tls.mode', plugin: null, action: 'removed', reason: 'the node does not know the field' },
      ],
    });
  });

  it('removes unknown fields of a plugin, in lists and maps too, and does not report defaults', () => {
    const told = without('1.2.0', { plugins: ['old.shiny', 'old.servers.rack', 'old.extra.b'] });
    const config = {
      topic: 't',
      shiny: 'plain',
      servers: [
        { host: 'a', rack: 'r1' },
        { host: 'b', rack: null },
      ],
      extra: { one: { a: '1', b: '2' } },
    };
    const result = adapted(told, 'plugins', { name: 'old', config });
    expect(result?.entity).to.deep.equal({
      id: 'x',
      name: 'old',
      config: { topic: 't', servers: [{ host: 'a' }, { host: 'b' }], extra: { one: { a: '1' } } },
    });
    expect(result?.rows.map(({ field, plugin: of, action }) => [field, of, action])).to.deep.equal([
      ['config.servers.rack', 'old', 'removed'],
      ['config.extra.b', 'old', 'removed'],
    ]);
    const other = adapted(told, 'plugins', { name: 'new', config: { topic: 1 } });
    expect(other).to.deep.equal({ entity: { id: 'x', name: 'new', config: { topic: 1 } }, rows: [] });
  });

  it('sends a field that has moved in its old place to a node that knows no other', () => {
    const config = { at: { url: 'u', inner: { id: 'x' } } };
    const fields = (known: readonly string[]): Told => ({
      ...everything,
      version: '1.2.0',
      plugins: everything.plugins.map((one) => (one.name === 'moved' ? { ...one, fields: [...known] } : one)),
    });
    const old = adapted(fields(['at', 'at.url', 'at.inner', 'at.id']), 'plugins', { name: 'moved', config });
    expect(old?.entity).to.have.deep.property('config', { at: { id: 'x', url: 'u', inner: {} } });
    expect(old?.rows).to.deep.equal([]);
    const older = adapted(fields(['at', 'at.url', 'at.inner']), 'plugins', { name: 'moved', config });
    expect(older?.entity).to.have.deep.property('config', { at: { url: 'u', inner: {} } });
    expect(older?.rows.map(({ field }) => field)).to.deep.equal(['config.at.inner.id']);
  });

  it('removes unknown kinds and references to them', () => {
    const told = without('1.2.0', { fields: ['vaults'] });
    expect(adapted(told, 'vaults', {})).to.deep.include({ entity: undefined });
    const service = adapted(told, 'services', { host: 'h', vault: { id: 'v' } });
    expect(service?.entity).to.deep.equal({ id: 'x', host: 'h' });
    expect(service?.rows.map(({ field }) => field)).to.deep.equal(['services.vault']);
  });

  const plugins: readonly (readonly [what: string, told: Told, action: string, refusal: string | undefined])[] = [
    ['an older node lacks it', without('1.2.9', { plugins: ['new'] }), 'removed', undefined],
    ['a node of this version lacks it', without('1.3.0', { plugins: ['new'] }), 'refused', 'plugin_set_incompatible'],
    ['a newer node lacks it', without('1.4.0', { plugins: ['new'] }), 'refused', 'plugin_set_incompatible'],
    [
      'it is of another major version there',
      { ...everything, plugins: [{ name: 'new', version: '1.0.0', fields: [] }] },
      'refused',
      'plugin_version_incompatible',
    ],
  ];
  for (const [what, told, action, refusal] of plugins) {
    it(`reports a plugin as ${action} when ${what}`, () => {
      const result = adapted(told, 'plugins', { name: 'new', config: {} });
      expect(result?.entity).to.equal(undefined);
      expect(result?.refusal).to.equal(refusal);
      expect(result?.rows.map((row) => [row.plugin, row.field, row.action])).to.deep.equal([['new', null, action]]);
    });
  }

  describe('requires to understand', () => {
    const rows: readonly (readonly [what: string, config: object, missing: string[], action: string | undefined])[] = [
      ['a field that is set', { key: 'id' }, ['old.key'], 'refused'],
      ['a field at its default', { key: 'none' }, ['old.key'], undefined],
      ['a field that is null', { key: null }, ['old.key'], undefined],
      ['a field within a record', { auth: { user: 'me', trace: null } }, ['old.auth.user'], 'refused'],
      ['an exception within a record', { auth: { user: null, trace: 'x' } }, ['old.auth.trace'], 'removed'],
      ['another field', { shiny: 'gold' }, ['old.shiny'], 'removed'],
    ];
    for (const [what, config, missing, action] of rows) {
      it(`${what}: ${action ?? 'nothing is reported'}`, () => {
        const result = adapted(without('1.2.0', { plugins: missing }), 'plugins', { name: 'old', config });
        expect(result?.rows.map((row) => row.action)).to.deep.equal(action === undefined ? [] : [action]);
        expect(result?.refusal).to.equal(action === 'refused' ? 'plugin_version_incompatible' : undefined);
      });
    }

    it('a plugin that decides who may send, also of an older node', () => {
      const result = adapted(without('1.2.0', { plugins: ['guard'] }), 'plugins', { name: 'guard', config: {} });
      expect(result).to.include({ entity: undefined, refusal: 'plugin_set_incompatible' });
      expect(result?.rows[0]).to.include({ plugin: 'guard', action: 'refused' });
    });
  });
});
