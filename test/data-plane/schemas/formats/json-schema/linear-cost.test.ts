import { jsonSchemaFormat } from '../../../../../data-plane/schemas/formats/json-schema.ts';
import type { CompiledSchema } from '../../../../../data-plane/schemas/formats/format.ts';
import { RequestError } from '../../../../../shared/errors.ts';
import { expectLinearCost } from '../../../../helpers/linear-cost.ts';
import { formatOptions } from '../../format-options.ts';

const compile = (schema: unknown): CompiledSchema | Promise<CompiledSchema> =>
  jsonSchemaFormat.compile({ text: JSON.stringify(schema), references: [] }, formatOptions());

const numbers = (count: number): number[] => Array.from({ length: count }, (_one, n) => n);
const named = (count: number, valueOf: (n: number) => unknown): object =>
  Object.fromEntries(numbers(count).map((n) => [`n${n}`, valueOf(n)]));
const repeated = (text: string, count: number): string => `[${Array(count).fill(text).join(',')}]`;

/** A body of so many levels, each of which two branches of the schema below judge. */
const levels = (count: number): string => `${'{"next":'.repeat(count)}0${'}'.repeat(count)}`;
const branching = {
  definitions: {
    node: {
      anyOf: [
        { type: 'object', required: ['never'], properties: { next: { $ref: '#/definitions/node' } } },
        { type: 'object', properties: { next: { $ref: '#/definitions/node' } } },
        { type: 'string' },
      ],
    },
  },
  items: { $ref: '#/definitions/node' },
};

describe('the cost of JSON Schema grows with the input', function () {
  this.timeout(120_000);

  const bodies: [what: string, schema: unknown, body: (size: number) => string][] = [
    ['items that fit', { items: { type: 'object', required: ['a'] } }, (size) => repeated('{"a":1}', size)],
    ['items that do not', { items: { type: 'string' } }, (size) => repeated('1', size)],
    [
      'faults below a long name',
      { additionalProperties: { items: { type: 'string' } } },
      (size) => `{"${'x'.repeat(size)}":${repeated('1', size)}}`,
    ],
    ['values outside of a long enum', { items: { enum: numbers(1_000) } }, (size) => repeated('"x"', size)],
    ['different items', { uniqueItems: true }, (size) => JSON.stringify(numbers(size).map((n) => [n]))],
    ['members that are not declared', { additionalProperties: false }, (size) => JSON.stringify(named(size, () => 1))],
    [
      'members that no other schema has seen',
      {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        allOf: [{ properties: { n1: true } }, { patternProperties: { '^m': true } }],
        unevaluatedProperties: { type: 'string' },
      },
      (size) => JSON.stringify(named(size, () => 1)),
    ],
    ['levels that two branches judge', branching, (size) => repeated(levels(20), size)],
    ['text for a pattern', { pattern: '^(a+)+$' }, (size) => JSON.stringify(`${'a'.repeat(size)}!`)],
    ['numbers for multipleOf', { items: { multipleOf: 0.01 } }, (size) => repeated('1e308', size)],
  ];
  for (const [what, schema, body] of bodies) {
    it(`for a body: ${what}`, async () => {
      const compiled = await compile(schema);
      await expectLinearCost({
        sizeMin: 64,
        make: body,
        run: (text) => {
          try {
            return compiled.encode(text, Buffer.alloc(5));
          } catch (error) {
            if (!(error instanceof RequestError)) throw error;
            return error;
          }
        },
      });
    });
  }

  const schemas: [what: string, schema: (size: number) => unknown][] = [
    ['properties', (size) => ({ properties: named(size, () => ({ type: 'string', maxLength: 5 })) })],
    ['branches of anyOf', (size) => ({ anyOf: numbers(size).map((n) => ({ const: n })) })],
    ['values of an enum', (size) => ({ enum: numbers(size) })],
    [
      'references to each other',
      (size) => ({
        definitions: named(size, (n) => ({ properties: { a: { $ref: `#/definitions/n${n - (n % 2)}` } } })),
      }),
    ],
    [
      'a chain of references',
      (size) => ({
        $ref: '#/definitions/n0',
        definitions: named(size + 1, (n) => (n < size ? { $ref: `#/definitions/n${n + 1}` } : {})),
      }),
    ],
    ['patterns', (size) => ({ patternProperties: Object.fromEntries(numbers(size).map((n) => [`^${n}$`, true])) })],
    ['required names', (size) => ({ required: numbers(size).map(String) })],
  ];
  for (const [what, schema] of schemas) {
    it(`for a schema: ${what}`, async () => {
      await expectLinearCost({
        sizeMin: 256,
        // About as much as fits into the longest text.
        sizeMax: 1 << 17,
        make: (size) => JSON.stringify(schema(size)),
        run: (text) => jsonSchemaFormat.compile({ text, references: [] }, formatOptions()),
      });
    });
  }
});
