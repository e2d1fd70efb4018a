import { Readable } from 'node:stream';
import { expect } from 'chai';
import { logEntry } from '../../../../data-plane/plugins/kafka-log/log-entry.ts';
import type { Answer, Exchange } from '../../../../data-plane/plugin-api/exchange.ts';
import { HeaderList } from '../../../../data-plane/plugin-api/header-list.ts';
import { exchange } from '../kafka-upstream/plugin-fakes.ts';

const answer: Answer = {
  status: 201,
  headers: ['Content-Type', 'text/plain', 'Set-Cookie', 'a', 'set-cookie', 'b'],
  body: 'äb',
};
const time = { nowMs: 1_042.4, nowEpochMs: 1_700_000_000_000 };

/** An entry read back. */
function entryOf(request: Exchange, given: Answer = answer): Record<string, Record<string, unknown>> {
  // A border: tests state what they expect of it.
  return JSON.parse(logEntry(request, given, time)) as Record<string, Record<string, unknown>>;
}

describe('entries of kafka-log', () => {
  it('hold request, response, latencies, addresses and consumer', () => {
    const headers = ['Host', 'h:80', 'X-A', '1', 'x-a', '2', 'Content-Length', '5'];
    const request: Exchange = {
      ...exchange({ query: 'x=1&y&x=%C3%BC', headers, consumer: { id: 'c', username: 'u', customId: 'own' } }),
      route: { id: 'r', name: 'orders', serviceId: 's', serviceName: 'svc', captures: {} },
    };
    expect(entryOf(request)).to.deep.equal({
      request: {
        id: 'r1',
        method: 'POST',
        uri: '/?x=1&y&x=%C3%BC',
        url: 'http://h:80/?x=1&y&x=%C3%BC',
        // Request line, four headers, the empty line, five bytes.
        size: 32 + (12 + 8 + 8 + 19) + 2 + 5,
        querystring: { x: ['1', 'ü'], y: true },
        headers: { host: 'h:80', 'x-a': ['1', '2'], 'content-length': '5' },
      },
      response: {
        status: 201,
        size: 14 + (26 + 15 + 15) + 2 + 3,
        headers: { 'content-type': 'text/plain', 'set-cookie': ['a', 'b'] },
      },
      latencies: { request: 42, kong: 42, proxy: -1 },
      client_ip: '127.0.0.1',
      started_at: 1_699_999_999_958,
      route: { id: 'r', name: 'orders' },
      service: { id: 's', name: 'svc' },
      consumer: { id: 'c', username: 'u', custom_id: 'own' },
    });
  });

  it('keep the first 1,000 arguments of a query and say that there were more', () => {
    const query = (count: number): string => Array.from({ length: count }, (_, index) => `a=${index}`).join('&');
    const requestOf = (count: number): Record<string, unknown> | undefined =>
      entryOf(exchange({ query: query(count) }))['request'];
    expect(requestOf(1_000)).not.to.have.property('querystring_truncated');
    const cut = requestOf(1_001);
    expect(cut).to.have.property('querystring_truncated', true);
    expect(cut).to.have.nested.property('querystring.a').with.length(1_000);
    expect(cut).to.have.property('uri', `/?${query(1_001)}`);
  });

  it('leave out missing values', () => {
    expect(entryOf(exchange({}))).to.have.all.keys('request', 'response', 'latencies', 'client_ip', 'started_at');
    expect(entryOf(exchange({ captures: {} }))).not.to.have.property('service');
  });

  it('name credentials without their values', () => {
    const headers = [
      'Authorization',
      'Basic secret',
      'PROXY-AUTHORIZATION',
      'secret',
      'x',
      Buffer.from('ü').toString('latin1'),
    ];
    const entry = entryOf({ ...exchange({}), headers: new HeaderList(headers) });
    expect(entry['request']?.['headers']).to.deep.equal({
      authorization: 'REDACTED',
      'proxy-authorization': 'REDACTED',
      x: 'ü',
    });
    expect(JSON.stringify(entry)).not.to.include('secret');
  });

  it('leave out the values of headers and arguments in which plugins look for credentials', () => {
    const headers = ['ApiKey', 'secret-1', 'Cookie', 'session=secret-2', 'x', 'y'];
    const secrets = { headers: new Set(['apikey', 'cookie']), args: new Set(['api key', 'jwt']) };
    const query = 'a=b%20c&api+key=secret-3&jwt=secret-4&jwt=secret-5&jwt&x=jwt';
    const shown = 'a=b%20c&api+key=REDACTED&jwt=REDACTED&jwt=REDACTED&jwt&x=jwt';
    const entry = entryOf({ ...exchange({ query }), headers: new HeaderList(headers), secrets });
    expect(JSON.stringify(entry)).not.to.include('secret-');
    expect(entry['request']).to.deep.include({
      uri: `/?${shown}`,
      url: `http://h:80/?${shown}`,
      querystring: { a: 'b c', 'api key': 'REDACTED', jwt: ['REDACTED', 'REDACTED', true], x: 'jwt' },
      headers: { apikey: 'REDACTED', cookie: 'REDACTED', x: 'y' },
    });
  });

  it('take https for both protocols on TLS', () => {
    for (const protocol of ['https', 'grpcs'] as const) {
      expect(entryOf({ ...exchange({}), protocol })['request']?.['url']).to.equal('https://h:80/?');
    }
  });

  it('count a body that streams by its declared length', () => {
    const stream = (headers: string[]): Answer => ({ status: 200, headers, body: Readable.from([]) });
    const sizeOf = (given: Answer): number => Number(entryOf(exchange({}), given)['response']?.['size']);
    const declared = sizeOf(stream(['content-length', '1000']));
    expect(declared - sizeOf(stream(['content-length', 'abcd']))).to.equal(1_000);
    expect(sizeOf(stream([]))).to.equal(16);
    expect(sizeOf({ status: 200, headers: [], body: Buffer.alloc(7) })).to.equal(16 + 7);
  });
});
