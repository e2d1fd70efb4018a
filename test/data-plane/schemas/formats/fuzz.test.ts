import { expect } from 'chai';
import * as fc from 'fast-check';
import { SchemaUnusableError, type CompiledSchema } from '../../../../data-plane/schemas/formats/format.ts';
import { formats } from '../../../../data-plane/schemas/formats/formats.ts';
import { RequestError } from '../../../../shared/errors.ts';
import { anyJson, mutated } from '../../../helpers/odd-json.ts';
import { avroSchema } from '../differential/avro-cases.ts';
import type { Gen, GeneratedSchema } from '../differential/cases.ts';
import { jsonSchema } from '../differential/json-cases.ts';
import { protobufSchema } from '../differential/protobuf-cases.ts';
import { formatOptions } from '../format-options.ts';

const prefix = Buffer.from([0, 0, 0, 0, 1]);
const generators: Readonly<Record<string, (gen: Gen) => GeneratedSchema>> = {
  AVRO: avroSchema,
  JSON: jsonSchema,
  PROTOBUF: protobufSchema,
};

async function compile(schema: GeneratedSchema, text = schema.schema): Promise<CompiledSchema | undefined> {
  try {
    const format = formats.get(schema.schemaType);
    return await format?.compile({ text, references: [] }, formatOptions());
  } catch (error) {
    // The only way of refusing a schema; its message may be told.
    if (error instanceof SchemaUnusableError) return undefined;
    throw error;
  }
}

/** Bytes, or a refusal that says what and where. */
function encode(compiled: CompiledSchema, text: string): void {
  let bytes: Buffer;
  try {
    bytes = compiled.encode(text, prefix);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    expect(error.code).to.be.oneOf(['BODY_INVALID', 'SCHEMA_VALIDATION_FAILED']);
    if (error.code === 'BODY_INVALID') return;
    const details = error.details ?? [];
    expect(details).to.have.length.within(1, 1_000);
    for (const { pointer, rule, expected, message } of details) {
      expect(pointer).to.match(/^(?:\/(?:[^~/]|~[01])*)*$/);
      for (const part of [rule, expected, message]) expect(part).to.be.a('string').and.not.equal('');
    }
    return;
  }
  expect(bytes.subarray(0, prefix.length).equals(prefix)).to.equal(true);
}

describe('random values and schemas', function () {
  this.timeout(60_000);
  for (const [type, generate] of Object.entries(generators)) {
    it(`a value for ${type} is encoded or refused with its faults`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.gen(), async (gen) => {
          const schema = generate(gen);
          const compiled = await compile(schema);
          if (compiled === undefined) throw new Error(`a good schema was refused: ${schema.schema}`);
          for (const { json } of schema.values) {
            encode(compiled, JSON.stringify(mutated(gen, JSON.parse(json))));
            const cut = gen(fc.nat, json.length);
            encode(
              compiled,
              `${json.slice(0, cut)}${gen(fc.string, { maxLength: 3 })}${json.slice(cut + gen(fc.nat, 3))}`,
            );
          }
          encode(compiled, JSON.stringify(gen(() => anyJson)));
        }),
        { numRuns: 150 },
      );
    });

    it(`a schema of ${type} is compiled or refused`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.gen(), async (gen) => {
          const schema = generate(gen);
          const text = schema.schema;
          const cut = gen(fc.nat, text.length);
          const texts = [
            `${text.slice(0, cut)}${gen(fc.string, { maxLength: 3 })}${text.slice(cut + gen(fc.nat, 3))}`,
            gen(fc.string, { unit: 'binary', maxLength: 20 }),
          ];
          if (type !== 'PROTOBUF') texts.push(JSON.stringify(mutated(gen, JSON.parse(text))));
          for (const broken of texts) {
            const compiled = await compile(schema, broken);
            const [value] = schema.values;
            if (compiled !== undefined && value !== undefined) encode(compiled, value.json);
          }
        }),
        { numRuns: 150 },
      );
    });
  }
});
