import { expect } from 'chai';
import { proxyFor, type ForwardProxy } from '../../../data-plane/http-client/forward-proxy.ts';

describe('the choice of a forward proxy', () => {
  const http = { url: 'http://p', authorization: null };
  const https = { url: 'http://q', authorization: null };
  const choices: [url: string, except: string | null, chosen: ForwardProxy | null][] = [
    ['http://a.b/token', null, http],
    ['https://a.b/token', null, https],
    ['https://a.b/token', 'a.b', null],
    ['https://x.a.b/token', 'c, A.B', null],
    ['https://x.a.b/token', '.a.b', null],
    ['https://x.a.b/token', '*.a.b', null],
    ['https://xa.b/token', 'a.b', https],
    ['https://a.b/token', '*', null],
    ['https://a.b/token', ' , ', https],
  ];
  for (const [url, except, chosen] of choices) {
    it(`sends ${url} ${chosen === null ? 'directly' : `through ${chosen.url}`} with no_proxy ${except}`, () => {
      expect(proxyFor(url, { http, https, except })).to.equal(chosen);
      expect(proxyFor(url, { http: null, https: null, except })).to.equal(null);
    });
  }
});
