import type { FieldFault } from '../schema/field.ts';

type Body = Readonly<Record<string, unknown>>;

// RFC 3986 appendix B, cut to what a service has: scheme, host, port and path. `URL` would add a path and hide a port.
const pattern = /^([a-z][a-z0-9+.-]*):\/\/(\[[^\]]*\]|[^/?#:@]*)(?::(\d*))?([^?#]*)/i;

/** Replaces the write-only field `url` by protocol, host, port and path. */
export function expandServiceUrl(body: Body): { readonly body: Body; readonly faults: readonly FieldFault[] } {
  if (!Object.hasOwn(body, 'url')) return { body, faults: [] };
  const { url, ...rest } = body;
  if (url === null) return { body: rest, faults: [] };
  if (typeof url !== 'string') return { body: rest, faults: [{ path: ['url'], message: 'expected a string' }] };
  const [, scheme = '', host = '', port = '', path = ''] = pattern.exec(url) ?? [];
  if (host === '') return { body: rest, faults: [{ path: ['url'], message: 'missing host in url' }] };
  const protocol = scheme.toLowerCase();
  const defaultPort = protocol === 'https' || protocol === 'grpcs' ? 443 : 80;
  return {
    body: {
      ...rest,
      protocol,
      host,
      port: port === '' ? defaultPort : Number(port),
      path: path === '' ? null : path,
    },
    faults: [],
  };
}
