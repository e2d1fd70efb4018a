/** The proxies that requests to a server may have to go through. */
export interface ProxySettings {
  /** The proxy for servers without and with TLS; null for a direct connection. */
  readonly http: ForwardProxy | null;
  readonly https: ForwardProxy | null;
  /** Hosts that are connected to directly, separated by commas; a name covers its subdomains, `*` covers all hosts. */
  readonly except: string | null;
}

export interface ForwardProxy {
  readonly url: string;
  /** The value of the header `proxy-authorization`. */
  readonly authorization: string | null;
}

/** Returns the proxy for a URL, null for a direct connection. */
export function proxyFor(url: string, { http, https, except }: ProxySettings): ForwardProxy | null {
  const { protocol, hostname } = new URL(url);
  const isDirect = (except ?? '')
    .split(',')
    .map((entry) =>
      entry
        .trim()
        .toLowerCase()
        .replace(/^\*?\./, ''),
    )
    .some((entry) => entry === '*' || (entry !== '' && (hostname === entry || hostname.endsWith(`.${entry}`))));
  if (isDirect) return null;
  return protocol === 'https:' ? https : http;
}
