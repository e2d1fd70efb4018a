import type { RouteDefinition } from './route.ts';

/** Decides between several matching routes; compared field by field, in this order. */
export interface Priority {
  /** How many of methods, hosts, headers, snis and paths the route uses. */
  readonly fieldKinds: number;
  /** The route names hosts, and none with a wildcard. */
  readonly plainHosts: boolean;
  readonly headerCount: number;
  readonly regexPath: boolean;
  /** 0 for prefixes. */
  readonly regexPriority: number;
  /** 0 for regular expressions. */
  readonly prefixLength: number;
  /** Older wins. */
  readonly createdAt: number;
  readonly id: string;
}

/** The priority of a route with one of its paths; undefined for a route without paths. */
export function priorityOf(route: RouteDefinition, path: string | undefined): Priority {
  const headerCount = Object.keys(route.headers).length;
  const regexPath = path !== undefined && path.startsWith('~');
  const used = [
    route.methods.length > 0,
    route.hosts.length > 0,
    headerCount > 0,
    route.snis.length > 0,
    path !== undefined,
  ];
  return {
    fieldKinds: used.filter(Boolean).length,
    plainHosts: route.hosts.length > 0 && route.hosts.every((host) => !host.includes('*')),
    headerCount,
    regexPath,
    regexPriority: regexPath ? route.regexPriority : 0,
    prefixLength: regexPath || path === undefined ? 0 : path.length,
    createdAt: route.createdAt,
    id: route.id,
  };
}

/** Negative when `a` goes before `b`. Zero only between two paths of one route that are alike in all of it. */
export function comparePriority(a: Priority, b: Priority): number {
  return (
    b.fieldKinds - a.fieldKinds ||
    Number(b.plainHosts) - Number(a.plainHosts) ||
    b.headerCount - a.headerCount ||
    Number(b.regexPath) - Number(a.regexPath) ||
    b.regexPriority - a.regexPriority ||
    b.prefixLength - a.prefixLength ||
    a.createdAt - b.createdAt ||
    (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  );
}
