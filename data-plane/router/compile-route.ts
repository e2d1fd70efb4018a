import type { FieldFault } from '../../shared/schema/field.ts';
import { compileHeader, type HeaderMatcher } from './headers.ts';
import { compileServerNames, parseHost, type HostPattern } from './host.ts';
import { compilePath, type PathMatcher } from './path.ts';
import { priorityOf, type Priority } from './priority.ts';
import { RouteCompileError, type RouteDefinition } from './route.ts';

/** A route with one of its paths; each competes by its own priority. */
export interface Candidate<T> {
  readonly priority: Priority;
  /** null: the route does not look at paths. */
  readonly path: PathMatcher | null;
  readonly methods: ReadonlySet<string> | null;
  readonly headers: readonly HeaderMatcher[] | null;
  readonly matchesSni: ((sni: string) => boolean) | null;
  readonly value: T;
}

/** A route ready to be found. Does not change, so that several routers may hold it. */
export interface CompiledRoute<T> {
  readonly value: T;
  readonly hosts: readonly HostPattern[];
  /** One for each path. */
  readonly candidates: readonly Candidate<T>[];
}

/** @throws RouteCompileError with every regular expression that does not parse. */
export function compileRoute<T>(route: RouteDefinition, value: T): CompiledRoute<T> {
  return { value, hosts: route.hosts.map(parseHost), candidates: candidatesOf(route, value) };
}

function candidatesOf<T>(route: RouteDefinition, value: T): Candidate<T>[] {
  const faults: FieldFault[] = [];
  const headers = collect(faults, Object.entries(route.headers), ([name, values]) => compileHeader(name, values));
  const paths = collect(faults, [...route.paths.entries()], ([position, path]) => compilePath(path, position));
  if (faults.length > 0) throw new RouteCompileError(faults);
  const common = {
    methods: route.methods.length === 0 ? null : new Set(route.methods),
    headers: headers.length === 0 ? null : headers,
    matchesSni: route.snis.length === 0 ? null : compileServerNames(route.snis),
    value,
  };
  if (paths.length === 0) return [{ ...common, path: null, priority: priorityOf(route, undefined) }];
  return paths.map((path, position) => ({ ...common, path, priority: priorityOf(route, route.paths[position]) }));
}

/** Compiles each item; what cannot be compiled is added to `faults`. */
function collect<Item, Compiled>(
  faults: FieldFault[],
  items: readonly Item[],
  compile: (item: Item) => Compiled,
): Compiled[] {
  return items.flatMap((item) => {
    try {
      return [compile(item)];
    } catch (error) {
      if (!(error instanceof RouteCompileError)) throw error;
      faults.push(...error.faults);
      return [];
    }
  });
}
