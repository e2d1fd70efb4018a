import { expect } from 'chai';
import {
  ArgMap,
  argNamed,
  argumentsMax,
  formArgs,
  parseArgs,
  queryArgs,
} from '../../../data-plane/plugin-api/query-args.ts';
import { RequestError } from '../../../shared/errors.ts';

function errorOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error instanceof RequestError ? { code: error.code, details: error.details } : error;
  }
  return undefined;
}

describe('arguments of a query or form', () => {
  const cases: [text: string, json: string][] = [
    ['', '{}'],
    ['&&', '{}'],
    ['a=1&b&a=2&a', '{"a":["1","2",true],"b":true}'],
    ['a=b=c&=x&%zz=%C3%BC+y', '{"a":"b=c","":"x","%zz":"ü y"}'],
    ['__proto__=1&__proto__=2&toString', '{"__proto__":["1","2"],"toString":true}'],
  ];
  for (const [text, json] of cases) {
    it(`are ${json} for ${JSON.stringify(text)}`, () => expect(parseArgs(text).args.json()).to.equal(json));
  }

  it('are found by one name as among all of them', () => {
    const texts = [...cases.map(([text]) => text), 'a+b=1&a%20b=2&c', `${'x&'.repeat(argumentsMax)}late=1`];
    for (const text of texts) {
      for (const name of ['a', 'b', '', '%zz', '__proto__', 'toString', 'a b', 'x', 'late', 'absent']) {
        expect(argNamed(text, name), `${name} in ${text}`).to.deep.equal(parseArgs(text).args.get(name));
      }
    }
  });

  const pairs = (count: number): string => Array.from({ length: count }, () => 'a').join('&');

  it('are read up to a limit, whether one name is repeated or each differs', () => {
    expect(argumentsMax).to.equal(1_000);
    expect(parseArgs(`${pairs(1_000)}&&&`)).to.include({ isTruncated: false });
    const { args, isTruncated } = parseArgs(pairs(1_001));
    expect([isTruncated, args.get('a')]).to.deep.equal([true, Array.from({ length: 1_000 }, () => true)]);
    const different = Array.from({ length: 1_001 }, (_, index) => `a${index}=`).join('&');
    expect(parseArgs(different)).to.include({ isTruncated: true });
  });

  it('refuse the request beyond the limit, by their place', () => {
    expect(queryArgs(pairs(1_000)).get('a')).to.have.length(1_000);
    expect(errorOf(() => queryArgs(pairs(1_001)))).to.deep.equal({
      code: 'ARGUMENTS_TOO_MANY',
      details: [{ limit: 1_000, unit: 'arguments' }],
    });
    expect(errorOf(() => formArgs(pairs(1_001)))).to.deep.equal({
      code: 'BODY_INVALID',
      details: [{ limit: 1_000, unit: 'fields' }],
    });
  });

  it('cost constant time for each repeat of a name', () => {
    // 64,000 repeats took 27 s when each copied the values before it.
    const args = new ArgMap();
    const startMs = performance.now();
    for (let count = 0; count < 1_000_000; count += 1) args.add('a', true);
    expect(performance.now() - startMs).to.be.lessThan(5_000);
    expect(args.get('a')).to.have.length(1_000_000);
  });
});
