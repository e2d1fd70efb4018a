import type { Route } from '../../shared/entities/route.ts';
import { RequestError } from '../../shared/errors.ts';
import type { Exchange } from '../plugin-api/exchange.ts';
import type { RouteMatch } from '../router/route.ts';

/** Says in sentences by which of its fields a route took the request. */
export function matchReasons(route: Route, match: RouteMatch<unknown>, exchange: Exchange): string[] {
  const reasons: string[] = [];
  const { paths, hosts, methods, headers, snis } = route;
  const length = match.matchedLength();
  if (length > 0) reasons.push(pathReason(paths ?? [], exchange.path, length));
  else if (paths === null || paths.length === 0) reasons.push('path: any');
  reasons.push(hosts === null || hosts.length === 0 ? 'host: any' : `host: ${exchange.host}, one of ${quoted(hosts)}`);
  reasons.push(methods === null || methods.length === 0 ? 'method: any' : `method: ${exchange.method}`);
  for (const [name, values] of Object.entries(headers ?? {}))
    reasons.push(`header: ${name} is one of ${quoted(values)}`);
  if (snis !== null && snis.length > 0)
    reasons.push(`server name: ${exchange.sni ?? 'none, on a cleartext connection'}`);
  return reasons;
}

function pathReason(paths: readonly string[], path: string, length: number): string {
  const matched = path.slice(0, length);
  if (paths.includes(matched)) return `path: ${path} begins with '${matched}'`;
  return `path: '${matched}' of ${path} matches one of ${quoted(paths)}`;
}

function quoted(values: readonly string[] | null): string {
  const shown = (values ?? []).slice(0, 5).map((value) => `'${value}'`);
  const more = (values?.length ?? 0) - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Says what a failed step answers; undefined for a fault of the node. */
export function refusalText(error: unknown): string | undefined {
  return error instanceof RequestError ? `${error.code}: ${error.message}` : undefined;
}
