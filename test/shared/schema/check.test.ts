import { expect } from 'chai';
import { checkField, checkRecord, type AutoValues } from '../../../shared/schema/check.ts';
import { atLeastOneOf } from '../../../shared/schema/checks.ts';
import { faultMessage, faultTree } from '../../../shared/schema/faults.ts';
import {
  array,
  boolean,
  element,
  foreign,
  integer,
  map,
  number,
  record,
  set,
  string,
  type Field,
  type Fields,
} from '../../../shared/schema/field.ts';

const auto: AutoValues = { uuid: () => '00000000-0000-4000-8000-000000000001', token: () => 'word', now: () => 1000 };

function messageOf(field: Field, value: unknown): string | undefined {
  const checked = checkRecord({ fields: { a: field } }, value === undefined ? {} : { a: value });
  return checked.kind === 'ok' ? undefined : faultMessage(checked.faults);
}

const one = (text: string) => `schema violation (${text})`;

describe('the check of a field', () => {
  const server = record(
    { host: string({ required: true }), port: integer({ required: true, between: [0, 65_535] }) },
    element,
  );
  const rows: readonly (readonly [string, Field, unknown, string | undefined])[] = [
    ['a required field that is absent', string({ required: true }), undefined, one('a: required field missing')],
    ['a required field that is null', string({ required: true, default: 'x' }), null, one('a: required field missing')],
    ['an integer for a string', string(), 5, one('a: expected a string')],
    ['an empty string', string(), '', one('a: length must be at least 1')],
    ['an empty string that is allowed', string({ lenMin: 0 }), '', undefined],
    ['a long string', string({ lenMax: 2 }), 'abc', one('a: length must be at most 2')],
    ['half a surrogate pair', string(), '\ud800', one('a: invalid value: not valid utf-8')],
    ['one of', string({ oneOf: ['x', 'y'] }), 'z', one('a: expected one of: x, y')],
    ['a UUID', string({ uuid: true }), 'z', one('a: expected a valid UUID')],
    ['a start', string({ startsWith: '/' }), 'x', one('a: should start with: /')],
    ['a check of its own', string({ check: (v) => (v === 'bad' ? 'not that' : undefined) }), 'bad', one('a: not that')],
    ['a reference', string({ oneOf: ['x'], referenceable: true }), '{vault://env/X}', undefined],
    [
      'a reference that no node can resolve',
      string({ referenceable: true }),
      '{vault://aws/X}',
      one(
        "a: cannot be resolved by any node: there is no vault 'aws'; expected {vault://env/NAME} or {vault://env/NAME/KEY}",
      ),
    ],
    [
      'a reference that YAML read as a map',
      string({ referenceable: true }),
      { 'vault://env/X': null },
      one('a: expected a string; write the reference in quotes: "{vault://env/X}"'),
    ],
    ['a reference where none may be', string({ oneOf: ['x'] }), '{vault://env/X}', one('a: expected one of: x')],
    ['a float for an integer', integer(), 1.5, one('a: expected an integer')],
    ['a whole float for an integer', integer(), 5.0, undefined],
    ['a string for an integer', integer(), '5', one('a: expected an integer')],
    ['infinity', integer(), Number.POSITIVE_INFINITY, one('a: expected an integer')],
    ['the largest exact integer', integer(), Number.MAX_SAFE_INTEGER, undefined],
    ['an integer that was rounded', integer(), 2 ** 53, one('a: expected an integer')],
    ['below a range', integer({ between: [1, 5] }), 0, one('a: value should be between 1 and 5')],
    ['above a range', integer({ between: [1, 5] }), 1e300, one('a: value should be between 1 and 5')],
    ['the ends of a range', integer({ between: [1, 5] }), 5, undefined],
    ['a bound that is left out', number({ gt: 0 }), 0, one('a: value must be greater than 0')],
    ['a listed integer', integer({ oneOf: [426, 301] }), 302, one('a: expected one of: 426, 301')],
    ['a string for a number', number(), '1', one('a: expected a number')],
    ['a string for a boolean', boolean(), 'true', one('a: expected a boolean')],
    ['a string for an array', array(string()), 'x', one('a: expected an array')],
    ['a string for a set', set(string()), 'x', one('a: expected a set')],
    ['an array for a map', map(string(), string()), ['x'], one('a: expected a map')],
    ['an array for a record', record({}), ['x'], one('a: expected a record')],
    ['an empty list where one is too few', set(string(), { lenMin: 1 }), [], one('a: length must be at least 1')],
    ['an element', array(string(element)), ['x', 1], one('a.2: expected a string')],
    ['null as an element', array(string(element)), [null], one('a.1: required field missing')],
    [
      'a field of an element',
      array(server),
      [{ host: 'x', port: 70_000 }],
      one('a.1.port: value should be between 0 and 65535'),
    ],
    ['a value of a map', map(string(), integer(element)), { x: 'y' }, one('a.x: expected an integer')],
    ['a key of a map', map(string({ oneOf: ['x'] }), string()), { y: 'z' }, one('a.y: expected one of: x')],
    ['a field of a record that is not known', record({}), { x: 1 }, one('a.x: unknown field')],
    ['a reference without a key', foreign('services'), {}, one('a.id: missing primary key')],
    ['a reference that is no UUID', foreign('services'), { id: 'x' }, one('a.id: expected a valid UUID')],
    ['a reference that is a string', foreign('services'), 'x', one('a: expected a record')],
    ['what only null may be', string({ eq: null }), 'x', one('a: value must be null')],
    ['null where only that may be', string({ eq: null }), null, undefined],
  ];
  for (const [name, field, value, message] of rows) {
    it(name, () => expect(messageOf(field, value)).to.equal(message));
  }
});

describe('the check of a record', () => {
  const fields: Fields = {
    id: string({ uuid: true, auto: true }),
    created_at: integer({ auto: true }),
    label: string({ auto: true }),
    port: integer({ required: true, default: 80 }),
    retries: integer({ default: 5 }),
    list: array(string(element), { default: [] }),
    kept: record({ on: boolean({ default: true }), name: string({ required: true }) }),
    filled: record(
      { on: boolean({ default: true }), inner: record({ x: integer({ default: 1 }) }) },
      { required: true },
    ),
    servers: set(record({ host: string({ required: true }), port: integer({ default: 9092 }) }, element)),
    parent: foreign('services'),
  };
  const values = (input: unknown, given: AutoValues | undefined = auto) => {
    const checked = checkRecord({ fields }, input, given);
    if (checked.kind === 'faults') throw new Error(faultMessage(checked.faults));
    return checked.value;
  };

  it('fills defaults; an absent optional record stays null, a required one is filled', () => {
    expect(values({})).to.deep.equal({
      id: auto.uuid(),
      created_at: 1000,
      label: 'word',
      port: 80,
      retries: 5,
      list: [],
      kept: null,
      filled: { on: true, inner: null },
      servers: null,
      parent: null,
    });
  });

  it('keeps null for an automatic word, not for an id or a time, and takes the default where there is one', () => {
    expect(values({ id: null, created_at: null, label: null, retries: null })).to.include({
      id: auto.uuid(),
      created_at: 1000,
      label: null,
      retries: 5,
    });
  });

  it('leaves automatic fields null when nothing is written', () => {
    const checked = checkRecord({ fields }, {});
    expect(checked.kind === 'ok' && checked.value['label']).to.equal(null);
  });

  it('fills the defaults of elements and keeps the first of equal ones', () => {
    const servers = [{ host: 'a' }, { host: 'b', port: 1 }, { host: 'a', port: 9092 }];
    expect(values({ servers })['servers']).to.deep.equal([
      { host: 'a', port: 9092 },
      { host: 'b', port: 1 },
    ]);
  });

  it('hands out defaults that are not shared', () => {
    expect(values({})['list']).to.not.equal(values({})['list']);
  });

  it('takes references by id, in lower case, or by name, without further keys', () => {
    const id = 'ABCDEF00-0000-4000-8000-000000000001';
    expect(values({ parent: { id, name: 'x', other: 1 } })['parent']).to.deep.equal({ id: id.toLowerCase() });
    expect(values({ parent: { name: 'x', other: 1 } })['parent']).to.deep.equal({ name: 'x' });
  });

  it('reports all faults at once, in the shape of the record', () => {
    const checks = [atLeastOneOf(['port', 'retries']), () => [{ path: [], message: 'never' }]];
    const checked = checkRecord(
      { fields, checks },
      { port: 'x', list: ['a', 1, 2], kept: { on: false }, what: 1, constructor: 2, servers: [{ host: 'a' }, {}] },
    );
    if (checked.kind === 'ok') throw new Error('no fault');
    expect(faultTree(checked.faults)).to.deep.equal({
      '@entity': ['never'],
      port: 'expected an integer',
      list: [null, 'expected a string', 'expected a string'],
      kept: { name: 'required field missing' },
      servers: [null, { host: 'required field missing' }],
      what: 'unknown field',
      constructor: 'unknown field',
    });
    expect(faultMessage(checked.faults)).to.equal(
      '8 schema violations (never; constructor: unknown field; kept.name: required field missing; ' +
        'list.2: expected a string; list.3: expected a string; port: expected an integer; ' +
        'servers.2.host: required field missing; what: unknown field)',
    );
  });

  it('treats names of object internals as names', () => {
    const input: unknown = JSON.parse('{"__proto__": {"port": 1}, "toString": 1}');
    const checked = checkRecord({ fields }, input);
    expect(checked.kind === 'faults' && Object.keys(faultTree(checked.faults)).sort()).to.deep.equal([
      '__proto__',
      'toString',
    ]);
    const aMap = checkField(map(string(), integer()), JSON.parse('{"__proto__": 1}'));
    expect(aMap.kind === 'ok' && Object.entries(aMap.value ?? {})).to.deep.equal([['__proto__', 1]]);
  });

  it('refuses values that are no records', () => {
    for (const input of [null, [], 'x', 1]) expect(checkRecord({ fields }, input).kind).to.equal('faults');
  });
});
