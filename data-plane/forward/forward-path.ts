/**
 * Returns the path of the upstream request (Kong's `path_handling: v0`): the service's path and what is left of the
 * request's, with exactly one slash at the junction.
 *
 * @param servicePath null: none
 * @param requestPath normalised, without the query
 * @param strippedLength the characters of the request's path that the route matched and that do not go along; 0: none
 */
export function forwardPath(servicePath: string | null, requestPath: string, strippedLength: number): string {
  const rest = requestPath.slice(strippedLength);
  const base = servicePath ?? '/';
  if (rest === '') return base;
  const start = base.endsWith('/') ? base.slice(0, -1) : base;
  return rest.startsWith('/') ? start + rest : `${start}/${rest}`;
}
