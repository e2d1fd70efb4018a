import { expect } from 'chai';
import * as fc from 'fast-check';
import { checkRecord, type AutoValues } from '../../../shared/schema/check.ts';
import { faultMessage, faultTree } from '../../../shared/schema/faults.ts';
import type { Field, Fields } from '../../../shared/schema/field.ts';
import { mergePatch } from '../../../shared/schema/merge.ts';

const auto: AutoValues = {
  uuid: () => '00000000-0000-4000-8000-000000000001',
  token: () => 'word',
  now: () => 1000,
};

const word = fc.string({ minLength: 1, maxLength: 5 });
const nameOf = fc.constantFrom('a', 'b', 'c', 'd', 'constructor');

/** A descriptor with values that it accepts. */
interface Sample {
  readonly field: Field;
  readonly value: fc.Arbitrary<unknown>;
}

const flags = fc.record({ required: fc.boolean() });

function sampleOf(value: fc.Arbitrary<unknown>, field: Field): fc.Arbitrary<Sample> {
  return flags.map((options) => ({ field: { ...field, ...options }, value }));
}

const scalar: fc.Arbitrary<Sample> = fc.oneof(
  sampleOf(word, { type: 'string' }),
  sampleOf(word, { type: 'string', default: 'x' }),
  sampleOf(fc.maxSafeInteger(), { type: 'integer' }),
  sampleOf(fc.maxSafeInteger(), { type: 'integer', default: 3 }),
  sampleOf(fc.double({ noNaN: true, noDefaultInfinity: true }), { type: 'number' }),
  sampleOf(fc.boolean(), { type: 'boolean', default: true }),
  sampleOf(word, { type: 'string', auto: true }),
  sampleOf(fc.uuid(), { type: 'string', uuid: true }),
  sampleOf(fc.record({ id: fc.uuid(), more: word }), { type: 'foreign', reference: 'x' }),
);

function listOf({ field, value }: Sample, type: 'array' | 'set'): Sample {
  return { field: { type, elements: { ...field, required: true } }, value: fc.array(value, { maxLength: 3 }) };
}

function mapOf({ field, value }: Sample): Sample {
  return {
    field: { type: 'map', keys: { type: 'string' }, values: { ...field, required: true } },
    value: fc.dictionary(word, value, { maxKeys: 3, noNullPrototype: true }),
  };
}

function recordOf(samples: Readonly<Record<string, Sample>>, options: { required: boolean }): Sample {
  return { field: { type: 'record', fields: fieldsOf(samples), ...options }, value: valuesOf(samples) };
}

const { sample } = fc.letrec<{ sample: Sample; fields: Record<string, Sample> }>((tie) => ({
  sample: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'sample' },
    scalar,
    tie('sample').map((inner) => listOf(inner, 'array')),
    tie('sample').map((inner) => listOf(inner, 'set')),
    tie('sample').map(mapOf),
    fc.tuple(tie('fields'), flags).map(([samples, options]) => recordOf(samples, options)),
  ),
  fields: fc.dictionary(nameOf, tie('sample'), { maxKeys: 4, noNullPrototype: true, depthIdentifier: 'sample' }),
}));

function fieldsOf(samples: Readonly<Record<string, Sample>>): Fields {
  return Object.fromEntries(Object.entries(samples).map(([name, { field }]) => [name, field]));
}

/** Every field is there, save those that may be absent: they sometimes are. */
function valuesOf(samples: Readonly<Record<string, Sample>>): fc.Arbitrary<Record<string, unknown>> {
  const entries = Object.entries(samples).map(([name, { field, value }]) =>
    field.required === true
      ? value.map((inner) => [[name, inner] as const])
      : fc.option(value).map((inner) => (inner === null ? [] : [[name, inner] as const])),
  );
  return fc.tuple(...entries).map((lists) => Object.fromEntries(lists.flat()));
}

const schemaAndValue = fc
  .dictionary(nameOf, sample, { maxKeys: 4, noNullPrototype: true })
  .chain((samples) => valuesOf(samples).map((value) => ({ fields: fieldsOf(samples), value })));

describe('any schema', () => {
  it('accepts a valid value, and its own result again without a change', () => {
    fc.assert(
      fc.property(schemaAndValue, ({ fields, value }) => {
        const first = checkRecord({ fields }, value, auto);
        if (first.kind === 'faults') throw new Error(faultMessage(first.faults));
        const travelled: unknown = JSON.parse(JSON.stringify(first.value));
        const again = checkRecord({ fields }, travelled, auto);
        expect(again).to.deep.equal({ kind: 'ok', value: first.value });
        // A node, which fills nothing in by itself, sees the same.
        expect(checkRecord({ fields }, travelled)).to.deep.equal({ kind: 'ok', value: first.value });
      }),
    );
  });

  it('is not changed by an empty PATCH, nor by one of all stored values', () => {
    fc.assert(
      fc.property(schemaAndValue, ({ fields, value }) => {
        expect(mergePatch(fields, value, {})).to.deep.equal(value);
        expect(mergePatch(fields, value, structuredClone(value))).to.deep.equal(value);
        expect(mergePatch(fields, {}, value)).to.deep.equal(value);
      }),
    );
  });

  it('answers any input with a value or with faults that can be shown', () => {
    fc.assert(
      fc.property(schemaAndValue, fc.jsonValue(), ({ fields, value }, junk) => {
        const name = Object.keys(fields)[0] ?? 'x';
        for (const input of [junk, { ...value, [name]: junk }, { [name]: { [name]: junk } }]) {
          const checked = checkRecord({ fields }, input, auto);
          if (checked.kind === 'ok') continue;
          expect(checked.faults).to.have.length.greaterThan(0);
          expect(faultMessage(checked.faults)).to.match(/^(\d+ )?schema violations? \(/);
          JSON.stringify(faultTree(checked.faults));
        }
      }),
    );
  });
});
