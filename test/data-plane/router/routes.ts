import { HeaderList } from '../../../data-plane/plugin-api/header-list.ts';
import type { RoutableRequest, RouteDefinition } from '../../../data-plane/router/route.ts';
import { compileRoute } from '../../../data-plane/router/compile-route.ts';
import { Router } from '../../../data-plane/router/router.ts';

/** A route that uses no field but those given. */
export function route(id: string, fields: Partial<RouteDefinition> = {}): RouteDefinition {
  return {
    id,
    methods: [],
    hosts: [],
    paths: [],
    headers: {},
    snis: [],
    regexPriority: 0,
    createdAt: 1,
    ...fields,
  };
}

export type RequestFields = Partial<Omit<RoutableRequest, 'headers'>> & { readonly headers?: readonly string[] };

/** `headers`: a flat list of names and values. */
export function request({ headers = [], ...fields }: RequestFields = {}): RoutableRequest {
  return {
    method: 'GET',
    host: 'example.com',
    port: 8000,
    path: '/',
    sni: undefined,
    headers: new HeaderList([...headers]),
    ...fields,
  };
}

/** A router whose values are the routes' ids. */
export function routerOf(routes: readonly RouteDefinition[]): Router<string> {
  const router = new Router<string>();
  for (const definition of routes) router.add(compileRoute(definition, definition.id));
  return router;
}
