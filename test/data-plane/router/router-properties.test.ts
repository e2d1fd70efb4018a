import { expect } from 'chai';
import * as fc from 'fast-check';
import type { RoutableRequest, RouteDefinition } from '../../../data-plane/router/route.ts';
import { compileRoute } from '../../../data-plane/router/compile-route.ts';
import { Router } from '../../../data-plane/router/router.ts';
import { request, route, routerOf } from './routes.ts';

/** Looks at every route and every path of it, with the engine and the string functions of the language. */
function naiveMatch(routes: readonly RouteDefinition[], asked: RoutableRequest): string | undefined {
  const candidates = routes.flatMap((definition) => {
    const rank = (path: string | undefined) => rankOf(definition, path);
    if (!fieldsMatch(definition, asked)) return [];
    if (definition.paths.length === 0) return [rank(undefined)];
    return definition.paths.filter((path) => pathMatches(path, asked.path)).map(rank);
  });
  return candidates.sort((a, b) => compareRanks(a.rank, b.rank))[0]?.id;
}

function fieldsMatch({ methods, hosts, headers, snis }: RouteDefinition, asked: RoutableRequest): boolean {
  if (methods.length > 0 && !methods.includes(asked.method)) return false;
  if (hosts.length > 0 && !hosts.some((host) => hostMatches(host, asked))) return false;
  if (snis.length > 0 && asked.sni !== undefined && !snis.some((sni) => nameMatches(sni, asked.sni ?? '')))
    return false;
  return Object.entries(headers).every(([name, values]) =>
    asked.headers
      .all(name.toLowerCase())
      .some((value) =>
        values.length === 1 && values[0]?.startsWith('~*')
          ? new RegExp(values[0].slice(2), 'i').test(value)
          : values.some((wanted) => wanted.toLowerCase() === value.toLowerCase()),
      ),
  );
}

function hostMatches(host: string, { host: name, port }: RoutableRequest): boolean {
  const [wanted = '', wantedPort] = host.split(':');
  return (wantedPort === undefined || Number(wantedPort) === port) && nameMatches(wanted, name);
}

function nameMatches(wanted: string, name: string): boolean {
  const escaped = wanted
    .toLowerCase()
    .replaceAll('.', String.raw`\.`)
    .replace('*', '.+');
  return new RegExp(`^${escaped}$`).test(name);
}

function pathMatches(path: string, asked: string): boolean {
  return path.startsWith('~') ? new RegExp(`^(?:${path.slice(1)})`).test(asked) : asked.startsWith(path);
}

type Rank = readonly (number | string)[];

function rankOf(definition: RouteDefinition, path: string | undefined): { id: string; rank: Rank } {
  const { methods, hosts, headers, snis } = definition;
  const headerCount = Object.keys(headers).length;
  const isRegex = path?.startsWith('~') === true;
  const kinds = [methods.length, hosts.length, headerCount, snis.length, path === undefined ? 0 : 1];
  const rank = [
    -kinds.filter((count) => count > 0).length,
    hosts.length > 0 && hosts.every((host) => !host.includes('*')) ? 0 : 1,
    -headerCount,
    isRegex ? 0 : 1,
    isRegex ? -definition.regexPriority : 0,
    isRegex || path === undefined ? 0 : -path.length,
    definition.createdAt,
    definition.id,
  ];
  return { id: definition.id, rank };
}

function compareRanks(a: Rank, b: Rank): number {
  const position = a.findIndex((value, index) => value !== b[index]);
  const [left = 0, right = 0] = [a[position], b[position]];
  return position === -1 ? 0 : left < right ? -1 : 1;
}

const regexPaths = ['~/a', String.raw`~/a/\d+`, '~/(a|b)', '~/a|/b', '~/ab?', '~/ab+', '~/a.c', '~/[aA]', '~/[ab]$'];
const plainPaths = ['/', '/a', '/a/', '/ab', '/abc', '/a/b', '/b', '/a/1'];
const hosts = ['a.com', 'A.com', 'b.a.com', '*.com', '*.a.com', 'a.*', 'b.*', 'a.com:81', '*.a.com:81', 'b.*:80'];
const some = <T>(values: readonly T[], maxLength = 3) => fc.uniqueArray(fc.constantFrom(...values), { maxLength });

const routes = fc
  .array(
    fc.record({
      methods: some(['GET', 'POST']),
      hosts: some(hosts),
      paths: some([...regexPaths, ...plainPaths], 4),
      headers: fc.dictionary(fc.constantFrom('x', 'Y'), fc.constantFrom(['1'], ['1', 'Two'], ['~*^t']), { maxKeys: 2 }),
      snis: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, some(['a.com', '*.a.com'])),
      regexPriority: fc.nat(1),
      createdAt: fc.nat(2),
    }),
    { maxLength: 12 },
  )
  .map((list) => list.map((fields, index) => route(`id-${index}`, fields)));

const requests = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PUT'),
    host: fc.constantFrom('a.com', 'b.a.com', 'c.b.a.com', 'b.com', 'com', 'a', '', 'a.com.', '.com', 'a..com'),
    port: fc.constantFrom(80, 81),
    path: fc.constantFrom('/', '/a', '/a/', '/a/1', '/a/b/c', '/ab', '/abc', '/abbc', '/axc', '/b', '/c', '*'),
    sni: fc.constantFrom(undefined, '', 'a.com', 'b.a.com'),
    headers: fc.constantFrom([], ['X', '1'], ['x', 'two'], ['x', '0', 'X', 'TWO', 'y', '1'], ['Y', 'three']),
  })
  .map(request);

describe('Router: the index', () => {
  it('agrees with a look at every route', function () {
    this.timeout(20_000);
    fc.assert(
      fc.property(routes, fc.array(requests, { minLength: 1, maxLength: 20 }), (list, asked) => {
        const router = routerOf(list);
        for (const one of asked) expect(router.match(one)?.value).to.equal(naiveMatch(list, one));
      }),
      { numRuns: 300 },
    );
  });

  it('does not slow down with the number of routes', function () {
    this.timeout(20_000);
    const few = microsecondsPerMatch(10);
    const many = microsecondsPerMatch(10_000);
    // Two times is what is wanted; a shared machine gets some more.
    expect(many, `10 routes: ${few} µs a match`).to.be.lessThan(Math.max(5 * few, 2));
  });

  it('does not take long over a host of many labels', () => {
    const router = routerOf([route('r', { hosts: ['*.example.com', 'example.*'] })]);
    const asked = request({ host: 'a.'.repeat(16_000) });
    const timesMs = [1, 2, 3, 4, 5].map(() => {
      const startedMs = performance.now();
      router.match(asked);
      return performance.now() - startedMs;
    });
    expect(Math.min(...timesMs)).to.be.lessThan(5);
  });
});

/** Over routes by host, path and expression; the best of some rounds, so that others on the machine disturb less. */
function microsecondsPerMatch(count: number): number {
  const router = new Router<number>();
  for (let index = 0; index < count; index += 1) {
    const kinds = [
      { paths: [`/api/v1/things-${index}`] },
      { hosts: [`tenant-${index}.example.com`], paths: ['/api'] },
      { paths: [String.raw`~/items-${index}/(?<id>\d+)`] },
      { hosts: [`*.tenant-${index}.example.org`] },
      { paths: [`~/v(1|2)|/other-${index}`], hosts: [`alternatives-${index}.example.com`] },
    ];
    router.add(compileRoute(route(String(index), kinds[index % kinds.length]), index));
  }
  const asked = [0, 1, 2, 3, 4].flatMap((kind) => {
    const index = Math.floor(count / 2 / 5) * 5 + kind;
    return [
      request({ path: `/api/v1/things-${index}/1` }),
      request({ host: `tenant-${index}.example.com`, path: '/api/x' }),
      request({ path: `/items-${index}/12` }),
      request({ host: `a.tenant-${index}.example.org` }),
      request({ host: 'nobody.example.net', path: '/nothing/here' }),
    ];
  });
  const rounds = 200;
  let bestMs = Infinity;
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const startedMs = performance.now();
    for (let round = 0; round < rounds; round += 1) for (const one of asked) router.match(one);
    bestMs = Math.min(bestMs, performance.now() - startedMs);
  }
  return (bestMs * 1000) / (rounds * asked.length);
}
