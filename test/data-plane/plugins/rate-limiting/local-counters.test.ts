import { expect } from 'chai';
import { Registry } from 'prom-client';
import {
  LocalCounters,
  localKeysMax,
  nodeCounters,
} from '../../../../data-plane/plugins/rate-limiting/local-counters.ts';
import { createPluginMetrics } from '../../../../data-plane/status/plugin-metrics.ts';
import { silentLogger } from '../../../../shared/log.ts';
import type { WindowLimit } from '../../../../data-plane/plugins/rate-limiting/windows.ts';

const minute = (startMs: number, limit = 2): WindowLimit => ({
  period: 'minute',
  startMs,
  endMs: startMs + 60_000,
  limit,
});
const hour = (limit: number): WindowLimit => ({ period: 'hour', startMs: 0, endMs: 3_600_000, limit });

function counters(keysMax = 10) {
  const evicted = { count: 0 };
  return { evicted, local: new LocalCounters(keysMax, () => (evicted.count += 1)) };
}

describe('LocalCounters', () => {
  it('count in every window or in none', () => {
    const { local } = counters();
    const limits = [minute(0), hour(9)];
    const taken = [1, 2, 3].map(() => {
      const { isAllowed, counts } = local.take('p', 'a', limits);
      return [isAllowed, ...counts];
    });
    expect(taken).to.deep.equal([
      [true, 1, 1],
      [true, 2, 2],
      [false, 2, 2],
    ]);
    const next = local.take('p', 'a', [minute(60_000), hour(9)]);
    expect([...next.counts]).to.deep.equal([1, 3]);
  });

  it('let the part of a request pass that a broken limit leaves', () => {
    const { local } = counters();
    const taken = [1, 2, 3, 4].map(() => local.take('p', 'a', [minute(0, 2.5)]).isAllowed);
    expect(taken).to.deep.equal([true, true, true, false]);
  });

  it('go on when the clock is set back', () => {
    const { local } = counters();
    local.take('p', 'a', [minute(60_000)]);
    local.take('p', 'a', [minute(0)]);
    expect(local.take('p', 'a', [minute(60_000)]).isAllowed).to.equal(false);
  });

  it('keep apart plugins and clients, and hold for other limits of the same windows', () => {
    const { local } = counters();
    for (const [plugin, client] of [
      ['p', 'a'],
      ['p', 'b'],
      ['q', 'a'],
    ] as const) {
      expect([...local.take(plugin, client, [minute(0, 1)]).counts]).to.deep.equal([1]);
    }
    expect(local.take('p', 'a', [minute(0, 2)]).isAllowed).to.equal(true);
    expect(local.take('p', 'a', [minute(0, 2)]).isAllowed).to.equal(false);
  });

  it('forget the client that was away longest, and count that', () => {
    const { local, evicted } = counters(2);
    for (const client of ['a', 'b', 'a', 'c']) local.take('p', client, [minute(0, 9)]);
    expect([local.size, evicted.count]).to.deep.equal([2, 1]);
    expect([...local.take('p', 'a', [minute(0, 9)]).counts]).to.deep.equal([3]);
    expect([...local.take('p', 'b', [minute(0, 9)]).counts]).to.deep.equal([1]);
  });

  it('hold the clients of a node to their bound, and count those that were forgotten', async () => {
    const registry = new Registry();
    const local = nodeCounters({ log: silentLogger(), metrics: createPluginMetrics(registry) });
    const limits = [minute(0, 9)];
    for (let client = 0; client < localKeysMax + 100; client += 1) local.take('p', `ip:${client}`, limits);
    expect(local.size).to.equal(localKeysMax);
    expect(await registry.metrics()).to.contain('sluice_rate_limit_keys_evicted_total 100\n');
  });
});
