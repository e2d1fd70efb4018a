import { expect } from 'chai';
import { withoutMember } from '../../../data-plane/plugin-api/json-member.ts';

describe('withoutMember', () => {
  const rows: readonly [text: string, expected: string][] = [
    ['{}', '{}'],
    ['{"k":1}', '{}'],
    [' { "a" : 1 , "k" : 2 } ', ' { "a" : 1 } '],
    ['{"k":[1,{"k":2}],"a":{"k":"}"}}', '{"a":{"k":"}"}}'],
    ['{"a":"\\\\","k":"\\"","b":1.00}', '{"a":"\\\\","b":1.00}'],
    ['{"\\u006b":1,"a":2,"k":3}', '{"a":2}'],
  ];
  for (const [text, expected] of rows) {
    it(`makes ${expected} of ${text}`, () => expect(withoutMember(text, 'k')).to.equal(expected));
  }
});
