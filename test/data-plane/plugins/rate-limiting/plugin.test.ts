import { expect } from 'chai';
import {
  ada,
  bob,
  checkedEntities,
  guardWith,
  GuardFixture,
  people,
  type Seen,
  type Values,
} from '../guard-fixture.ts';

/** The headers about limits, in lower case. */
function limitsOf({ headers }: Seen): Record<string, string> {
  return Object.fromEntries(
    [...headers.entries()].filter(([name]) => name.includes('ratelimit') || name === 'retry-after'),
  );
}

async function statuses(guard: GuardFixture, requests: readonly Parameters<GuardFixture['send']>[0][]) {
  const seen = [];
  for (const request of requests) seen.push((await guard.send(request)).status);
  return seen;
}

const from = (clientAddress: string) => ({ clientAddress });

describe('the rate-limiting plugin', () => {
  it('refuses the request beyond a limit and tells what is left', async () => {
    const guard = await guardWith('rate-limiting', { day: 2, year: 2 });
    guard.serviceHeaders = ['RateLimit-Limit', 'of the service'];
    const [first, second, third] = [await guard.send(), await guard.send(), await guard.send()];
    expect([first.status, second.status, third.status]).to.deep.equal([200, 200, 429]);
    expect(first.headers.all('ratelimit-limit')).to.deep.equal(['2']);
    const { 'ratelimit-reset': reset, ...left } = limitsOf(first);
    expect(left).to.deep.equal({
      'x-ratelimit-limit-day': '2',
      'x-ratelimit-remaining-day': '1',
      'x-ratelimit-limit-year': '2',
      'x-ratelimit-remaining-year': '1',
      'ratelimit-limit': '2',
      'ratelimit-remaining': '1',
    });
    expect(Number(reset)).to.be.above(0);
    expect(third.message).to.equal('API rate limit exceeded');
    const refused = limitsOf(third);
    expect(refused['ratelimit-remaining']).to.equal('0');
    // Of two windows that are used up, the longer one says when it makes sense to come again.
    expect(refused['retry-after']).to.equal(refused['ratelimit-reset']);
    const now = new Date();
    const untilNextYear = (Date.UTC(now.getUTCFullYear() + 1, 0) - now.getTime()) / 1000;
    expect(Number(refused['retry-after'])).to.be.closeTo(untilNextYear, 5);
  });

  it('does not count a request that it refuses', async () => {
    const guard = await guardWith('rate-limiting', { hour: 1, day: 5 });
    await statuses(guard, [{}, {}, {}]);
    expect(limitsOf(await guard.send())['x-ratelimit-remaining-day']).to.equal('4');
  });

  it('hides its headers, and refuses in words and with a status of its own', async () => {
    const guard = await guardWith('rate-limiting', {
      year: 1,
      hide_client_headers: true,
      error_code: 503,
      error_message: 'slower',
    });
    expect(limitsOf(await guard.send())).to.deep.equal({});
    const refused = await guard.send();
    expect([refused.status, refused.message, limitsOf(refused)]).to.deep.equal([503, 'slower', {}]);
  });

  it('keeps its counts when the configuration changes', async () => {
    const guard = new GuardFixture();
    const plugin = { id: '33333333-3333-4333-8333-333333333333', name: 'rate-limiting' };
    await guard.apply({ plugins: [{ ...plugin, config: { year: 2 } }] });
    await statuses(guard, [{}, {}]);
    await guard.apply({ plugins: [{ ...plugin, config: { year: 3 } }] });
    expect(await statuses(guard, [{}, {}])).to.deep.equal([200, 429]);
  });
});

describe('what rate-limiting counts by', () => {
  const rows: readonly [what: string, config: Values, requests: readonly object[], expected: readonly number[]][] = [
    ['addresses', { limit_by: 'ip' }, [from('192.0.2.1'), from('192.0.2.2'), from('192.0.2.1')], [200, 200, 429]],
    [
      'headers',
      { limit_by: 'header', header_name: 'X-Tenant' },
      [{ headers: ['x-tenant', 'a'] }, { headers: ['x-tenant', 'b'] }, { headers: ['x-tenant', 'a'] }],
      [200, 200, 429],
    ],
    [
      'an absent header by the address',
      { limit_by: 'header', header_name: 'X-Tenant' },
      [from('192.0.2.1'), from('192.0.2.2'), from('192.0.2.1')],
      [200, 200, 429],
    ],
    [
      'one path for all clients',
      { limit_by: 'path', path: '/hot' },
      [
        { target: '/hot?a=1', ...from('192.0.2.1') },
        { target: '/hot', ...from('192.0.2.2') },
        { target: '/cold', ...from('192.0.2.2') },
        { target: '/cold', ...from('192.0.2.2') },
      ],
      [200, 429, 200, 429],
    ],
    ['services for all clients', { limit_by: 'service' }, [from('192.0.2.1'), from('192.0.2.2')], [200, 429]],
    ['clients without a consumer by the address', {}, [from('192.0.2.1'), from('192.0.2.2')], [200, 200]],
  ];
  for (const [what, config, requests, expected] of rows) {
    it(`is ${what}`, async () => {
      const guard = await guardWith('rate-limiting', { year: 1, ...config });
      expect(await statuses(guard, requests)).to.deep.equal(expected);
    });
  }

  for (const by of ['consumer', 'credential']) {
    it(`is a ${by}, wherever it comes from`, async () => {
      const guard = new GuardFixture();
      const limit = { name: 'rate-limiting', config: { year: 1, limit_by: by } };
      await guard.apply({ ...people, plugins: [{ name: 'key-auth', config: {} }, limit] });
      const ofAda = { headers: ['apikey', 'ada-key'] };
      const ofBob = { headers: ['apikey', 'bob-key'] };
      const requests = [ofAda, ofBob, { ...ofAda, ...from('192.0.2.9') }];
      expect(await statuses(guard, requests)).to.deep.equal([200, 200, 429]);
    });
  }

  it('lets a consumer have limits of its own', async () => {
    const guard = new GuardFixture();
    const plugins = [
      { name: 'key-auth', config: {} },
      { name: 'rate-limiting', config: { year: 1 } },
      { name: 'rate-limiting', config: { year: 3 }, consumer: { id: bob.id } },
    ];
    await guard.apply({ ...people, plugins });
    const ofBob = { headers: ['apikey', 'bob-key'] };
    expect(await statuses(guard, [ofBob, ofBob, ofBob, ofBob])).to.deep.equal([200, 200, 200, 429]);
    expect(ada.id).not.to.equal(bob.id);
  });
});

describe('the config of rate-limiting', () => {
  const refused: readonly [config: Values, words: string][] = [
    [{}, 'at least one of these fields must be non-empty'],
    [{ second: 0 }, 'value must be greater than 0'],
    [{ minute: 20, hour: 10 }, 'The limit for hour(10.0) cannot be lower than the limit for minute(20.0)'],
    [{ second: 2, year: 1 }, 'The limit for year(1.0) cannot be lower than the limit for second(2.0)'],
    [{ year: 1, policy: 'cluster' }, 'not supported'],
    [{ year: 1, limit_by: 'consumer-group' }, 'not supported'],
    [{ year: 1, policy: 'redis' }, 'required field missing'],
    [{ year: 1, limit_by: 'header' }, 'required field missing'],
    [{ year: 1, limit_by: 'path' }, 'required field missing'],
    [{ year: 1, limit_by: 'path', path: 'x' }, 'should start with: /'],
    [{ year: 1, sync_rate: 0.01 }, 'value should be -1 or at least 0.02'],
    [{ year: 1, sync_rate: 0 }, 'value should be -1 or at least 0.02'],
    [{ year: 1, error_code: 42 }, 'value should be between 200 and 599'],
  ];
  for (const [config, words] of refused) {
    it(`is refused: ${JSON.stringify(config)}`, () => {
      expect(() => checkedEntities({ plugins: [{ name: 'rate-limiting', config }] })).to.throw(words);
    });
  }

  it('may have the fields of Redis in the places that they have left', () => {
    const config = { year: 1, policy: 'redis', redis_host: 'r', redis_port: 1, redis_ssl: true };
    const { plugins: [plugin] = [] } = checkedEntities({ plugins: [{ name: 'rate-limiting', config }] });
    expect(plugin?.['config'])
      .to.have.property('redis')
      .that.includes({ host: 'r', port: 1, ssl: true, timeout: 2000 });
    expect(plugin?.['config']).not.to.have.property('redis_host');
  });
});
