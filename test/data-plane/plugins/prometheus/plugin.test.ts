import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { expect } from 'chai';
import { pluginSchemas } from '../../../../shared/plugin-schemas/plugin-schemas.ts';
import { checkedEntities, GuardFixture, guardWith, people, type Values } from '../guard-fixture.ts';
import { publishedPaths } from '../kafka-settings/setting-rows.ts';

const key = (name: string) => ({ headers: ['apikey', name] });

async function samples({ registry }: GuardFixture): Promise<string[]> {
  const text = await registry.metrics();
  return text.split('\n').filter((line) => line.startsWith('kong_'));
}

async function guardOf(config: Values): Promise<GuardFixture> {
  const guard = new GuardFixture();
  const auth = { name: 'key-auth', config: {} };
  await guard.apply({ ...people, plugins: [auth, { name: 'prometheus', config }] });
  return guard;
}

describe('the prometheus plugin', () => {
  it('shows nothing that it is not told to', async () => {
    const guard = await guardOf({});
    await guard.send(key('ada-key'));
    expect(await samples(guard)).to.deep.equal([]);
  });

  it('counts requests by status, and by consumer where it is told to', async () => {
    const guard = await guardOf({ status_code_metrics: true, per_consumer: true });
    for (const name of ['ada-key', 'ada-key', 'bob-key', 'no-key']) await guard.send(key(name));
    const labels = 'service="behind",route="guarded"';
    expect((await samples(guard)).toSorted()).to.deep.equal([
      `kong_http_requests_total{${labels},code="200",source="kong",workspace="default",consumer="ada"} 2`,
      `kong_http_requests_total{${labels},code="200",source="kong",workspace="default",consumer="bob"} 1`,
      `kong_http_requests_total{${labels},code="401",source="kong",workspace="default",consumer=""} 1`,
    ]);
  });

  it('measures times', async () => {
    const guard = await guardOf({ latency_metrics: true });
    await guard.send(key('ada-key'));
    const counts = (await samples(guard)).filter((line) => line.includes('_count'));
    const labels = 'service="behind",route="guarded",workspace="default"';
    expect(counts).to.deep.equal([
      `kong_request_latency_ms_count{${labels}} 1`,
      `kong_kong_latency_ms_count{${labels}} 1`,
    ]);
  });

  it('counts the bytes of requests and answers, of those that stream too', async () => {
    const guard = await guardWith('prometheus', { bandwidth_metrics: true });
    const bytes = async () => (await samples(guard)).map((line) => Number(line.split(' ').at(-1)));
    await guard.send({ headers: ['content-length', '1000'] });
    const [ingress = 0, egress = 0] = await bytes();
    expect([ingress > 1000, egress > 10, egress < 100]).to.deep.equal([true, true, true]);
    guard.serviceBody = Readable.from([Buffer.alloc(5000)]);
    await guard.send();
    await finished(guard.serviceBody);
    expect((await bytes())[1]).to.be.above(egress + 5000);
  });

  /** Each field with what it shows of one request with Ada's key. */
  const rows: Readonly<Record<string, readonly [base: Values, shown: string]>> = {
    per_consumer: [{ status_code_metrics: true }, 'consumer="ada"'],
    status_code_metrics: [{}, 'kong_http_requests_total'],
    latency_metrics: [{}, 'kong_kong_latency_ms_sum'],
    bandwidth_metrics: [{}, 'kong_bandwidth_bytes'],
  };
  for (const [field, [base, shown]] of Object.entries(rows)) {
    it(`shows with ${field} what it does not show without`, async () => {
      for (const isOn of [false, true]) {
        const guard = await guardOf({ ...base, [field]: isOn });
        await guard.send(key('ada-key'));
        expect((await samples(guard)).some((line) => line.includes(shown))).to.equal(isOn);
      }
    });
  }

  const defaultsAlone = ['ai_metrics', 'upstream_health_metrics', 'wasm_metrics'];
  for (const field of defaultsAlone) {
    it(`takes the default alone for ${field}`, () => {
      const plugins = [{ name: 'prometheus', config: { [field]: true } }];
      expect(() => checkedEntities({ plugins })).to.throw('not supported yet');
    });
  }

  it('has no field that no test moves', () => {
    const paths = publishedPaths(pluginSchemas.prometheus.config);
    expect([...Object.keys(rows), ...defaultsAlone].toSorted()).to.deep.equal(paths.toSorted());
  });

  it('forgets what it showed of a route when the route is gone', async () => {
    const guard = new GuardFixture();
    const plugins = [{ name: 'prometheus', config: { status_code_metrics: true } }];
    const routes = ['a', 'b'].map((name) => ({ name, paths: [`/${name}`] }));
    await guard.apply({ plugins, routes });
    for (const target of ['/a', '/b', '/none']) await guard.send({ target });
    expect(await samples(guard)).to.have.length(3);
    await guard.apply({ plugins, routes: routes.slice(1) });
    expect((await samples(guard)).map((line) => /route="(\w*)"/.exec(line)?.[1])).to.deep.equal(['b', '']);
  });
});
