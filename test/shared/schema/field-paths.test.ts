import { expect } from 'chai';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { fieldPaths, requiredToUnderstandPaths } from '../../../shared/schema/field-paths.ts';
import { array, map, record, string } from '../../../shared/schema/field.ts';

describe('fieldPaths', () => {
  const fields = {
    plain: string(),
    list: array(record({ host: string() })),
    words: map(string(), record({ text: string() })),
  };

  it('lists every field, and those within lists and maps below their path', () => {
    expect(fieldPaths(fields)).to.deep.equal(['plain', 'list', 'list.host', 'words', 'words.text']);
  });
});

describe('requiredToUnderstandPaths', () => {
  it('lists marked fields and those within them, except fields marked otherwise', () => {
    const fields = {
      free: string(),
      marked: record(
        { inner: record({ deep: string() }), free: string({ requiredToUnderstand: false }) },
        { requiredToUnderstand: true },
      ),
    };
    expect(requiredToUnderstandPaths(fields)).to.deep.equal(['marked', 'marked.inner', 'marked.inner.deep']);
  });

  it('holds the fields that decide the record of kafka-upstream, not those of its delivery', () => {
    const paths = new Set(requiredToUnderstandPaths(pluginSchemas['kafka-upstream'].config.fields ?? {}));
    const marked = ['topic', 'key_from.header', 'headers.name_mappings', 'record_value', 'partitioner', 'security.ssl'];
    const free = ['timeout', 'producer_linger', 'compression_type', 'error_handling.return_error_message'];
    expect(marked.filter((path) => !paths.has(path))).to.deep.equal([]);
    expect(free.filter((path) => paths.has(path))).to.deep.equal([]);
    expect(paths.has('schema_registry.confluent.value_schema.subject_name')).to.equal(true);
    expect(paths.has('schema_registry.confluent.authentication.basic.username')).to.equal(false);
  });
});
