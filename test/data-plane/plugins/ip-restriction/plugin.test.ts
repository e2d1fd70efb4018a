import { expect } from 'chai';
import { checkedEntities, guardWith, type Values } from '../guard-fixture.ts';

describe('the ip-restriction plugin', () => {
  const rows: readonly [config: Values, clientAddress: string, isAllowed: boolean][] = [
    [{ allow: ['192.0.2.1'] }, '192.0.2.1', true],
    [{ allow: ['192.0.2.1'] }, '192.0.2.2', false],
    [{ allow: ['192.0.2.0/24'] }, '192.0.2.255', true],
    [{ allow: ['192.0.2.0/24'] }, '192.0.3.0', false],
    [{ allow: ['192.0.2.7/24'] }, '192.0.2.1', true],
    [{ allow: ['0.0.0.0/0'] }, '198.51.100.1', true],
    [{ allow: ['0.0.0.0/0'] }, '2001:db8::1', false],
    [{ allow: ['2001:db8::/32'] }, '2001:db8:0:0::1', true],
    [{ allow: ['2001:db8::/32'] }, '192.0.2.1', false],
    [{ deny: ['192.0.2.0/25'] }, '192.0.2.1', false],
    [{ deny: ['192.0.2.0/25'] }, '192.0.2.128', true],
    [{ deny: ['192.0.2.1'], allow: ['192.0.2.0/24'] }, '192.0.2.1', false],
    [{ allow: ['192.0.2.1'] }, '', false],
  ];
  for (const [config, clientAddress, isAllowed] of rows) {
    it(`${isAllowed ? 'lets' : 'refuses'} '${clientAddress}' by ${JSON.stringify(config)}`, async () => {
      const { status, message } = await (await guardWith('ip-restriction', config)).send({ clientAddress });
      expect(status).to.equal(isAllowed ? 200 : 403);
      expect(message).to.equal(isAllowed ? undefined : `IP address not allowed: ${clientAddress}`);
    });
  }

  it('refuses with a status and a message of its own', async () => {
    const guard = await guardWith('ip-restriction', { deny: ['192.0.2.1'], status: 404, message: 'nothing here' });
    const { status, message } = await guard.send();
    expect([status, message]).to.deep.equal([404, 'nothing here']);
  });

  const refused = [
    {},
    { allow: [] },
    ...['x', '1.2.3.4/33', '::/129', '1.2.3.4/', '1.2.3.4/8/8'].map((deny) => ({ deny: [deny] })),
  ];
  for (const config of refused) {
    it(`refuses the config ${JSON.stringify(config)}`, () => {
      expect(() => checkedEntities({ plugins: [{ name: 'ip-restriction', config }] })).to.throw();
    });
  }
});
