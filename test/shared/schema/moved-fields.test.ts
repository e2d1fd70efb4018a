import { expect } from 'chai';
import { checkEntity, deprecationsOf } from '../../../shared/entities/check-entity.ts';
import { pluginEntity } from '../../../shared/entities/plugin.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { giveMovedFieldsBack, movedFieldWarnings, takeMovedFields } from '../../../shared/schema/moved-fields.ts';

const moved = [{ from: 'a.old', to: 'a.inner.new' }];

describe('takeMovedFields', () => {
  const rows: readonly (readonly [title: string, config: object, taken: object, faults: number])[] = [
    ['leaves a config without the old place', { a: { inner: { new: 'x' } } }, { a: { inner: { new: 'x' } } }, 0],
    ['moves the value', { a: { old: 'x', inner: { b: 1 } } }, { a: { inner: { b: 1, new: 'x' } } }, 0],
    ['makes the record that it moves to', { a: { old: 'x', inner: null } }, { a: { inner: { new: 'x' } } }, 0],
    ['takes the same value in both', { a: { old: 'x', inner: { new: 'x' } } }, { a: { inner: { new: 'x' } } }, 0],
    ['drops null', { a: { old: null, inner: { new: 'x' } } }, { a: { inner: { new: 'x' } } }, 0],
    ['refuses different values', { a: { old: 'y', inner: { new: 'x' } } }, { a: { inner: { new: 'x' } } }, 1],
    ['leaves what is no record to the check', { a: 'text' }, { a: 'text' }, 0],
    ['leaves a target that is no record to the check', { a: { old: 'x', inner: 1 } }, { a: { inner: 1 } }, 0],
  ];
  for (const [title, config, taken, faults] of rows) {
    it(title, () => {
      const result = takeMovedFields(moved, { ...config });
      expect(result.config).to.deep.equal(taken);
      expect(result.faults).to.have.length(faults);
    });
  }

  it('is reversed for older nodes', () => {
    const config = { a: { inner: { new: 'x', b: 1 } } };
    const given = giveMovedFieldsBack(moved, config);
    expect(given).to.deep.equal({ a: { old: 'x', inner: { b: 1 } } });
    expect(takeMovedFields(moved, given).config).to.deep.equal({ a: { inner: { b: 1, new: 'x' } } });
  });

  it('is reported as deprecated', () => {
    expect(movedFieldWarnings(moved, { a: { old: 'x' } })).to.deep.equal([
      'config.a.old is deprecated: write config.a.inner.new',
    ]);
    expect(movedFieldWarnings(moved, { a: { old: null, inner: { new: 'x' } } })).to.deep.equal([]);
  });
});

describe('the logical cluster of a registry', () => {
  const pluginWith = (confluent: object): Record<string, unknown> => ({
    name: 'kafka-upstream',
    config: {
      topic: 't',
      bootstrap_servers: [{ host: 'k', port: 9092 }],
      schema_registry: { confluent: { url: 'http://r', value_schema: { subject_name: 's' }, ...confluent } },
    },
  });
  const check = (body: Record<string, unknown>) =>
    checkEntity({ entity: pluginEntity, plugins: pluginSchemas, input: body });
  const place = 'value.config.schema_registry.confluent.authentication.logical_cluster_id';

  it('stands inside authentication', () => {
    const body = pluginWith({ authentication: { logical_cluster_id: 'lsrc-1' } });
    expect(check(body)).to.have.nested.property(place, 'lsrc-1');
    expect(deprecationsOf(pluginEntity, pluginSchemas, body)).to.deep.equal([]);
  });

  it('is read from its old place, and reported as deprecated', () => {
    const body = pluginWith({ logical_cluster_id: 'lsrc-1' });
    const checked = check(body);
    expect(checked).to.have.nested.property(place, 'lsrc-1');
    expect(checked).to.not.have.nested.property('value.config.schema_registry.confluent.logical_cluster_id');
    expect(deprecationsOf(pluginEntity, pluginSchemas, body)).to.have.length(1);
  });

  it('is refused where the two places differ', () => {
    const checked = check(pluginWith({ logical_cluster_id: 'a', authentication: { logical_cluster_id: 'b' } }));
    expect(checked.kind === 'faults' && checked.faults).to.deep.equal([
      {
        path: ['config', 'schema_registry', 'confluent', 'logical_cluster_id'],
        message:
          "is deprecated and differs from 'schema_registry.confluent.authentication.logical_cluster_id', where it stands now",
      },
    ]);
  });
});
