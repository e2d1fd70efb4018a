import { expect } from 'chai';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { checkField } from '../../../shared/schema/check.ts';
import { effectiveValue, saysNothing } from '../../../shared/schema/effective.ts';
import { array, boolean, element, integer, map, record, string, type Field } from '../../../shared/schema/field.ts';
import { isRecord } from '../../../shared/schema/is-record.ts';

const inner = record({
  name: string({ required: true }),
  on: boolean({ default: true }),
  words: array(string(element), { default: ['a'] }),
  more: map(string(), string(), { default: {} }),
  deep: record({ count: integer({ default: 1 }) }),
});

describe('saysNothing', () => {
  const rows: readonly (readonly [value: unknown, expected: boolean])[] = [
    [null, true],
    [{}, true],
    [{ name: null, on: true, words: ['a'], more: {}, deep: { count: 1 } }, true],
    [{ words: [], deep: null }, true],
    [{ name: 'x' }, false],
    [{ on: false }, false],
    [{ words: ['b'] }, false],
    [{ more: { a: 'b' } }, false],
    [{ deep: { count: 2 } }, false],
    [{ unknown: null }, false],
    ['text', false],
  ];
  for (const [value, expected] of rows) {
    it(`is ${expected} for ${JSON.stringify(value)}`, () => {
      expect(saysNothing(inner, value)).to.equal(expected);
    });
  }
});

describe('effectiveValue', () => {
  const field = record(
    { always: record({ on: boolean({ default: false }), inner }, { required: true }), maybe: inner },
    { required: true },
  );

  it('makes optional records null that say nothing, and keeps required ones', () => {
    const value = { always: { on: false, inner: { name: null } }, maybe: { deep: { count: 1 } } };
    expect(effectiveValue<unknown>(field, value)).to.deep.equal({ always: { on: false, inner: null }, maybe: null });
  });

  it('returns the same value where every record says something', () => {
    const value = { always: { on: true, inner: null }, maybe: { name: 'x' } };
    expect(effectiveValue<unknown>(field, value)).to.equal(value);
  });
});

/** The plugins with a schema registry. */
const kafkaSchemas = {
  'kafka-log': pluginSchemas['kafka-log'],
  'kafka-upstream': pluginSchemas['kafka-upstream'],
};

describe('a configuration with the defaults of optional records', () => {
  const servers = { bootstrap_servers: [{ host: 'k', port: 9092 }], topic: 't' };
  const authentication = { oauthbearer: { extensions: {}, scopes: [] } };
  const confluent = { authentication: { mode: 'none' }, key_schema: { schema_version: 'latest' }, ttl: 60 };
  const at = (value: unknown, path: string): unknown =>
    path.split('.').reduce<unknown>((found, name) => (isRecord(found) ? found[name] : undefined), value);

  for (const { name, config: field } of Object.values<{ readonly name: string; readonly config: Field }>(
    kafkaSchemas,
  )) {
    it(`is taken as it was sent for ${name}, and absent where it is used`, () => {
      const checked = checkField(field, { ...servers, authentication, schema_registry: { confluent } });
      expect(checked).to.have.property('kind', 'ok');
      const stored = checked.kind === 'ok' ? checked.value : undefined;
      expect(at(stored, 'authentication.oauthbearer')).to.include({ client_id: null, token_endpoint_url: null });
      expect(at(stored, 'schema_registry.confluent.key_schema.schema_version')).to.equal('latest');
      const used = effectiveValue(field, stored);
      expect(at(used, 'authentication.oauthbearer')).to.equal(null);
      expect(at(used, 'schema_registry')).to.equal(null);
    });

    const rows: readonly (readonly [title: string, confluent: object, isUsed: boolean])[] = [
      ['with url and no subject is absent', { ...confluent, url: 'http://r' }, false],
      ['with url and a subject is used', { url: 'http://r', value_schema: { subject_name: 's' } }, true],
      [
        'whose subjects are named by topics is used',
        { url: 'http://r', subject_name_strategy: 'topic', value_schema: {} },
        true,
      ],
    ];
    for (const [title, given, isUsed] of rows) {
      it(`a registry of ${name} ${title}`, () => {
        const checked = checkField(field, { ...servers, schema_registry: { confluent: given } });
        expect(checked).to.have.property('kind', 'ok');
        const used = effectiveValue(field, checked.kind === 'ok' ? checked.value : undefined);
        expect(isRecord(at(used, 'schema_registry.confluent.value_schema'))).to.equal(isUsed);
      });
    }

    it(`a registry of ${name} with a subject needs its url`, () => {
      const given = { value_schema: { subject_name: 's' } };
      const checked = checkField(field, { ...servers, schema_registry: { confluent: given } });
      expect(checked.kind === 'faults' && checked.faults).to.deep.equal([
        { path: ['schema_registry', 'confluent', 'url'], message: 'required field missing' },
      ]);
    });
  }
});
