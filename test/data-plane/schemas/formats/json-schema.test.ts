import { expect } from 'chai';
import * as fc from 'fast-check';
import { SchemaUnusableError, type SchemaSource } from '../../../../data-plane/schemas/formats/format.ts';
import { jsonSchemaFormat } from '../../../../data-plane/schemas/formats/json-schema.ts';
import { RequestError } from '../../../../shared/errors.ts';
import { formatContract } from '../../../contracts/format-contract.ts';
import { formatOptions } from '../format-options.ts';

const prefix = Buffer.from([0, 0, 0, 0, 7]);
const uris = {
  'draft-04': 'http://json-schema.org/draft-04/schema#',
  'draft-06': 'http://json-schema.org/draft-06/schema#',
  'draft-07': 'http://json-schema.org/draft-07/schema#',
  '2019-09': 'https://json-schema.org/draft/2019-09/schema',
  '2020-12': 'https://json-schema.org/draft/2020-12/schema',
};
type Draft = keyof typeof uris;

/** The faults as `pointer rule expected`; none when the text fits. */
async function faultsOf(
  schema: unknown,
  jsonText: string,
  references: SchemaSource['references'] = [],
): Promise<string[]> {
  const compiled = await jsonSchemaFormat.compile({ text: JSON.stringify(schema), references }, formatOptions());
  try {
    expect(compiled.encode(jsonText, prefix)).to.deep.equal(Buffer.concat([prefix, Buffer.from(jsonText)]));
    return [];
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    expect(error.code).to.equal('SCHEMA_VALIDATION_FAILED');
    return (error.details ?? []).map(({ pointer, rule, expected }) => `${pointer} ${rule} ${expected}`);
  }
}

async function unusable(source: Partial<SchemaSource> & { text: string }): Promise<string> {
  try {
    await jsonSchemaFormat.compile({ references: [], ...source }, formatOptions());
  } catch (error) {
    if (error instanceof SchemaUnusableError) return error.message;
    throw error;
  }
  return 'usable';
}

/** A schema with `then`. */
const conditional = (condition: unknown): object =>
  Object.fromEntries([
    ['if', condition],
    // It is never awaited.
    // oxlint-disable-next-line unicorn/no-thenable
    ['then', false],
  ]);

/** CPU time of the longest turn of the event loop until the promise is settled. */
async function longestTurnMs(promise: Promise<unknown>): Promise<number> {
  let isSettled = false;
  const settled = promise.finally(() => (isSettled = true));
  let longestMs = 0;
  while (!isSettled) {
    const start = process.cpuUsage();
    await new Promise((resolve) => setImmediate(resolve));
    const { user, system } = process.cpuUsage(start);
    longestMs = Math.max(longestMs, (user + system) / 1_000);
  }
  await settled;
  return longestMs;
}

describe('JSON Schema', () => {
  it('reports every fault with its pointer', async () => {
    const schema = {
      type: 'object',
      required: ['id', 'a/b'],
      additionalProperties: false,
      properties: {
        id: { type: 'integer', minimum: 1 },
        kind: { enum: ['x', 'y'] },
        one: { const: 1 },
        tags: { type: 'array', items: { type: 'string', maxLength: 2 } },
        mail: { format: 'email' },
        code: { pattern: '^a' },
        'm~n': { type: ['string', 'null'] },
      },
    };
    const value = { id: 0, kind: 'z', one: 2, tags: ['a', 'abc', 1], mail: '@', code: 'b', 'm~n': 1, more: 1 };
    expect((await faultsOf(schema, JSON.stringify(value))).toSorted()).to.deep.equal(
      [
        '/a~1b required a value',
        '/more additionalProperties no such property',
        '/id minimum >= 1',
        '/kind enum one of ["x","y"]',
        '/one const 1',
        '/tags/1 maxLength maxLength 2',
        '/tags/2 type string',
        '/mail format format email',
        '/code pattern pattern ^a',
        '/m~0n type ["string","null"]',
      ].toSorted(),
    );
  });

  /** What each draft has that another reads in another way. */
  const drafts: [Draft, schema: object, jsonText: string, rules: string[]][] = [
    ['draft-04', { minimum: 1, exclusiveMinimum: true }, '1', ['minimum']],
    ['draft-04', { maximum: 1, exclusiveMaximum: true }, '0.5', []],
    ['draft-04', { minimum: 1 }, '1', []],
    ['draft-04', { const: 1, contains: { type: 'string' }, propertyNames: { maxLength: 1 } }, '[2]', []],
    ['draft-04', conditional(true), '1', []],
    ['draft-04', { items: [{ type: 'string' }], additionalItems: false }, '["a",1]', ['additionalItems']],
    ['draft-04', { dependencies: { a: ['b'] } }, '{"a":1}', ['dependencies']],
    ['draft-04', { properties: { a: { format: 'date-time' } } }, '{"a":"x"}', ['format']],
    ['draft-04', { id: 'http://x/a', definitions: { b: { id: '#b', type: 'string' } }, $ref: '#b' }, '1', ['type']],
    ['draft-06', { exclusiveMinimum: 1 }, '1', ['exclusiveMinimum']],
    ['draft-06', conditional(true), '1', []],
    ['draft-06', { $ref: '#/definitions/a', definitions: { a: { type: 'string' } } }, '1', ['type']],
    ['draft-06', { contains: { type: 'string' } }, '[1]', ['type', 'contains']],
    ['draft-07', { definitions: { a: true }, $ref: '#/definitions/a', type: 'string' }, '1', []],
    ['2019-09', { $defs: { a: true }, $ref: '#/$defs/a', type: 'string' }, '1', ['type']],
    ['draft-07', conditional({ type: 'number' }), '1', ['false schema', 'if']],
    ['draft-07', { items: [{ type: 'string' }], additionalItems: false }, '["a",1]', ['additionalItems']],
    ['draft-07', { dependencies: { a: ['b'] } }, '{"a":1}', ['dependencies']],
    ['draft-07', { prefixItems: [{ type: 'string' }] }, '[1]', []],
    ['2019-09', { dependentRequired: { a: ['b'] } }, '{"a":1}', ['dependentRequired']],
    ['2019-09', { properties: { a: true }, unevaluatedProperties: false }, '{"b":1}', ['unevaluatedProperties']],
    ['2019-09', { items: [{ type: 'string' }] }, '[1]', ['type']],
    ['2019-09', { contains: { type: 'string' }, minContains: 2 }, '["a"]', ['contains']],
    ['2020-12', { prefixItems: [{ type: 'string' }], items: false }, '[1]', ['type']],
    ['2020-12', { prefixItems: [true], items: false }, '[1,2]', ['items']],
    ['2020-12', { $defs: { a: { type: 'string' } }, $ref: '#/$defs/a' }, '1', ['type']],
    [
      '2020-12',
      { $dynamicAnchor: 'n', type: 'object', properties: { a: { $dynamicRef: '#n' } } },
      '{"a":{"a":1}}',
      ['type'],
    ],
  ];
  for (const [draft, schema, jsonText, rules] of drafts) {
    it(`${draft} takes ${JSON.stringify(schema)} of ${jsonText} as ${rules.join(', ') || 'good'}`, async () => {
      const found = (await faultsOf({ $schema: uris[draft], ...schema }, jsonText)).map((fault) => fault.split(' ')[1]);
      expect(found).to.deep.equal(rules.map((rule) => rule.split(' ')[0]));
    });
  }

  it('takes a schema without $schema as draft 7, and every spelling of a draft', async () => {
    expect(await faultsOf({ items: [{ type: 'string' }] }, '[1]')).to.have.length(1);
    for (const $schema of [...Object.values(uris), 'https://json-schema.org/draft-07/schema']) {
      expect(await faultsOf({ $schema, type: 'string' }, '1')).to.deep.equal([' type string']);
    }
    expect(await faultsOf(true, '1')).to.deep.equal([]);
    expect(await faultsOf(false, '1')).to.have.length(1);
  });

  const texts = (schemas: Readonly<Record<string, object>>): SchemaSource['references'] =>
    Object.entries(schemas).map(([name, schema]) => ({ name, text: JSON.stringify(schema) }));
  const inner = { type: 'object', required: ['a'] };
  const referring: [what: string, schema: object, references: SchemaSource['references']][] = [
    ['by name', { $ref: 'inner.json' }, texts({ 'inner.json': inner })],
    ['by a name relative to $id', { $id: 'http://x/o.json', $ref: 'inner.json' }, texts({ 'inner.json': inner })],
    [
      'by name, with an $id of its own',
      { $ref: 'inner.json' },
      texts({ 'inner.json': { $id: 'http://y/i', ...inner } }),
    ],
    ['by its $id', { $ref: 'http://y/i' }, texts({ 'inner.json': { $id: 'http://y/i', ...inner } })],
    ['by a name that is its $id', { $ref: 'http://y/i' }, texts({ 'http://y/i': { $id: 'http://y/i#', ...inner } })],
    [
      'by a pointer into it',
      { $ref: 'inner.json#/definitions/d' },
      texts({ 'inner.json': { definitions: { d: inner } } }),
    ],
    [
      'through another',
      { $id: 'http://x/o.json', $ref: 'mid.json' },
      texts({ 'inner.json': inner, 'mid.json': { $id: 'http://z/mid.json', allOf: [{ $ref: 'inner.json' }] } }),
    ],
  ];
  for (const [what, schema, references] of referring) {
    for (const draft of ['draft-04', 'draft-06', 'draft-07', '2019-09', '2020-12'] as const) {
      it(`resolves a reference ${what} in ${draft}`, async () => {
        // Draft 4 spells it without the dollar sign.
        const spelled = (text: string): string => (draft === 'draft-04' ? text.replaceAll('"$id"', '"id"') : text);
        const outer: unknown = JSON.parse(spelled(JSON.stringify({ $schema: uris[draft], ...schema })));
        const others = references.map(({ name, text }) => ({ name, text: spelled(text) }));
        expect(await faultsOf(outer, '{"a":1}', others)).to.deep.equal([]);
        expect(await faultsOf(outer, '{}', others)).to.deep.equal(['/a required a value']);
      });
    }
  }

  const bad: [what: string, source: Partial<SchemaSource> & { text: string }, message: RegExp][] = [
    ['what is not JSON', { text: '{' }, /^the JSON Schema is not JSON$/],
    ['an array', { text: '[]' }, /neither an object nor a boolean/],
    [
      'a faulty keyword',
      { text: '{"type":"text"}' },
      /^the JSON Schema is faulty: the value of 'type' is not one that it may have$/,
    ],
    [
      'a keyword of the wrong kind',
      { text: '{"required":"a"}' },
      /^the JSON Schema is faulty: the value of 'required'/,
    ],
    [
      'what only a later draft takes',
      { text: `{"$schema":"${uris['2020-12']}","items":[{}]}` },
      /^the JSON Schema is faulty: the value of 'items'/,
    ],
    ['a faulty pattern', { text: '{"pattern":"("}' }, /^the JSON Schema is faulty: /],
    ['an unknown reference', { text: '{"$ref":"x.json"}' }, /x\.json/],
    [
      'a schema that applies itself to the same value',
      { text: '{"allOf":[{"$ref":"#"}]}' },
      /refers to itself without end/,
    ],
    [
      'a circle of references alone',
      {
        text: '{"$ref":"#/definitions/a","definitions":{"a":{"$ref":"#/definitions/b"},"b":{"$ref":"#/definitions/a"}}}',
      },
      /refers to itself without end/,
    ],
    ['a schema nested too deeply', { text: '{"not":'.repeat(600) + '{}' + '}'.repeat(600) }, /nested too deeply/],
    ['a schema that is too long', { text: ' '.repeat(8 * 1024 * 1024 + 1) }, /longer than 8388608 characters/],
    [
      'a vocabulary that it requires and nobody knows',
      {
        text: '{"$schema":"http://m"}',
        references: [{ name: 'http://m', text: '{"$vocabulary":{"http://v":true}}' }],
      },
      /requires the vocabulary 'http:\/\/v'/,
    ],
    [
      'a faulty reference',
      { text: '{"$ref":"r"}', references: [{ name: 'r', text: '{"type":1}' }] },
      /the value of 'type'/,
    ],
  ];
  for (const [what, source, message] of bad) {
    it(`refuses ${what}`, async () => expect(await unusable(source)).to.match(message));
  }

  it('refuses what is not JSON or nested too deeply', async () => {
    const schema = { definitions: { a: { items: { $ref: '#/definitions/a' } } }, allOf: [{ $ref: '#/definitions/a' }] };
    const compiled = await jsonSchemaFormat.compile({ text: JSON.stringify(schema), references: [] }, formatOptions());
    for (const text of ['', '{', '\ufeff{}', `${'['.repeat(200_000)}${']'.repeat(200_000)}`]) {
      expect(() => compiled.encode(text, prefix))
        .to.throw(RequestError)
        .with.property('code', 'BODY_INVALID');
    }
  });

  it('does not take inherited names for properties, nor decimals for their binary neighbours', async () => {
    expect(await faultsOf({ required: ['toString'] }, '{}')).to.deep.equal(['/toString required a value']);
    expect(await faultsOf({ multipleOf: 0.01 }, '0.07')).to.deep.equal([]);
    expect(await faultsOf({ multipleOf: 0.01 }, '0.075')).to.have.length(1);
  });

  it('finds duplicate items in time linear in the text', async () => {
    expect(await faultsOf({ uniqueItems: true }, '[1,"1",[1],{"a":1,"b":2},null,false,0]')).to.deep.equal([]);
    expect(await faultsOf({ uniqueItems: false }, '[1,1]')).to.deep.equal([]);
    for (const twice of ['[1,1.0]', '[0,-0]', '[{"a":1,"b":[2]},0,{"b":[2],"a":1}]', '[[],[]]']) {
      expect(await faultsOf({ uniqueItems: true }, twice), twice).to.deep.equal([' uniqueItems uniqueItems']);
    }
    const many = JSON.stringify(Array.from({ length: 100_000 }, (_one, n) => [n]));
    const startedMs = performance.now();
    expect(await faultsOf({ uniqueItems: true }, many)).to.deep.equal([]);
    expect(performance.now() - startedMs).to.be.below(5_000);
  });

  it('bounds the faults that it lists', async () => {
    const schema = { items: { type: 'string' } };
    expect(await faultsOf(schema, JSON.stringify(Array(2_000).fill(1)))).to.have.length(1_000);
    expect(await faultsOf(schema, JSON.stringify(Array(100_000).fill(1)))).to.have.length(1_000);
  });

  it('compares with const and enum whatever members a value has', async () => {
    const tricky = { toString: 1, valueOf: null, constructor: { a: [1] }, a: { b: 1 } };
    for (const draft of ['draft-06', 'draft-07', '2019-09', '2020-12'] as const) {
      const constant = { $schema: uris[draft], const: { a: { b: 1 } } };
      expect(await faultsOf(constant, JSON.stringify(tricky))).to.deep.equal([' const {"a":{"b":1}}']);
      expect(await faultsOf(constant, '{"a":{"b":1.0}}')).to.deep.equal([]);
      expect(
        await faultsOf({ const: tricky }, JSON.stringify(Object.fromEntries(Object.entries(tricky).toReversed()))),
      ).to.deep.equal([]);
    }
    const several = { enum: [{ a: 1 }, ['x'], 'y', null, 0] };
    for (const text of ['{"a":1}', '["x"]', '"y"', 'null', '0', '-0'])
      expect(await faultsOf(several, text)).to.deep.equal([]);
    for (const text of [JSON.stringify(tricky), '["y"]', '"x"', '{}', '[]', 'false', '1']) {
      expect(await faultsOf(several, text), text).to.have.length(1);
    }
    const each = { items: { allOf: [{ enum: ['x'] }, { const: 'x' }] } };
    const at = (place: string) => [`${place} enum one of ["x"]`, `${place} const "x"`];
    expect(await faultsOf(each, '["y","x","z"]')).to.deep.equal([...at('/0'), ...at('/2')]);
    // Draft 4 has no const.
    expect(await faultsOf({ $schema: uris['draft-04'], const: 1 }, '2')).to.deep.equal([]);
  });

  it('refuses a schema whose required names are not texts', async () => {
    expect(await unusable({ text: JSON.stringify({ required: [{ toString: 0 }] }) })).to.include(
      'the JSON Schema is faulty',
    );
    expect(await unusable({ text: JSON.stringify({ enum: [] }) })).to.include('the JSON Schema is faulty');
    expect(await unusable({ text: JSON.stringify({ properties: { required: { enum: [[1]] } } }) })).to.equal('usable');
  });

  /** Schemas from public reports that registries take and validators have refused or misread. */
  const widened: [what: string, schema: object, fits: string[], misfits: string[]][] = [
    [
      'id is no keyword since draft 6',
      { $schema: uris['draft-06'], id: 'http://example.org/json-schema/4.0', type: 'object' },
      ['{}'],
      ['1'],
    ],
    ['id within a schema', { properties: { a: { id: '/properties/a', type: 'string' } } }, ['{"a":""}'], ['{"a":1}']],
    [
      'nullable beside $ref',
      { properties: { a: { $ref: '#/definitions/x', nullable: true } }, definitions: { x: { type: 'string' } } },
      ['{"a":"x"}'],
      ['{"a":null}'],
    ],
    ['nullable beside allOf', { allOf: [{ type: 'string' }], nullable: true }, ['"x"'], ['null']],
    ['nullable beside enum', { enum: ['x'], nullable: true }, ['"x"'], ['null']],
    ['nullable beside type', { type: 'string', nullable: true }, ['"x"'], ['null']],
    ['nullable that forbids what type allows', { type: ['string', 'null'], nullable: false }, ['null'], ['1']],
    ['nullable that is no boolean', { type: 'string', nullable: 'yes' }, ['"x"'], ['1']],
    ['nullable as a name', { properties: { nullable: { type: 'string' } } }, ['{"nullable":"x"}'], ['{"nullable":1}']],
    [
      'nullable below an unknown keyword',
      { $ref: '#/components/x', components: { x: { enum: ['x'], nullable: true } } },
      ['"x"'],
      ['null'],
    ],
    ['$async', { $async: true, type: 'string' }, ['"x"'], ['1']],
    ['a pattern with needless escapes', { pattern: '^\\d{4}\\-\\d{2}$' }, ['"2024-01"'], ['"2024"']],
    ['a pattern of Python', { patternProperties: { '\\A(?:a)\\Z': false } }, ['{"aa":1}'], ['{"a":1}']],
    ['an empty $schema', { $schema: '', items: [{ type: 'string' }] }, ['["x"]'], ['[1]']],
    [
      'the latest $schema',
      { $schema: 'http://json-schema.org/schema#', properties: { id: { type: 'integer' } } },
      ['{"id":1}'],
      ['{"id":""}'],
    ],
    ['an unknown $schema', { $schema: 'http://x', items: [{ type: 'string' }] }, ['["x"]'], ['[1]']],
    [
      'draft 5',
      { $schema: 'http://json-schema.org/draft-05/schema#', minimum: 1, exclusiveMinimum: true },
      ['2'],
      ['1'],
    ],
    [
      'draft 3',
      { $schema: 'http://json-schema.org/draft-03/schema#', minimum: 1, exclusiveMinimum: true },
      ['2'],
      ['1'],
    ],
    [
      'hyper-schema',
      { $schema: 'http://json-schema.org/draft-04/hyper-schema#', minimum: 1, exclusiveMinimum: true },
      ['2'],
      ['1'],
    ],
    [
      "OpenAPI 3.1's dialect",
      { $schema: 'https://spec.openapis.org/oas/3.1/dialect/base', prefixItems: [{ type: 'string' }] },
      ['["x"]'],
      ['[1]'],
    ],
    [
      '$dynamicRef',
      {
        $schema: uris['2020-12'],
        properties: { name: { type: 'string' }, schema: { $dynamicRef: '#meta' } },
        required: ['name'],
        $defs: { schema: { $dynamicAnchor: 'meta', type: ['object', 'boolean'] } },
      },
      ['{"name":"limit","schema":{"type":"integer"}}'],
      ['{"name":"limit","schema":1}', '{}'],
    ],
    [
      '$dynamicRef to a detached anchor',
      {
        $schema: uris['2020-12'],
        $ref: '#/$defs/checkEach',
        $defs: {
          checkEach: { $dynamicRef: '#detached' },
          detached: { $dynamicAnchor: 'detached', properties: { a: { type: 'integer' } } },
        },
      },
      ['{"a":1}'],
      ['{"a":""}'],
    ],
  ];
  for (const [what, schema, fits, misfits] of widened) {
    it(`reads ${what} as JSON Schema does`, async () => {
      for (const text of fits) expect(await faultsOf(schema, text), text).to.deep.equal([]);
      for (const text of misfits) expect(await faultsOf(schema, text), text).to.have.length.above(0);
    });
  }

  it('reads a reference of another draft by that draft', async () => {
    const references = texts({ 'r.json': { $schema: uris['draft-04'], minimum: 1, exclusiveMinimum: true } });
    const schema = { $schema: uris['2020-12'], $ref: 'r.json' };
    expect(await faultsOf(schema, '2', references)).to.deep.equal([]);
    expect(await faultsOf(schema, '1', references)).to.deep.equal([' minimum > 1']);
  });

  it('cuts long texts of faults, lists 64 KiB of them and counts all', async () => {
    const schema = {
      additionalProperties: { items: { enum: Array.from({ length: 500 }, (_one, n) => `value ${n}`) } },
    };
    const body = JSON.stringify({ ['ü'.repeat(100_000)]: Array(5_000).fill(1) });
    const compiled = await jsonSchemaFormat.compile({ text: JSON.stringify(schema), references: [] }, formatOptions());
    let refusal: unknown;
    try {
      compiled.encode(body, prefix);
    } catch (error) {
      refusal = error;
    }
    if (!(refusal instanceof RequestError)) throw new Error('not refused');
    const { details = [], detailsTotal } = refusal;
    expect(detailsTotal).to.equal(5_000);
    for (const { pointer = '', expected = '' } of details) {
      expect([pointer.length, expected.length, pointer.slice(-2)]).to.deep.equal([300, 300, 'ü…']);
    }
    expect(JSON.stringify(details).length).to.be.within(40_000, 90_000);
  });

  const endless: [what: string, schema: object][] = [
    ['anyOf', { anyOf: [{ type: 'string' }, { $ref: '#' }] }],
    ['not', { not: { $ref: '#' } }],
    ['if', conditional({ $ref: '#' })],
    ['dependencies', { dependencies: { a: { $ref: '#' } } }],
  ];
  for (const [what, schema] of endless) {
    it(`refuses a value for which ${what} leads back to the schema without end, and says that it was not sent`, async () => {
      const source = { text: JSON.stringify(schema), references: [] };
      const compiled = await jsonSchemaFormat.compile(source, formatOptions());
      expect(() => compiled.encode('{"a":1}', prefix))
        .to.throw(RequestError)
        .with.property('code', 'SCHEMA_UNUSABLE');
    });
  }

  it('refuses a body that would overflow the stack', async () => {
    const deep = (levels: number): object =>
      levels === 0 ? { $ref: '#' } : { anyOf: [{ anyOf: [deep(levels - 1)] }] };
    const text = JSON.stringify({ properties: { a: deep(80) } });
    const compiled = await jsonSchemaFormat.compile({ text, references: [] }, formatOptions());
    const nested = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
    expect(compiled.encode(nested(2), prefix)).to.be.instanceOf(Buffer);
    expect(() => compiled.encode(nested(400), prefix))
      .to.throw(RequestError)
      .with.property('code', 'BODY_INVALID');
  });

  it('does not block the process while a schema of megabytes compiles', async () => {
    const link = (n: number): object => ({ description: 'x'.repeat(100), $ref: `#/definitions/d${n}` });
    const names = Array.from({ length: 400 }, (_one, n) => n);
    const definition = (n: number): object => ({
      additionalProperties: false,
      properties: Object.fromEntries(names.slice(0, 40).map((to) => [`p${to}`, link((n * 7 + to) % 400)])),
    });
    const schema = {
      oneOf: names.slice(0, 150).map(link),
      definitions: Object.fromEntries(names.map((n) => [`d${n}`, definition(n)])),
    };
    const text = JSON.stringify(schema);
    expect(text.length).to.be.above(2_000_000);
    // What else happens at the time counts too: the best of three.
    let smallestMs = Number.POSITIVE_INFINITY;
    for (let time = 0; time < 3; time++) {
      const compiling = Promise.resolve(jsonSchemaFormat.compile({ text, references: [] }, formatOptions()));
      smallestMs = Math.min(smallestMs, await longestTurnMs(compiling));
    }
    expect(smallestMs).to.be.below(20);
  });

  it('sends every value unchanged', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), async (text) => {
        expect(await faultsOf(true, text)).to.deep.equal([]);
      }),
      { numRuns: 30 },
    );
  });
});

formatContract('JSON Schema', () => {
  const object = (second: string, type: object = { type: 'string' }) => ({
    type: 'object',
    properties: {
      id: { type: 'integer' },
      [second]: type,
      inner: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] },
    },
    required: ['id', second, 'inner'],
  });
  return {
    format: jsonSchemaFormat,
    schema: JSON.stringify(object('name')),
    otherSchema: JSON.stringify(object('other')),
    withoutReference: JSON.stringify(object('name', { $ref: 'elsewhere.json' })),
    decode(payload) {
      const text = payload.toString('utf8');
      return { ...(JSON.parse(text) as object), id: /"id":(\d+)/.exec(text)?.[1] };
    },
  };
});
