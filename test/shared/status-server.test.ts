import { expect } from 'chai';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Counter, Registry } from 'prom-client';
import { createLogger, silentLogger } from '../../shared/log.ts';
import { startStatusServer, type StatusServer } from '../../shared/status-server.ts';

describe('the status server', () => {
  let server: StatusServer;
  let ready = false;

  before(async () => {
    const metrics = new Registry();
    new Counter({ name: 'sluice_things_total', help: 'Things', registers: [metrics] }).inc(3);
    server = await startStatusServer({
      listen: { host: '127.0.0.1', port: 0 },
      ready: () => ({
        ready,
        body: ready ? { message: 'ready' } : { message: 'not ready', reasons: ['no configuration'] },
      }),
      status: () => ({ role: 'data_plane' }),
      metrics,
      logger: silentLogger(),
    });
  });
  after(() => server.stop());

  const get = async (path: string) => {
    const response = await fetch(`http://${server.address}${path}`);
    return { status: response.status, text: await response.text(), type: response.headers.get('content-type') };
  };

  it('is live while the process runs', async () => {
    expect((await get('/status/live')).status).to.equal(200);
  });

  it('answers why it is not ready', async () => {
    const answer = await get('/status/ready');
    expect(answer.status).to.equal(503);
    expect(JSON.parse(answer.text)).to.deep.equal({ message: 'not ready', reasons: ['no configuration'] });
    ready = true;
    expect((await get('/status/ready')).status).to.equal(200);
  });

  it('answers status, metrics, and 404 for the rest', async () => {
    expect(JSON.parse((await get('/status')).text)).to.deep.equal({ role: 'data_plane' });
    const metrics = await get('/metrics');
    expect(metrics.type).to.contain('text/plain');
    expect(metrics.text).to.contain('sluice_things_total 3');
    expect((await get('/nothing')).status).to.equal(404);
  });

  it('drops silent clients, counts them, and ends even if one is left', async () => {
    const lines: string[] = [];
    const metrics = new Registry();
    const bounded = await startStatusServer({
      listen: { host: '127.0.0.1', port: 0 },
      ready: () => ({ ready: true, body: {} }),
      status: () => ({}),
      metrics,
      logger: createLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) }),
      bounds: { headerTimeoutMs: 50, checkMs: 20, lingerMs: 50 },
    });
    const silent = () =>
      connect({ port: Number(bounded.address.split(':')[1]), host: '127.0.0.1', allowHalfOpen: true });
    const dropped = silent();
    dropped.on('error', () => undefined).resume();
    await once(dropped, 'end');
    expect(lines.join()).to.contain('limit_hit').and.contain('header_timeout');
    expect(await metrics.metrics()).to.contain('sluice_limit_hits_total{limit="header_timeout",port="status"} 1');
    const left = silent();
    left.on('error', () => undefined);
    await once(left, 'connect');
    await bounded.stop();
    dropped.destroy();
    left.destroy();
  });
});
