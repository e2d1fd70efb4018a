import type { JwtConfig } from '../../../shared/plugin-schemas/jwt.ts';
import { afterScheme } from '../../plugin-api/authorization-header.ts';
import { cookiesOf } from '../../plugin-api/cookies.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import { argNamed } from '../../plugin-api/query-args.ts';

export type FoundToken =
  | { readonly kind: 'none' }
  /** Different tokens in different places, or several in one. */
  | { readonly kind: 'several' }
  /** An argument without a value. */
  | { readonly kind: 'unreadable' }
  | { readonly kind: 'one'; readonly token: string };

/** Compiles where tokens are looked for: in arguments of the query, cookies and headers. */
export function compileFindToken(config: JwtConfig): (exchange: Exchange) => FoundToken {
  const argumentNames = config.uri_param_names ?? [];
  const cookieNames = new Set(config.cookie_names);
  const headerNames = (config.header_names ?? []).map((name) => name.toLowerCase());

  function argumentsOf({ query }: Exchange): unknown[] {
    if (query === '' || argumentNames.length === 0) return [];
    return argumentNames.flatMap((name) => argNamed(query, name) ?? []);
  }

  function* valuesOf(exchange: Exchange): Generator {
    yield* argumentsOf(exchange);
    if (cookieNames.size > 0) {
      for (const [name, value] of cookiesOf(exchange)) if (cookieNames.has(name)) yield value;
    }
    for (const name of headerNames) for (const value of exchange.headers.all(name)) yield afterScheme(value, 'bearer');
  }

  return (exchange) => {
    const found = new Set<unknown>(valuesOf(exchange));
    found.delete(undefined);
    found.delete('');
    const [token, ...others] = found;
    if (token === undefined) return { kind: 'none' };
    if (others.length > 0) return { kind: 'several' };
    return typeof token === 'string' ? { kind: 'one', token } : { kind: 'unreadable' };
  };
}
