import { expect } from 'chai';
import { avroFormat } from '../../../data-plane/schemas/formats/avro.ts';
import type { Format } from '../../../data-plane/schemas/formats/format.ts';
import { jsonSchemaFormat } from '../../../data-plane/schemas/formats/json-schema.ts';
import { encodeKey } from '../../../data-plane/schemas/key-text.ts';
import { RequestError } from '../../../shared/errors.ts';
import { formatOptions } from './format-options.ts';

/** The payload as text (JSON Schema) or hex (Avro), or the error's code. */
async function payloadOf(format: Format, schema: unknown, text: string): Promise<string> {
  const compiled = await format.compile({ text: JSON.stringify(schema), references: [] }, formatOptions());
  try {
    return encodeKey(compiled, text, Buffer.alloc(0)).toString(format === avroFormat ? 'hex' : 'utf8');
  } catch (error) {
    if (error instanceof RequestError) return error.code;
    throw error;
  }
}

describe('text of a key', () => {
  const record = { type: 'record', name: 'K', fields: [{ name: 'a', type: 'int' }] };
  const cases: [format: Format, schema: unknown, text: string, payload: string][] = [
    [avroFormat, 'string', '5', '0235'],
    [avroFormat, 'string', 'a', '0261'],
    [avroFormat, ['null', 'string'], '5', '020235'],
    [avroFormat, { type: 'enum', name: 'E', symbols: ['A', 'B'] }, 'B', '02'],
    [avroFormat, 'bytes', '1', '0231'],
    [avroFormat, 'int', '5', '0a'],
    [avroFormat, 'long', '9223372036854775807', 'feffffffffffffffff01'],
    [avroFormat, 'boolean', 'true', '01'],
    [avroFormat, 'int', 'a', 'SCHEMA_VALIDATION_FAILED'],
    [avroFormat, ['string', 'int'], '5', '020a'],
    [avroFormat, ['string', 'int'], 'a', '000261'],
    [avroFormat, { type: 'int', logicalType: 'date' }, '1970-01-02', '02'],
    [avroFormat, record, '{"a":5}', '0a'],
    [avroFormat, record, '5', 'SCHEMA_VALIDATION_FAILED'],
    [jsonSchemaFormat, { type: 'string' }, '5', '"5"'],
    [jsonSchemaFormat, { type: ['string', 'null'] }, 'null', '"null"'],
    [jsonSchemaFormat, { enum: ['1', '2'] }, '1', '"1"'],
    [jsonSchemaFormat, { const: 'a' }, 'a', '"a"'],
    [jsonSchemaFormat, { type: 'string', minLength: 2 }, '5', 'SCHEMA_VALIDATION_FAILED'],
    [jsonSchemaFormat, { type: 'integer' }, '5', '5'],
    [jsonSchemaFormat, { type: 'integer' }, 'a', 'SCHEMA_VALIDATION_FAILED'],
    [jsonSchemaFormat, true, 'a', '"a"'],
    [jsonSchemaFormat, { type: 'object' }, '{"a": 1.0}', '{"a": 1.0}'],
  ];
  for (const [format, schema, text, payload] of cases) {
    it(`${text} for ${format.type} ${JSON.stringify(schema)} is ${payload}`, async () =>
      expect(await payloadOf(format, schema, text)).to.equal(payload));
  }

  it('is reported as a fault of the key when it is nested too deeply', async () => {
    const schema = { $defs: { a: { items: { $ref: '#/$defs/a' } } }, $ref: '#/$defs/a' };
    expect(await payloadOf(jsonSchemaFormat, schema, `${'['.repeat(100_000)}${']'.repeat(100_000)}`)).to.equal(
      'KEY_INVALID',
    );
  });
});
