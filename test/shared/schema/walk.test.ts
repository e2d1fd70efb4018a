import { expect } from 'chai';
import { array, map, record, string, type Field } from '../../../shared/schema/field.ts';
import { descend, eachField, holding, mapRecord, omit, pathOf } from '../../../shared/schema/walk.ts';

const secret = string({ encrypted: true });
const fields = {
  plain: string(),
  secret,
  inner: record({ secret, list: array(record({ secret, plain: string() })) }),
  words: map(string(), secret),
  free: record({ plain: string() }),
};
const value = {
  plain: 'p',
  secret: 's1',
  inner: { secret: 's2', list: [{ secret: 's3', plain: 'q' }] },
  words: JSON.parse('{ "a": "s4", "__proto__": "s5" }') as object,
  free: { plain: 'r' },
  unknown: { secret: 'kept' },
};
const isSecret = (field: Field): boolean => field.encrypted === true;

describe('mapRecord', () => {
  for (const test of [undefined, holding(isSecret)]) {
    it(`replaces wanted values at every depth${test === undefined ? '' : ', looking only where they may be'}`, () => {
      const places: string[] = [];
      const mapped = mapRecord(
        fields,
        value,
        (field, _value, place) => {
          if (!isSecret(field)) return descend;
          places.push(pathOf(place).join('.'));
          return '*';
        },
        test && { test },
      );
      expect(JSON.stringify(mapped)).to.equal(
        '{"plain":"p","secret":"*","inner":{"secret":"*","list":[{"secret":"*","plain":"q"}]},' +
          '"words":{"a":"*","__proto__":"*"},"free":{"plain":"r"},"unknown":{"secret":"kept"}}',
      );
      expect(places).to.deep.equal(['secret', 'inner.secret', 'inner.list.0.secret', 'words.a', 'words.__proto__']);
      expect(mapped['free']).to.equal(value.free);
    });
  }

  it('returns the same record where nothing changes', () => {
    expect(mapRecord(fields, value, () => descend)).to.equal(value);
  });

  it('leaves fields out of their record', () => {
    const mapped = mapRecord(fields, value, (field) => (isSecret(field) ? omit : descend));
    expect(mapped).to.deep.equal({
      plain: 'p',
      inner: { list: [{ plain: 'q' }] },
      words: {},
      free: value.free,
      unknown: value.unknown,
    });
  });

  it('does not visit fields that were not asked for', () => {
    const seen: unknown[] = [];
    mapRecord(
      fields,
      value,
      (_field, inner) => {
        seen.push(inner);
        return descend;
      },
      { test: holding(isSecret) },
    );
    expect(seen).to.not.include(value.free);
    expect(seen).to.not.include('p');
  });
});

describe('eachField', () => {
  it('yields every field, and marks those in a list', () => {
    const all = Array.from(eachField(fields), ({ path, isInList }) => `${path.join('.')}${isInList ? '[]' : ''}`);
    expect(all).to.deep.equal([
      'plain',
      'secret',
      'inner',
      'inner.secret',
      'inner.list',
      'inner.list[]',
      'inner.list.secret[]',
      'inner.list.plain[]',
      'words',
      'words[]',
      'free',
      'free.plain',
    ]);
  });
});
