import { expect } from 'chai';
import { Registry } from 'prom-client';
import { limitHits } from '../../shared/limit-hits.ts';
import { createLogger } from '../../shared/log.ts';

describe('the limits of ports', () => {
  it('are counted each time, and logged once a second for each limit and port, over all parts of a process', async () => {
    const lines: { event: string; limit: string; port: string }[] = [];
    const write = (line: string) => void lines.push(JSON.parse(line) as (typeof lines)[0]);
    const logger = createLogger({ level: 'info', format: 'json', write });
    const metrics = new Registry();
    const parts = [limitHits({ metrics, logger }), limitHits({ metrics, logger })];
    parts[0]?.('connections_max', 'admin', { connections: 3 });
    parts[0]?.('connections_max', 'admin');
    parts[0]?.('handshake_timeout', 'admin');
    parts[1]?.('connections_max', 'cluster');
    expect(lines.map(({ event, limit, port }) => `${event} ${limit} ${port}`)).to.deep.equal([
      'limit_hit connections_max admin',
      'limit_hit handshake_timeout admin',
      'limit_hit connections_max cluster',
    ]);
    expect(lines[0]).to.deep.include({ level: 'warn', connections: 3 });
    const text = await metrics.metrics();
    expect(text).to.contain('sluice_limit_hits_total{limit="connections_max",port="admin"} 2');
    expect(text).to.contain('sluice_limit_hits_total{limit="connections_max",port="cluster"} 1');
  });
});
