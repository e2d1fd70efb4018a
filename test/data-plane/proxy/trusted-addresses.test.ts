import { expect } from 'chai';
import { clientBehind, createTrustedAddresses, unmapped } from '../../../data-plane/proxy/trusted-addresses.ts';

describe('trusted addresses', () => {
  const trusted = createTrustedAddresses(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32']);

  for (const [address, isTrusted] of [
    ['10.255.255.255', true],
    ['11.0.0.0', false],
    ['192.0.2.1', true],
    ['192.0.2.2', false],
    ['2001:db8:ffff::1', true],
    ['2001:db9::1', false],
    ['', false],
    ['no address', false],
    ['10.0.0.1:80', false],
  ] as const) {
    it(`${isTrusted ? 'has' : 'does not have'} '${address}'`, () => {
      expect(trusted.has(address)).to.equal(isTrusted);
    });
  }

  it('say when there are none', () => {
    expect(createTrustedAddresses([]).isEmpty).to.equal(true);
    expect(trusted.isEmpty).to.equal(false);
  });

  it('are refused when they do not parse', () => {
    expect(() => createTrustedAddresses(['10.0.0.0/99'])).to.throw();
  });

  for (const [what, peer, forwardedFor, client] of [
    ['a peer that is not trusted', '198.51.100.1', ['203.0.113.9'], '198.51.100.1'],
    ['a trusted peer without the header', '10.0.0.1', [], '10.0.0.1'],
    ['the last address before a trusted peer', '10.0.0.1', ['203.0.113.9, 203.0.113.7'], '203.0.113.7'],
    ['the last one that is not trusted', '10.0.0.1', ['203.0.113.9, 10.2.3.4', '192.0.2.1'], '203.0.113.9'],
    ['the first of all trusted ones', '10.0.0.1', ['10.2.3.4,10.2.3.5'], '10.2.3.4'],
    ['the hop behind an entry that is no address', '10.0.0.1', ['203.0.113.9, unknown, 10.2.3.4'], '10.2.3.4'],
    ['an IPv4 address written as IPv6', '10.0.0.1', ['::ffff:203.0.113.9'], '203.0.113.9'],
    ['an IPv6 client', '10.0.0.1', ['2001:db9::7'], '2001:db9::7'],
  ] as const) {
    it(`see as the client ${what}`, () => {
      expect(clientBehind(trusted, peer, forwardedFor)).to.equal(client);
    });
  }

  it('show IPv4 peers of a dual-stack socket as IPv4', () => {
    expect(unmapped('::ffff:127.0.0.1')).to.equal('127.0.0.1');
    expect(unmapped('::1')).to.equal('::1');
  });
});
