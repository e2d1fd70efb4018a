import { expect } from 'chai';
import { producerRules } from '../../../data-plane/schemas/producer-rules.ts';

describe('rules of a data contract that a producer must run', () => {
  const rule = { name: 'r', type: 'CEL', mode: 'WRITE' };
  const cases: [what: string, ruleSet: unknown, rules: string[]][] = [
    ['no rule set', undefined, []],
    ['null', null, []],
    ['lists that are null', { domainRules: null, encodingRules: null, migrationRules: null }, []],
    ['mode WRITE', { domainRules: [rule] }, ['r (CEL)']],
    ['mode WRITEREAD, among the encoding rules', { encodingRules: [{ ...rule, mode: 'WRITEREAD' }] }, ['r (CEL)']],
    ['a mode in lower case', { domainRules: [{ ...rule, mode: 'write' }] }, ['r (CEL)']],
    ['mode READ', { domainRules: [{ ...rule, mode: 'READ' }] }, []],
    ['migration rules', { migrationRules: [{ ...rule, mode: 'UPGRADE' }] }, []],
    ['a disabled rule', { domainRules: [{ ...rule, disabled: true }] }, []],
    ['a rule without name and type', { domainRules: [{ mode: 'WRITE' }] }, ['a rule without a name (no type)']],
    ['what is no rule', { domainRules: [1, null, 'x'] }, []],
  ];
  for (const [what, ruleSet, rules] of cases) {
    it(`are ${rules.join(', ') || 'none'} for ${what}`, () => expect(producerRules(ruleSet)).to.deep.equal(rules));
  }
});
