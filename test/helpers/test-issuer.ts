import { createPublicKey, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** An OpenID issuer on loopback: a discovery document and a set of keys, which a test may change at any time. */
export interface TestIssuer {
  readonly url: string;
  /** Paths that were asked for so far. */
  readonly requests: string[];
  /** The keys by their id; what is published from the next request on. */
  readonly keys: Map<string, KeyObject>;
  behaviour: IssuerBehaviour;
  close(): Promise<void>;
}

export interface IssuerBehaviour {
  /** `away`: connections are cut; `silent`: requests get no answer. */
  readonly state?: 'well' | 'away' | 'silent';
  /** Replaces members of the discovery document. */
  readonly discovery?: Readonly<Record<string, unknown>>;
  /** Replaces the document with the keys; a text is sent as it is. */
  readonly keySet?: unknown;
  readonly status?: number;
}

export async function startTestIssuer(): Promise<TestIssuer> {
  const server = createServer((request, response) => answer(issuer, request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const issuer: TestIssuer = {
    url: `http://127.0.0.1:${address.port}/realm`,
    requests: [],
    keys: new Map(),
    behaviour: {},
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return issuer;
}

function answer({ url, requests, keys, behaviour }: TestIssuer, request: IncomingMessage, response: ServerResponse) {
  const { state = 'well', discovery, keySet, status = 200 } = behaviour;
  requests.push(request.url ?? '');
  if (state === 'away') request.destroy();
  if (state !== 'well') return;
  const published = [...keys].map(([kid, key]) => ({ kid, ...createPublicKey(key).export({ format: 'jwk' }) }));
  const body =
    request.url === '/realm/.well-known/openid-configuration'
      ? { issuer: url, jwks_uri: `${url}/keys`, ...discovery }
      : (keySet ?? { keys: published });
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}
