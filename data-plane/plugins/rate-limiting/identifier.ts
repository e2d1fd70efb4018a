import { hash } from 'node:crypto';
import type { RateLimitingConfig } from '../../../shared/plugin-schemas/rate-limiting.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';

/**
 * Compiles what a request is counted by. Where the request lacks it, it is the client's address. Values of clients are
 * digested: they may be long, and secrets.
 */
export function compileIdentifier(config: RateLimitingConfig): (exchange: Exchange) => string {
  const find = finderOf(config);
  return (exchange) => find(exchange) ?? `ip:${exchange.clientAddress}`;
}

type Finder = (exchange: Exchange) => string | undefined;

function finderOf({ limit_by: by, header_name: name, path }: RateLimitingConfig): Finder {
  const header = (name ?? '').toLowerCase();
  const finders: Readonly<Record<typeof by, Finder>> = {
    consumer: ({ consumer }) => prefixed('consumer', consumer?.id),
    // The schema refuses it.
    'consumer-group': () => undefined,
    credential: ({ credential }) => prefixed('credential', credential?.id),
    service: ({ route }) => prefixed('service', route?.serviceId ?? undefined),
    header: ({ headers }) => {
      const value = headers.get(header);
      return value === undefined ? undefined : `header:${hash('sha256', value, 'base64url')}`;
    },
    path: (exchange) => (exchange.path === path ? 'path' : undefined),
    ip: () => undefined,
  };
  return finders[by];
}

function prefixed(kind: string, value: string | undefined): string | undefined {
  return value === undefined ? undefined : `${kind}:${value}`;
}
