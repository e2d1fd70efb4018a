import { expect } from 'chai';
import { checkedEntities, GuardFixture, guardWith, type Values } from '../guard-fixture.ts';

const page = 'https://page.example';
const ask = ['origin', page, 'access-control-request-method', 'PUT'];

describe('the cors plugin', () => {
  const rows: readonly [config: Values, origin: string, allowed: string | undefined, vary: string | undefined][] = [
    [{}, page, '*', undefined],
    [{ origins: ['*'] }, page, '*', undefined],
    [{ credentials: true }, page, page, 'Origin'],
    [{ origins: [page] }, page, page, 'Origin'],
    [{ origins: [page] }, 'https://evil.example', page, 'Origin'],
    [{ origins: [page, 'https://b.example'] }, 'https://b.example', 'https://b.example', 'Origin'],
    [{ origins: [page, 'https://b.example'] }, 'https://evil.example', undefined, 'Origin'],
    [{ origins: ['https://[a-z]+[.]example'] }, page, page, 'Origin'],
    [{ origins: ['https://[a-z]+[.]example'] }, `${page}.evil.test`, undefined, 'Origin'],
  ];
  for (const [config, origin, allowed, vary] of rows) {
    it(`tells ${origin} '${allowed}' by ${JSON.stringify(config)}`, async () => {
      const guard = await guardWith('cors', config);
      guard.serviceHeaders = ['access-control-allow-origin', 'https://of-the-service.example'];
      const { headers } = await guard.send({ headers: ['origin', origin] });
      expect(headers.all('access-control-allow-origin')).to.deep.equal(allowed === undefined ? [] : [allowed]);
      expect(headers.get('vary')).to.equal(vary);
    });
  }

  it('answers a preflight before authentication', async () => {
    const guard = new GuardFixture();
    const config = { origins: [page], credentials: true, max_age: 60, methods: ['PUT'], private_network: true };
    await guard.apply({
      plugins: [
        { name: 'cors', config },
        { name: 'key-auth', config: {} },
      ],
    });
    const more = ['access-control-request-headers', 'x-a', 'access-control-request-private-network', 'true'];
    const { status, headers } = await guard.send({ method: 'OPTIONS', headers: [...ask, ...more] });
    expect(status).to.equal(200);
    expect(Object.fromEntries(headers.entries())).to.deep.equal({
      'access-control-allow-methods': 'PUT',
      'access-control-allow-headers': 'x-a',
      'access-control-max-age': '60',
      'access-control-allow-private-network': 'true',
      'access-control-allow-origin': page,
      vary: 'Origin',
      'access-control-allow-credentials': 'true',
    });
    const refused = await guard.send({ headers: ['origin', page] });
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).to.deep.equal([401, page]);
  });

  it('leaves OPTIONS that are no preflight, and all with preflight_continue, to the service', async () => {
    const guard = await guardWith('cors', {});
    expect((await guard.send({ method: 'OPTIONS' })).body).to.equal('from the service');
    const going = await guardWith('cors', { preflight_continue: true });
    expect((await going.send({ method: 'OPTIONS', headers: ask })).body).to.equal('from the service');
  });

  for (const config of [{ origins: ['('] }, { methods: ['FETCH'] }, { headers: ['a b'] }]) {
    it(`refuses the config ${JSON.stringify(config)}`, () => {
      expect(() => checkedEntities({ plugins: [{ name: 'cors', config }] })).to.throw();
    });
  }
});
