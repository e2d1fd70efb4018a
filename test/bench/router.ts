import type { RoutableRequest, RouteDefinition } from '../../data-plane/router/route.ts';
import type { Router } from '../../data-plane/router/router.ts';
import { request, route, routerOf } from '../data-plane/router/routes.ts';
import { writeFigures } from './arena.ts';
import { median, spread, table } from './load.ts';

export interface RouterOptions {
  readonly sizes: readonly number[];
  readonly rounds: number;
}

/** Times the smallest router's match time (bench.md `router`). */
const limit = 2;
const matchesARound = 300_000;
const requestsMax = 1_000;

/** The time of a match by the number of routes, round by round in turn. */
export function routerBench({ sizes, rounds }: RouterOptions): void {
  const contestants = sizes.map((size) => ({ size, ...routing(size), nanos: [] as number[] }));
  for (let round = -1; round < rounds; round += 1) {
    for (const { router, requests, nanos } of contestants) {
      const took = matchNanos(router, requests);
      // Round -1 warms the engine up.
      if (round >= 0) nanos.push(took);
    }
  }
  const [smallest] = contestants;
  const rows = [['routes', 'ns a match', 'of the smallest', `limit ${limit}`]];
  const figures: object[] = [];
  for (const { size, nanos } of contestants) {
    const ratio = nanos.map((own, index) => own / (smallest?.nanos[index] ?? own));
    rows.push([
      String(size),
      spread(nanos, 0),
      spread(ratio, 2),
      size === smallest?.size ? '' : median(ratio) <= limit ? 'held' : 'missed',
    ]);
    figures.push({ size, nanos: median(nanos), ofSmallest: median(ratio) });
  }
  console.log(table(rows));
  writeFigures('router', figures);
}

function matchNanos(router: Router<string>, requests: readonly RoutableRequest[]): number {
  const startMs = performance.now();
  let found = 0;
  for (let done = 0; done < matchesARound; done += requests.length) {
    for (const one of requests) if (router.match(one) !== undefined) found += 1;
  }
  const nanos = ((performance.now() - startMs) * 1e6) / matchesARound;
  if (found === 0) throw new Error('nothing matched');
  return nanos;
}

/**
 * Hosts of a hundred tenants, prefixes, methods, headers, some wildcards and regular expressions. As many requests for
 * any number of routes, half of them for none, so that what is compared is not how many of them a cache holds.
 */
function routing(size: number): { readonly router: Router<string>; readonly requests: readonly RoutableRequest[] } {
  const definitions = Array.from({ length: size }, (_one, n): RouteDefinition => {
    const kind = n % 10;
    return route(`route-${n}`, {
      hosts: [kind === 8 ? `*.${hostOf(n)}` : hostOf(n)],
      paths: [kind === 9 ? `~${pathOf(n)}/(?<id>[0-9]+)$` : pathOf(n)],
      methods: kind === 7 ? ['POST'] : [],
      headers: kind === 6 ? { 'x-kind': [`k${n}`] } : {},
    });
  });
  const requests = Array.from({ length: requestsMax / 2 }, (_one, index) => {
    const n = Math.floor((index * size) / (requestsMax / 2));
    const host = n % 10 === 8 ? `a.${hostOf(n)}` : hostOf(n);
    const headers = ['content-type', 'application/json', 'x-kind', `k${n}`];
    return [
      request({ method: 'POST', host, path: `${pathOf(n)}/17`, headers }),
      request({ host, path: `/api/v1/nothing-${index}` }),
    ];
  }).flat();
  return { router: routerOf(definitions), requests };
}

const hostOf = (n: number): string => `tenant-${n % 100}.example.test`;
const pathOf = (n: number): string => `/api/v1/things-${n}/orders`;
