import { expect } from 'chai';
import { createClient } from '@redis/client';
import { startRedis, type Redis } from '../../../../control-plane/cli/services/redis.ts';
import { waitFor } from '../../../helpers/wait-for.ts';
import { GuardFixture, guardWith, type Seen, type Values } from '../guard-fixture.ts';
import { closingRelay, slowRelay, tlsRelay, type Relay } from './redis-relay.ts';
import { redisRows, tlsName, user } from './redis-rows.ts';

const id = '33333333-3333-4333-8333-333333333333';

describe('rate-limiting with Redis', () => {
  let redis: Redis;
  before(async function () {
    this.timeout(120_000);
    redis = await startRedis();
  });
  after(() => redis.stop());

  const settings = (more: Values = {}): Values => ({ host: '127.0.0.1', port: redis.port, timeout: 500, ...more });

  async function node(config: Values, pluginId = id): Promise<GuardFixture> {
    const guard = new GuardFixture();
    const limits = { year: 2, policy: 'redis', redis: settings(), ...config };
    await guard.apply({ plugins: [{ id: pluginId, name: 'rate-limiting', config: limits }] });
    return guard;
  }

  /** Runs a command of Redis on a connection of its own. */
  async function command(...words: string[]): Promise<unknown> {
    const client = createClient({ socket: { host: '127.0.0.1', port: redis.port } });
    await client.connect();
    try {
      return await client.sendCommand(words);
    } finally {
      client.destroy();
    }
  }

  beforeEach(() => command('FLUSHALL'));

  it('counts for all nodes together, in one key a window that ends with it', async () => {
    const [a, b] = [await node({ minute: 2 }), await node({ minute: 2 })];
    const seen = [await a.send(), await b.send(), await a.send(), await b.send()];
    expect(seen.map(({ status }) => status)).to.deep.equal([200, 200, 429, 429]);
    expect(seen.map(({ headers }) => headers.get('ratelimit-remaining'))).to.deep.equal(['1', '0', '0', '0']);
    const keys = (await command('KEYS', '*')) as string[];
    expect(keys).to.have.length(2);
    for (const key of keys) {
      expect(await command('GET', key)).to.equal('2');
      expect(Number(await command('TTL', key))).to.be.above(0);
    }
    const ofMinute = keys.find((key) => key.includes(':minute:')) ?? '';
    expect(Number(await command('PTTL', ofMinute))).to.be.at.most(62_000);
  });

  it('lets no more requests pass than the limit says, however many come at once', async () => {
    const [a, b] = [await node({ year: 25 }), await node({ year: 25 })];
    const all = await Promise.all(Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? a : b).send()));
    expect(all.filter(({ status }) => status === 200)).to.have.length(25);
  });

  it('works on after the server forgot its scripts', async () => {
    const guard = await node({});
    await guard.send();
    await command('SCRIPT', 'FLUSH');
    expect((await guard.send()).headers.get('ratelimit-remaining')).to.equal('0');
  });

  it('shares one connection between plugins with the same settings and closes it with the last', async () => {
    const count = async (): Promise<number> =>
      String(await command('CLIENT', 'LIST'))
        .split('\n')
        .filter((line) => line.includes('cmd=evalsha') || line.includes('cmd=eval')).length;
    const guard = new GuardFixture();
    const config = { year: 9, policy: 'redis', redis: settings({ database: 3 }) };
    const before = await count();
    await guard.apply({ plugins: [{ name: 'rate-limiting', config }] });
    await guard.send();
    await guard.apply({ plugins: [{ name: 'rate-limiting', config: { ...config, year: 8 } }] });
    await guard.send();
    expect((await count()) - before).to.equal(1);
    await guard.apply({});
    await waitFor(async () => (await count()) === before, { what: 'the connection is closed' });
  });

  describe('by each of its fields', () => {
    let relays: readonly [tls: Relay, slow: Relay];
    before(async () => {
      relays = [await tlsRelay(redis.port, tlsName), await slowRelay(redis.port, 100)];
    });
    after(() => relays.forEach((relay) => relay.close()));

    for (const { field, reached, other } of redisRows) {
      it(field, async () => {
        await command('ACL', 'SETUSER', user.username, 'on', `>${user.password}`, '~sluice:*', '+@all');
        const [tls, slow] = relays;
        const base = settings(reached({ plain: redis.port, tls: tls.port, slow: slow.port }));
        const right = await node({ redis: base, fault_tolerant: false });
        expect((await right.send()).status).to.equal(200);
        const wrong = await node({ redis: { ...base, ...other }, fault_tolerant: false });
        expect((await wrong.send()).status).to.equal(503);
        const log = [...right.lines, ...wrong.lines].join();
        expect(log).to.contain('redis_failed').and.not.contain('wrong-pAss').and.not.contain(user.password);
      });
    }
  });

  describe('that does not answer', () => {
    const unavailable = async (guard: GuardFixture): Promise<string> => {
      const text = await guard.registry.metrics();
      return /sluice_rate_limit_unavailable_total\{action="(\w+)"\} \d+/.exec(text)?.[0] ?? '';
    };
    const timed = async (guard: GuardFixture): Promise<Seen & { readonly ms: number }> => {
      const startMs = performance.now();
      return { ...(await guard.send()), ms: performance.now() - startMs };
    };

    it('lets requests pass without limits where it is tolerated', async () => {
      const guard = await guardWith('rate-limiting', {
        year: 1,
        policy: 'redis',
        redis: { host: '127.0.0.1', port: 1, timeout: 500 },
      });
      expect([(await guard.send()).status, (await guard.send()).status]).to.deep.equal([200, 200]);
      expect(await unavailable(guard)).to.equal('sluice_rate_limit_unavailable_total{action="passed"} 2');
    });

    it('refuses them with 503 otherwise, and limits again when Redis is back', async () => {
      const guard = await node({ fault_tolerant: false });
      await guard.send();
      await redis.kill('SIGKILL');
      try {
        const refused = await waitFor(
          async () => {
            const seen = await guard.send();
            return seen.status === 503 ? seen : undefined;
          },
          { what: 'a refusal' },
        );
        expect(JSON.parse(refused.body)).to.include({ code: 'RATE_LIMIT_UNAVAILABLE', outcome: 'not_sent' });
        expect(refused.headers.get('retry-after')).to.equal('1');
      } finally {
        await redis.start();
      }
      const limited = await waitFor(
        async () => {
          const seen = await guard.send();
          return seen.status === 429 ? seen : undefined;
        },
        { what: 'a limit again' },
      );
      expect(limited.message).to.equal('API rate limit exceeded');
      expect(guard.lines.join()).to.contain('redis_restored');
    });

    it('is waited for no longer than its timeout, and not at all once it is known to hang', async () => {
      const guard = await node({ year: 1000, redis: settings({ timeout: 300 }) });
      await guard.send();
      await redis.kill('SIGSTOP');
      try {
        const first = await timed(guard);
        expect(first.status).to.equal(200);
        expect(first.ms).to.be.within(250, 900);
        const others = [await timed(guard), await timed(guard), await timed(guard)];
        expect(Math.max(...others.map(({ ms }) => ms))).to.be.below(100);
      } finally {
        await redis.kill('SIGCONT');
      }
      await waitFor(async () => (await guard.send()).headers.get('ratelimit-limit') === '1000', {
        what: 'limits again',
      });
    });

    it('that closes every connection at once costs no request its time', async () => {
      const relay = await closingRelay();
      try {
        const guard = await node({ redis: settings({ port: relay.port }), fault_tolerant: false });
        const seen = [await timed(guard), await timed(guard)];
        expect(seen.map(({ status }) => status)).to.deep.equal([503, 503]);
        expect(seen[1]?.ms).to.be.below(400);
      } finally {
        relay.close();
      }
    });
  });

  describe('that is asked at an interval', () => {
    it('brings the counts of the nodes together', async () => {
      const [a, b] = [await node({ year: 4, sync_rate: 0.02 }), await node({ year: 4, sync_rate: 0.02 })];
      await Promise.all([a.send(), a.send(), b.send()]);
      const left = (guard: GuardFixture) => guard.send().then(({ headers }) => headers.get('ratelimit-remaining'));
      await waitFor(
        async () => String(await command('GET', ((await command('KEYS', '*')) as string[])[0] ?? '')) === '3',
        {
          what: 'all counts are in Redis',
        },
      );
      await a.send();
      await waitFor(async () => (await left(b)) === '0', { what: 'b knows of the requests of a' });
      expect((await b.send()).status).to.equal(429);
    });

    it('limits by its own counts while Redis is away', async () => {
      const guard = await node({
        sync_rate: 0.02,
        fault_tolerant: false,
        redis: { host: '127.0.0.1', port: 1, timeout: 100 },
      });
      const seen = [await guard.send(), await guard.send(), await guard.send()];
      expect(seen.map(({ status }) => status)).to.deep.equal([200, 200, 429]);
    });
  });
});
