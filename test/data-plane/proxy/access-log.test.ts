import { expect } from 'chai';
import { createAccessLog } from '../../../data-plane/proxy/access-log.ts';
import type { Answer } from '../../../data-plane/plugin-api/exchange.ts';
import { RequestError } from '../../../shared/errors.ts';
import { createLogger, type LogLevel } from '../../../shared/log.ts';
import { FakeExchange } from './fake-exchange.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';

describe('the access log', () => {
  let lines: Record<string, unknown>[];

  const logger = (level: LogLevel) =>
    createLogger({
      level,
      format: 'json',
      // A border: the logger writes objects.
      write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
    });
  const answer = (status: number): Answer => ({ status, headers: [], body: 'secret body' });

  beforeEach(() => {
    lines = [];
  });

  for (const [mode, level, statuses, logged] of [
    ['off', 'info', [200, 404, 503], []],
    ['errors', 'info', [200, 399, 400, 503], ['info 400', 'info 503']],
    ['all', 'info', [200, 404], ['info 200', 'info 404']],
    ['off', 'debug', [200, 404], ['debug 200', 'debug 404']],
    ['errors', 'debug', [200, 404], ['debug 200', 'info 404']],
    ['all', 'error', [200, 404], []],
  ] as const) {
    it(`${mode} at level ${level} logs ${logged.join(', ') || 'nothing'} of ${statuses.join(', ')}`, () => {
      const log = createAccessLog(mode, logger(level));
      for (const status of statuses) log?.(new FakeExchange(), answer(status));
      expect(lines.map(({ level: shown, status }) => `${String(shown)} ${String(status)}`)).to.deep.equal(logged);
    });
  }

  it('has method, path, status, outcome, code, route, topic, duration and trace id as fields, and no secrets', () => {
    const headers = ['traceparent', `00-${traceId}-b7ad6b7169203331-01`, 'Authorization', 'secret'];
    const exchange = new FakeExchange({ target: '/orders?token=secret', headers });
    exchange.route = { id: 'r1', name: 'orders', serviceId: null, serviceName: null, captures: {} };
    const error = new RequestError('KAFKA_UNAVAILABLE', 'secret');
    createAccessLog('all', logger('info'))?.(exchange, {
      ...answer(503),
      result: { outcome: error.outcome, error, topic: 'orders-v1' },
    });
    const [line] = lines;
    expect(line).to.include({
      event: 'access',
      method: exchange.method,
      path: '/orders',
      status: 503,
      outcome: 'not_sent',
      code: 'KAFKA_UNAVAILABLE',
      route: 'orders',
      topic: 'orders-v1',
      request_id: exchange.requestId,
      trace_id: traceId,
    });
    expect(line?.['duration_ms']).to.be.a('number').and.at.least(0);
    expect(JSON.stringify(lines)).to.not.include('secret');
  });

  for (const [what, traceparent] of [
    ['none', undefined],
    ['rubbish', '00-xyz'],
    ['capital letters', `00-${traceId.toUpperCase()}-b7ad6b7169203331-01`],
  ] as const) {
    it(`names no trace for a traceparent that is ${what}`, () => {
      const headers = traceparent === undefined ? [] : ['traceparent', traceparent];
      createAccessLog('all', logger('info'))?.(new FakeExchange({ headers }), answer(200));
      expect(lines[0]).to.not.have.property('trace_id');
    });
  }
});
