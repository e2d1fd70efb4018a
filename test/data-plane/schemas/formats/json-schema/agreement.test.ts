import { expect } from 'chai';
import * as fc from 'fast-check';
import { compileAjv } from '../../../../../data-plane/schemas/formats/json-schema/ajv-schema.ts';
import { compileConforming } from '../../../../../data-plane/schemas/formats/json-schema/conforming-schema.ts';
import { dialectOf } from '../../../../../data-plane/schemas/formats/json-schema/dialect.ts';
import { runAtOnce } from '../../../../../data-plane/schemas/formats/steps.ts';

describe('Ajv and the conforming judge', () => {
  it('agree on random schemas and values', () => {
    const leaf = fc.constantFrom<object>(
      { type: 'integer' },
      { type: ['string', 'null'] },
      { minimum: 2 },
      { maxLength: 1 },
      { enum: [1, 'a', [1]] },
      { const: { a: 1 } },
      { required: ['a'] },
      { minItems: 1 },
      { uniqueItems: true },
      { pattern: '^a' },
      { multipleOf: 0.5 },
      { maxProperties: 1 },
      {},
    );
    const { schema: schemas } = fc.letrec<{ schema: object }>((tie) => ({
      schema: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        leaf,
        fc.record(
          {
            properties: fc.dictionary(fc.constantFrom('a', 'b'), tie('schema'), { maxKeys: 2 }),
            additionalProperties: tie('schema'),
            patternProperties: fc.record({ '^b': tie('schema') }),
            propertyNames: leaf,
            items: tie('schema'),
            contains: tie('schema'),
            anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
            oneOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
            allOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
            not: tie('schema'),
            if: tie('schema'),
            else: tie('schema'),
            dependencies: fc.record({ a: fc.oneof(tie('schema'), fc.constant(['b'])) }),
            $ref: fc.constantFrom('#/definitions/x', '#/definitions/y'),
          },
          { requiredKeys: [] },
        ),
      ),
    }));
    const { value: values } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom<unknown>(0, 1, 2.5, 'a', 'ab', '', null, true),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 }),
      ),
    }));
    fc.assert(
      fc.property(schemas, leaf, leaf, fc.array(values, { maxLength: 5 }), (schema, x, y, list) => {
        const documents = [{ name: undefined, schema: { ...schema, definitions: { x, y } } }];
        const fits = compileAjv(documents, 'draft-07');
        const conforming = runAtOnce(compileConforming(documents, dialectOf('draft-07'), false));
        const tracking = runAtOnce(compileConforming(documents, dialectOf('draft-07'), true));
        for (const value of list) {
          const told = `${JSON.stringify(documents)} of ${JSON.stringify(value)}`;
          expect(conforming.faultsOf(value) === undefined, told).to.equal(fits(value));
          expect(tracking.faultsOf(value) === undefined, told).to.equal(fits(value));
        }
      }),
      { numRuns: 150 },
    );
  });
});
