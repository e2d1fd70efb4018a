import * as fc from 'fast-check';
import {
  object,
  pick,
  several,
  text,
  typedDouble,
  valuesASchema,
  wholeNumber,
  type Gen,
  type GeneratedSchema,
  type GeneratedValue,
} from './cases.ts';

const drafts = [
  'http://json-schema.org/draft-04/schema#',
  'http://json-schema.org/draft-06/schema#',
  'http://json-schema.org/draft-07/schema#',
  'https://json-schema.org/draft/2019-09/schema',
  'https://json-schema.org/draft/2020-12/schema',
];

interface Kind {
  readonly schema: object;
  value(): GeneratedValue;
}

/** A random JSON Schema with values that fit. */
export function jsonSchema(gen: Gen): GeneratedSchema {
  const root = objectKind(0);
  const schema = { $schema: pick(gen, drafts), ...root.schema };
  const values = Array.from({ length: valuesASchema }, () => root.value());
  return { schemaType: 'JSON', schema: JSON.stringify(schema), values };

  function make(depth: number): Kind {
    const kinds = [integerKind, numberKind, stringKind, booleanKind, enumKind, dateKind];
    return pick(
      gen,
      depth < 3 ? [...kinds, () => arrayKind(depth), () => objectKind(depth), () => eitherKind(depth)] : kinds,
    )();
  }

  function integerKind(): Kind {
    return {
      schema: { type: 'integer' },
      value: () => ((value) => ({ json: String(value), expected: `i${value}` }))(wholeNumber(gen, 64)),
    };
  }

  function numberKind(): Kind {
    return {
      schema: { type: 'number', minimum: -1e300 },
      value: () => {
        const number = gen(fc.double, { noNaN: true, noDefaultInfinity: true, min: -1e299 });
        // Digits alone are a whole number for some readers and a double for others when they pass 64 bits.
        const json = Number.isSafeInteger(number) ? JSON.stringify(number) : number.toExponential();
        // Python tells whole numbers by their text.
        return { json, expected: /^-?[0-9]+$/.test(json) ? `i${BigInt(json)}` : typedDouble(Number(json)) };
      },
    };
  }

  function stringKind(): Kind {
    return {
      schema: { type: 'string', maxLength: 1_000 },
      value: () => ((value) => ({ json: JSON.stringify(value), expected: `s${value}` }))(text(gen, 40)),
    };
  }

  function booleanKind(): Kind {
    return {
      schema: { type: ['boolean', 'null'] },
      value: () => ((value) => ({ json: JSON.stringify(value), expected: value }))(pick(gen, [true, false, null])),
    };
  }

  function enumKind(): Kind {
    return {
      schema: { enum: ['a', 1, null] },
      value: () =>
        pick(gen, [
          { json: '"a"', expected: 'sa' },
          { json: '1', expected: 'i1' },
          { json: 'null', expected: null },
        ]),
    };
  }

  function dateKind(): Kind {
    return {
      schema: { type: 'string', format: 'date-time' },
      value: () => {
        const iso = new Date(gen(fc.integer, { min: 0, max: 4_102_444_800_000 })).toISOString();
        return { json: JSON.stringify(iso), expected: `s${iso}` };
      },
    };
  }

  function arrayKind(depth: number): Kind {
    const items = make(depth + 1);
    return {
      schema: { type: 'array', items: items.schema },
      value: () => {
        const list = several(gen, 3, () => items.value());
        return {
          json: `[ ${list.map(({ json }) => json).join(' , ')} ]`,
          expected: list.map(({ expected }) => expected),
        };
      },
    };
  }

  function eitherKind(depth: number): Kind {
    const kinds = [make(depth + 1), make(depth + 1)];
    return { schema: { anyOf: kinds.map(({ schema: each }) => each) }, value: () => pick(gen, kinds).value() };
  }

  function objectKind(depth: number): Kind {
    const fields = several(gen, 4, (index) => ({
      name: `p${index}ü`,
      isRequired: gen(fc.boolean),
      of: make(depth + 1),
    }));
    const required = fields.filter(({ isRequired }) => isRequired).map(({ name }) => name);
    return {
      schema: {
        type: 'object',
        properties: Object.fromEntries(fields.map(({ name, of }) => [name, of.schema])),
        additionalProperties: false,
        // Draft 4 takes no empty list.
        ...(required.length > 0 ? { required } : {}),
      },
      value: () => {
        const given = fields
          .filter(({ isRequired }) => isRequired || gen(fc.boolean))
          .map(({ name, of }) => [name, of.value()] as const);
        return {
          json: object(given.map(([name, value]) => [name, value.json])),
          expected: Object.fromEntries(given.map(([name, value]) => [name, value.expected])),
        };
      },
    };
  }
}
