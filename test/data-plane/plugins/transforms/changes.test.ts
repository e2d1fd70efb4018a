import { expect } from 'chai';
import { HeaderList } from '../../../../data-plane/plugin-api/header-list.ts';
import {
  applyChanges,
  isEmpty,
  type Changes,
  type NamedValues,
} from '../../../../data-plane/plugins/transforms/changes.ts';
import { headerValues } from '../../../../data-plane/plugins/transforms/header-values.ts';
import { JsonObject } from '../../../../data-plane/plugins/transforms/json-object.ts';
import { PairList } from '../../../../data-plane/plugins/transforms/pair-list.ts';

const none: Changes<string, undefined> = { remove: [], rename: [], replace: [], add: [], append: [] };
const value = (name: string, text: string) => ({ name, make: () => text });
const remove = (...names: string[]) => ({ ...none, remove: names });
const rename = (from: string, to: string) => ({ ...none, rename: [[from, to] as const] });
const replace = (name: string, text: string) => ({ ...none, replace: [value(name, text)] });
const add = (name: string, text: string) => ({ ...none, add: [value(name, text)] });
const append = (name: string, text: string) => ({ ...none, append: [value(name, text)] });

type Row = readonly [what: string, before: string, changes: Changes<string, undefined>, after: string];

function check(rows: readonly Row[], open: (before: string) => NamedValues<string> & { toString(): string }): void {
  for (const [what, before, changes, after] of rows) {
    it(what, () => {
      const values = open(before);
      applyChanges(values, changes, undefined);
      expect(String(values)).to.equal(after);
    });
  }
}

describe('changes of a query or form', () => {
  check(
    [
      ['leave the rest as it was written', 'b=%7e&a=1&c=+&a', remove('a'), 'b=%7e&c=+'],
      ['remove a name that is escaped', '%61=1&b=2', remove('a'), 'b=2'],
      ['rename', 'a=%31&b=2&c=3', rename('a', 'c'), 'c=%31&b=2'],
      ['rename nothing', 'b=2', rename('a', 'c'), 'b=2'],
      ['rename a bare name', 'a&b', rename('a', 'c d'), 'c%20d&b'],
      ['replace what is there', 'a=1&b=2&a=3', replace('a', 'x&y'), 'a=x%26y&b=2'],
      ['replace nothing', 'b=2', replace('a', 'x'), 'b=2'],
      ['add what is not there', '', add('a', '1'), 'a=1'],
      ['add nothing', 'a=0', add('a', '1'), 'a=0'],
      ['append', 'a=0', append('a', 'ü'), 'a=0&a=%C3%BC'],
      ['take half a surrogate pair', '', append('a', '\ud800'), 'a=%EF%BF%BD'],
    ],
    (before) => new PairList(before),
  );
});

describe('changes of a JSON object', () => {
  const open = (before: string) => {
    const object = JsonObject.parse(before);
    if (object === undefined) throw new Error('no object');
    return object;
  };
  check(
    [
      [
        'keep every digit',
        '{"n": 12345678901234567890.10, "a":{"b":[1, 2]}}',
        remove('x'),
        '{"n":12345678901234567890.10,"a":{"b":[1, 2]}}',
      ],
      ['remove', '{"a":1,"\\u0062":2}', remove('b'), '{"a":1}'],
      ['rename', '{"a":{"x":1},"b":2}', rename('a', 'b'), '{"b":{"x":1}}'],
      ['replace', '{"a":1}', replace('a', '"x"'), '{"a":"x"}'],
      ['replace nothing', '{}', replace('a', '"x"'), '{}'],
      ['add', '{}', add('a', 'true'), '{"a":true}'],
      ['add to an empty body', '', add('a', '1'), '{"a":1}'],
      ['add nothing', '{"a":null}', add('a', '1'), '{"a":null}'],
      ['append to a list', '{"a":[1]}', append('a', '2'), '{"a":[1,2]}'],
      ['append to an empty list', '{"a":[ ]}', append('a', '2'), '{"a":[2]}'],
      ['append to a value', '{"a":"x"}', append('a', '2'), '{"a":["x",2]}'],
      ['append to nothing', '{}', append('a', '2'), '{"a":[2]}'],
      ['are safe with odd names', '{"__proto__":1}', rename('__proto__', 'constructor'), '{"constructor":1}'],
      ['let the last of a repeated name count', '{"a":1,"a":2}', add('b', '3'), '{"a":2,"b":3}'],
    ],
    open,
  );

  it('are made to objects alone', () => {
    for (const text of ['[1]', '1', '"{}"', '{', 'null']) expect(JsonObject.parse(text), text).to.equal(undefined);
  });
});

describe('changes of headers', () => {
  const rows: readonly [what: string, before: string[], changes: Changes<string, undefined>, after: string[]][] = [
    ['remove in any case', ['X-A', '1', 'B', '2', 'x-a', '3'], remove('x-A'), ['B', '2']],
    ['rename all values', ['a', '1', 'b', '2', 'A', '3'], rename('a', 'b'), ['b', '1', 'b', '3']],
    ['replace', ['a', '1', 'A', '2'], replace('A', 'x'), ['A', 'x']],
    ['add', [], add('A', 'ü'), ['A', 'Ã¼']],
    ['append', ['a', '1'], append('a', '2'), ['a', '1', 'a', '2']],
    ['never write a second line', [], add('A', 'x\r\nevil: 1'), ['A', 'x  evil: 1']],
  ];
  for (const [what, before, changes, after] of rows) {
    it(what, () => {
      const headers = new HeaderList(before);
      applyChanges(headerValues(headers), changes, undefined);
      expect(headers.flat()).to.deep.equal(after);
    });
  }
});

describe('the order of changes', () => {
  it('is remove, rename, replace, add, append', () => {
    const form = new PairList('a=1&b=2');
    const all: Changes<string, undefined> = {
      remove: ['a'],
      rename: [['b', 'a']],
      replace: [value('a', 'replaced'), value('b', 'not there')],
      add: [value('b', 'added'), value('a', 'there')],
      append: [value('b', 'appended')],
    };
    applyChanges(form, all, undefined);
    expect(String(form)).to.equal('a=replaced&b=added&b=appended');
    expect([isEmpty(all), isEmpty(none)]).to.deep.equal([false, true]);
  });
});
