import { expect } from 'chai';
import * as fc from 'fast-check';
import { compileAvroCheck } from '../../../../data-plane/schemas/formats/avro-binary.ts';
import { avroFormat } from '../../../../data-plane/schemas/formats/avro.ts';
import { readAvroSchema } from '../../../../data-plane/schemas/formats/avro-schema.ts';
import type { Faults } from '../../../../data-plane/schemas/formats/format.ts';
import { runAtOnce } from '../../../../data-plane/schemas/formats/steps.ts';

const check = (schema: unknown, hex: string): string[] => faultsOf(schema, Buffer.from(hex.replaceAll(' ', ''), 'hex'));

function checkOf(schema: unknown): (bytes: Buffer) => Faults {
  return compileAvroCheck(runAtOnce(readAvroSchema({ text: JSON.stringify(schema), references: [] })));
}

function faultsOf(schema: unknown, bytes: Buffer): string[] {
  return checkOf(schema)(bytes).list.map(({ pointer, message }) => `${pointer} ${message}`);
}

const person = {
  type: 'record',
  name: 'Person',
  fields: [
    { name: 'name', type: 'string' },
    { name: 'age', type: ['null', 'int'] },
    { name: 'tags', type: { type: 'array', items: 'string' } },
    { name: 'next', type: ['null', 'Person'] },
  ],
};

describe('values in binary Avro', () => {
  const no = 'is no value in Avro: ';
  const rows: [schema: unknown, hex: string, faults: string[]][] = [
    ['null', '', []],
    ['null', '00', [` ${no}bytes behind its end (byte 0)`]],
    ['boolean', '01', []],
    ['boolean', '02', [` ${no}a boolean that is neither 0 nor 1 (byte 0)`]],
    ['boolean', '', [` ${no}a value that ends too early (byte 0)`]],
    ['int', 'ffffffff0f', []],
    ['int', '8080808010', [` ${no}a number of more than 32 bits (byte 0)`]],
    ['int', '80', [` ${no}a number that ends too early (byte 0)`]],
    ['long', 'ffffffffffffffffff01', []],
    ['long', 'ffffffffffffffffff02', [` ${no}a number of more than 64 bits (byte 0)`]],
    ['long', 'ffffffffffffffffffff', [` ${no}a number of more than 64 bits (byte 0)`]],
    ['float', '00000000', []],
    ['double', '00000000', [` ${no}a value that ends too early (byte 0)`]],
    ['string', '04 c3bc', []],
    ['string', '02 ff', [' must be UTF-8']],
    ['bytes', '02 ff', []],
    ['bytes', '01', [` ${no}a negative length (byte 0)`]],
    ['bytes', '04 ff', [` ${no}a value that ends too early (byte 1)`]],
    [{ type: 'fixed', name: 'F', size: 2 }, 'ffff', []],
    [{ type: 'enum', name: 'E', symbols: ['a', 'b'] }, '02', []],
    [{ type: 'enum', name: 'E', symbols: ['a', 'b'] }, '04', [` ${no}an index beyond the symbols of E (byte 0)`]],
    [['null', 'int'], '02 02', []],
    [['null', 'int'], '04', [` ${no}an index beyond the branches of its union (byte 0)`]],
    [['null', 'int'], '01', [` ${no}an index beyond the branches of its union (byte 0)`]],
    [{ type: 'array', items: 'int' }, '04 02 04 02 06 00', []],
    [{ type: 'array', items: 'int' }, '03 04 02 04 00', []],
    [{ type: 'array', items: 'int' }, '03 06 02 04 00', [` ${no}a block whose size is not that of its items (byte 0)`]],
    [{ type: 'array', items: 'string' }, '04 02 61 02 ff 00', ['/1 must be UTF-8']],
    [{ type: 'array', items: 'null' }, 'feffffffffffffffff01 00', []],
    [{ type: 'map', values: 'int' }, '02 02 61 02 00', []],
    [{ type: 'map', values: 'boolean' }, '02 02 61 02 00', [`/a ${no}a boolean that is neither 0 nor 1 (byte 3)`]],
    [person, '02 61 02 54 02 02 62 00 02 02 63 00 00 00', []],
    [
      person,
      '02 61 02 54 02 02 62 00 02 02 63 00 00 04',
      [`/next/next ${no}an index beyond the branches of its union (byte 13)`],
    ],
  ];
  for (const [schema, hex, faults] of rows) {
    it(`${hex || 'nothing'} ${faults.length === 0 ? 'is' : 'is no'} ${JSON.stringify(schema).slice(0, 60)}`, () =>
      expect(check(schema, hex)).to.deep.equal(faults));
  }

  it('nest no deeper than values in JSON', () => {
    const list = { type: 'record', name: 'L', fields: [{ name: 'l', type: ['null', 'L'] }] };
    const nested = (depth: number): Buffer => Buffer.from('02'.repeat(depth - 1) + '00', 'hex');
    expect(faultsOf(list, nested(500))).to.deep.equal([]);
    expect(faultsOf(list, nested(501))).to.have.length(1);
  });

  it('are those that are written from JSON, and cut ones are not', async () => {
    const source = { text: JSON.stringify(person), references: [] };
    const compiled = await avroFormat.compile(source, { payloadEncoding: 'auto', messageName: null });
    const read = checkOf(person);
    const value = fc.record({
      name: fc.string({ unit: 'grapheme' }),
      age: fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
      tags: fc.array(fc.string()),
      next: fc.constant(null),
    });
    fc.assert(
      fc.property(value, fc.nat(), (person, at) => {
        const bytes = compiled.encode(JSON.stringify(person), Buffer.alloc(0));
        expect(read(bytes).total).to.equal(0);
        expect(read(bytes.subarray(0, at % bytes.length)).total).to.be.greaterThan(0);
        expect(read(Buffer.concat([bytes, Buffer.from([0])])).total).to.be.greaterThan(0);
      }),
    );
  });

  it('never break the reader, whatever the bytes', () => {
    const read = checkOf(person);
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void read(Buffer.from(bytes))));
  });
});
