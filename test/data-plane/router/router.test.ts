import { expect } from 'chai';
import { RouteCompileError, type RouteDefinition } from '../../../data-plane/router/route.ts';
import { compileRoute } from '../../../data-plane/router/compile-route.ts';
import { Router } from '../../../data-plane/router/router.ts';
import { request, type RequestFields, route, routerOf } from './routes.ts';

describe('Router: what matches', () => {
  const cases: readonly [what: string, fields: Partial<RouteDefinition>, asked: RequestFields, matches: boolean][] = [
    ['method', { methods: ['GET', 'POST'] }, { method: 'POST' }, true],
    ['other method', { methods: ['GET', 'POST'] }, { method: 'PUT' }, false],
    ['HEAD is not GET', { methods: ['GET'] }, { method: 'HEAD' }, false],

    ['host', { hosts: ['example.com'] }, {}, true],
    ['host of the route in any case', { hosts: ['EXAMPLE.com'] }, {}, true],
    ['other host', { hosts: ['example.org'] }, {}, false],
    ['any of the hosts', { hosts: ['example.org', 'example.com'] }, {}, true],
    ['no host in the request', { hosts: ['example.com'] }, { host: '' }, false],
    ['*.example.com', { hosts: ['*.example.com'] }, { host: 'a.example.com' }, true],
    ['*.example.com, several labels', { hosts: ['*.example.com'] }, { host: 'b.a.example.com' }, true],
    ['*.example.com, the name itself', { hosts: ['*.example.com'] }, { host: 'example.com' }, false],
    ['*.example.com, nothing before the dot', { hosts: ['*.example.com'] }, { host: '.example.com' }, false],
    ['*.example.com, end of a label only', { hosts: ['*.example.com'] }, { host: 'anexample.com' }, false],
    ['*.example.com in any case', { hosts: ['*.Example.Com'] }, { host: 'a.example.com' }, true],
    ['example.*', { hosts: ['example.*'] }, {}, true],
    ['example.*, several labels', { hosts: ['example.*'] }, { host: 'example.co.uk' }, true],
    ['example.*, the name itself', { hosts: ['example.*'] }, { host: 'example' }, false],
    ['example.*, nothing after the dot', { hosts: ['example.*'] }, { host: 'example.' }, false],
    ['example.*, start of a label only', { hosts: ['example.*'] }, { host: 'examples.com' }, false],
    ['host and port', { hosts: ['example.com:8000'] }, {}, true],
    ['host and another port', { hosts: ['example.com:8001'] }, {}, false],
    ['wildcard and port', { hosts: ['*.example.com:81'] }, { host: 'a.example.com', port: 81 }, true],
    ['wildcard and another port', { hosts: ['*.example.com:81'] }, { host: 'a.example.com', port: 82 }, false],
    ['wildcard at the end and port', { hosts: ['example.*:81'] }, { port: 81 }, true],
    ['IPv4 address', { hosts: ['10.0.0.1'] }, { host: '10.0.0.1' }, true],
    ['IPv6 address', { hosts: ['[::1]'] }, { host: '[::1]' }, true],
    ['IPv6 address without brackets in the route', { hosts: ['::1'] }, { host: '[::1]' }, true],
    ['IPv6 address and port', { hosts: ['[::1]:8000'] }, { host: '[::1]' }, true],
    ['IPv6 address and another port', { hosts: ['[::1]:8001'] }, { host: '[::1]' }, false],

    ['path', { paths: ['/orders'] }, { path: '/orders' }, true],
    ['prefix', { paths: ['/orders'] }, { path: '/orders/1' }, true],
    ['prefix, not by segment', { paths: ['/orders'] }, { path: '/orders-old' }, true],
    ['prefix with a slash at its end', { paths: ['/orders/'] }, { path: '/orders' }, false],
    ['path in another case', { paths: ['/orders'] }, { path: '/Orders' }, false],
    ['prefix inside the path', { paths: ['/orders'] }, { path: '/v1/orders' }, false],
    ['second of several paths', { paths: ['/a', '/orders'] }, { path: '/orders' }, true],
    ['prefix outside ASCII, as its bytes', { paths: ['/ü'] }, { path: '/%C3%BC' }, true],
    ['regular expression', { paths: [String.raw`~/orders/\d+`] }, { path: '/orders/17' }, true],
    ['regular expression, anchored at the start', { paths: [String.raw`~/\d+`] }, { path: '/orders/17' }, false],
    ['regular expression, open at the end', { paths: [String.raw`~/orders/\d`] }, { path: '/orders/17/x' }, true],
    ['regular expression, closed by $', { paths: [String.raw`~/orders/\d+$`] }, { path: '/orders/17/x' }, false],
    ['alternatives stay inside the anchor', { paths: ['~/a|/b'] }, { path: '/x/b' }, false],
    ['second alternative', { paths: ['~/a|/b'] }, { path: '/b' }, true],
    ['alternative without a group after a class', { paths: ['~/[(]|/b'] }, { path: '/b' }, true],
    ['alternative after an odd class', { paths: ['~/[](]|/b'] }, { path: '/b' }, true],
    ['alternative after quoted text', { paths: [String.raw`~/\Q(\E|/b`] }, { path: '/b' }, true],
    ['alternatives in a group', { paths: ['~/v(1|2)/x'] }, { path: '/v2/x' }, true],
    ['optional character', { paths: ['~/ab?c'] }, { path: '/ac' }, true],
    ['character counted from zero', { paths: ['~/ab{0,2}c'] }, { path: '/ac' }, true],
    ['character any number of times', { paths: ['~/ab*'] }, { path: '/a' }, true],
    ['repeated character', { paths: ['~/ab+c'] }, { path: '/abbc' }, true],
    ['escaped punctuation', { paths: [String.raw`~/a\.b`] }, { path: '/a.b' }, true],
    ['escaped punctuation is no wildcard', { paths: [String.raw`~/a\.b`] }, { path: '/axb' }, false],
    ['flag for any case', { paths: ['~(?i)/abc'] }, { path: '/ABC' }, true],

    ['header', { headers: { 'X-Tenant': ['a', 'b'] } }, { headers: ['x-tenant', 'b'] }, true],
    ['header, value in any case', { headers: { 'x-tenant': ['Abc'] } }, { headers: ['X-TENANT', 'aBC'] }, true],
    ['header, any of the lines', { headers: { x: ['b'] } }, { headers: ['x', 'a', 'X', 'b'] }, true],
    ['header, no part of a value', { headers: { x: ['b'] } }, { headers: ['x', 'ab'] }, false],
    ['header absent', { headers: { x: ['b'] } }, {}, false],
    ['every header', { headers: { x: ['1'], y: ['2'] } }, { headers: ['x', '1', 'y', '2'] }, true],
    ['one of two headers', { headers: { x: ['1'], y: ['2'] } }, { headers: ['x', '1'] }, false],
    ['~* matches anywhere', { headers: { x: ['~*b+'] } }, { headers: ['x', 'abbc'] }, true],
    ['~* in any case', { headers: { x: ['~*^Ab$'] } }, { headers: ['x', 'aB'] }, true],
    ['~* without a match', { headers: { x: ['~*^b'] } }, { headers: ['x', 'ab'] }, false],
    ['~* among several values is text', { headers: { x: ['~*b', 'c'] } }, { headers: ['x', 'b'] }, false],

    ['sni', { snis: ['a.example.com'] }, { sni: 'a.example.com' }, true],
    ['other sni', { snis: ['a.example.com'] }, { sni: 'b.example.com' }, false],
    ['sni in any case', { snis: ['A.example.com'] }, { sni: 'a.example.com' }, true],
    ['sni with a dot at the end', { snis: ['a.example.com.'] }, { sni: 'a.example.com' }, true],
    ['wildcard sni', { snis: ['*.example.com'] }, { sni: 'a.example.com' }, true],
    ['wildcard sni, the name itself', { snis: ['*.example.com'] }, { sni: 'example.com' }, false],
    ['wildcard sni at the end', { snis: ['example.*'] }, { sni: 'example.org' }, true],
    ['no server name in the handshake', { snis: ['a.example.com'] }, { sni: '' }, false],
    ['snis count on TLS only', { snis: ['a.example.com'], paths: ['/'] }, {}, true],

    ['all fields', { methods: ['GET'], hosts: ['example.com'], paths: ['/'] }, {}, true],
    ['all fields but one', { methods: ['PUT'], hosts: ['example.com'], paths: ['/'] }, {}, false],
    ['no field at all', {}, {}, true],
  ];
  for (const [what, fields, asked, matches] of cases) {
    it(`${what}: ${matches ? 'match' : 'no match'}`, () => {
      const found = routerOf([route('r', fields)]).match(request(asked));
      expect(found?.value).to.equal(matches ? 'r' : undefined);
    });
  }

  it('finds nothing without routes', () => {
    expect(new Router<string>().match(request())).to.equal(undefined);
  });
});

describe('Router: which of several wins', () => {
  const all = { method: 'GET', host: 'a.example.com', path: '/orders/1', headers: ['x', '1', 'y', '2'] };
  const cases: readonly [what: string, winner: Partial<RouteDefinition>, loser: Partial<RouteDefinition>][] = [
    ['more kinds of field', { methods: ['GET'], paths: ['/'] }, { paths: [String.raw`~/orders/\d+`] }],
    ['more kinds, though hosts are wild', { hosts: ['*.example.com'], paths: ['/'] }, { hosts: ['a.example.com'] }],
    ['plain hosts', { hosts: ['a.example.com'] }, { hosts: ['*.example.com'] }],
    ['plain hosts alone', { hosts: ['a.example.com'] }, { hosts: ['a.example.com', 'b.*'] }],
    [
      'plain hosts before the number of headers',
      { hosts: ['a.example.com'], headers: { x: ['1'] } },
      { hosts: ['*.example.com'], headers: { x: ['1'], y: ['2'] } },
    ],
    ['more headers', { headers: { x: ['1'], y: ['2'] } }, { headers: { x: ['1'] } }],
    [
      'more headers before a regular expression',
      { headers: { x: ['1'], y: ['2'] }, paths: ['/'] },
      { headers: { x: ['1'] }, paths: ['~/orders/1'] },
    ],
    ['regular expression before a longer prefix', { paths: ['~/o'] }, { paths: ['/orders/1'] }],
    ['regex_priority', { paths: ['~/o'], regexPriority: 1 }, { paths: ['~/orders/1'] }],
    ['regex_priority counts for none but regular expressions', { paths: ['/or'] }, { paths: ['/o'], regexPriority: 9 }],
    ['longer prefix', { paths: ['/orders'] }, { paths: ['/order'] }],
    ['length of a regular expression does not count', { paths: ['~/o'], createdAt: 0 }, { paths: ['~/orders/1'] }],
    ['older', { paths: ['/orders'], createdAt: 0 }, { paths: ['/orders'] }],
    ['a path that is its longest', { paths: ['/o', '/orders/1'] }, { paths: ['/orders'] }],
    ['a path though a longer one does not match', { paths: ['/orders'] }, { paths: ['/o', '/orders/123456'] }],
  ];
  for (const [what, winner, loser] of cases) {
    it(what, () => {
      // The ids and the order of adding speak for the other one.
      const routes = [route('b-winner', winner), route('a-loser', loser)];
      expect(routerOf(routes).match(request(all))?.value).to.equal('b-winner');
      expect(routerOf(routes.toReversed()).match(request(all))?.value).to.equal('b-winner');
      expect(routerOf(routes.slice(1)).match(request(all))?.value, 'the loser matches too').to.equal('a-loser');
    });
  }

  it('the route with the smaller id wins when all else is equal', () => {
    const routes = [route('b', { paths: ['/'] }), route('a', { paths: ['/'] })];
    expect(routerOf(routes).match(request())?.value).to.equal('a');
  });

  it('falls back to a route of lower priority that matches', () => {
    const routes = [route('post', { paths: ['/orders'], methods: ['POST'] }), route('any', { paths: ['/'] })];
    expect(routerOf(routes).match(request({ path: '/orders' }))?.value).to.equal('any');
  });
});

describe('Router: captures', () => {
  it('are numbered and named, without groups that took no part', () => {
    const router = routerOf([route('r', { paths: [String.raw`~/(?P<kind>[a-z]+)/(\d+)(/x)?`] })]);
    expect(router.match(request({ path: '/orders/17' }))?.captures()).to.deep.equal({
      1: 'orders',
      2: '17',
      kind: 'orders',
    });
  });

  it('come from the path that won', () => {
    const router = routerOf([route('r', { paths: ['/orders', '~/orders/(.)'] })]);
    expect(router.match(request({ path: '/orders/17' }))?.captures()).to.deep.equal({ 1: '1' });
  });

  for (const path of ['/orders', '~/orders']) {
    it(`are empty for ${path}`, () => {
      const router = routerOf([route('r', { paths: [path] })]);
      expect(router.match(request({ path: '/orders' }))?.captures()).to.deep.equal({});
    });
  }
});

describe('Router: regular expressions that do not parse', () => {
  it('are all reported, and nothing of the route is added', () => {
    const router = new Router<string>();
    const bad = route('bad', { paths: ['/fine', '~/(', '~/[', '~/ok'], headers: { 'X-A': ['~*('], b: ['c'] } });
    let failure: unknown;
    try {
      router.add(compileRoute(bad, 'bad'));
    } catch (error) {
      failure = error;
    }
    expect(failure).to.be.instanceOf(RouteCompileError);
    const faults = failure instanceof RouteCompileError ? failure.faults : [];
    expect(faults.map(({ path }) => path)).to.deep.equal([
      ['headers', 'X-A', 0],
      ['paths', 1],
      ['paths', 2],
    ]);
    for (const { message } of faults) expect(message).to.match(/^invalid regex: .+/);
    expect(router.match(request({ path: '/fine' }))).to.equal(undefined);
  });

  it('include what a linear engine cannot do', () => {
    for (const pattern of [String.raw`~/(a)\1`, '~/(?=a)']) {
      expect(() => routerOf([route('r', { paths: [pattern] })]), pattern).to.throw(RouteCompileError);
    }
  });
});
