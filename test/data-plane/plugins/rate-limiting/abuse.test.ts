import { expect } from 'chai';
import { createClient } from '@redis/client';
import { startRedis, type Redis } from '../../../../control-plane/cli/services/redis.ts';
import { waitFor } from '../../../helpers/wait-for.ts';
import { GuardFixture, type Request } from '../guard-fixture.ts';

const clients = 10_000;

/** Requests with as many different keys, addresses and paths. */
function* requests(): Generator<Request> {
  for (let client = 0; client < clients; client += 1) {
    yield {
      target: `/path-${client}`,
      clientAddress: `10.${client >> 16}.${(client >> 8) & 255}.${client & 255}`,
      headers: ['x-token', `planted-${client}`, 'x-consumer-id', `forged-${client}`],
    };
  }
}

describe('ten thousand clients that nobody knows', function () {
  this.timeout(60_000);

  it('leave a bounded number of series on a node, and no key of theirs in metrics or the log', async () => {
    const guard = new GuardFixture();
    const limit = { name: 'rate-limiting', config: { year: 1, limit_by: 'header', header_name: 'x-token' } };
    const shown = { name: 'prometheus', config: { status_code_metrics: true, per_consumer: true } };
    await guard.apply({ plugins: [limit, shown] });
    await guard.send({ headers: ['x-token', 'first'] });
    const series = async () => (await guard.registry.metrics()).split('\n').length;
    const before = await series();
    for (const request of requests()) expect((await guard.send(request)).status).to.equal(200);
    expect(await series()).to.equal(before);
    expect(`${await guard.registry.metrics()}${guard.lines.join()}`).not.to.match(/planted|forged|path-\d/);
  });

  describe('with Redis', () => {
    let redis: Redis;
    before(async () => {
      redis = await startRedis();
    });
    after(() => redis.stop());

    it('leave one key a window, which ends with it and holds no key of theirs', async () => {
      const guard = new GuardFixture();
      const config = {
        second: 5,
        limit_by: 'header',
        header_name: 'x-token',
        policy: 'redis',
        fault_tolerant: false,
        redis: { host: '127.0.0.1', port: redis.port },
      };
      await guard.apply({ plugins: [{ name: 'rate-limiting', config }] });
      const all = [...requests()];
      for (let from = 0; from < all.length; from += 500) {
        const seen = await Promise.all(all.slice(from, from + 500).map((request) => guard.send(request)));
        expect(seen.every(({ status }) => status === 200)).to.equal(true);
      }
      const client = createClient({ socket: { host: '127.0.0.1', port: redis.port } });
      await client.connect();
      try {
        expect(await client.dbSize()).to.be.at.most(clients);
        expect((await client.keys('*')).join()).not.to.contain('planted');
        await waitFor(async () => (await client.dbSize()) === 0, { what: 'the keys have ended' });
      } finally {
        client.destroy();
      }
    });
  });
});
