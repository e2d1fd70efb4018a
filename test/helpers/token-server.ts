import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';

export interface TokenRequest {
  readonly authorization: string;
  readonly form: URLSearchParams;
}

/** A token endpoint (client credentials) that issues unsecured JWS, as Kafka's unsecured validator takes them. */
export interface TokenServer {
  readonly url: string;
  /** All that came so far. */
  readonly requests: readonly TokenRequest[];
  /** Tokens handed out so far. */
  readonly tokens: readonly string[];
  /** Sets the answer to the requests that follow. */
  behaviour: TokenBehaviour;
  close(): Promise<void>;
}

export interface TokenBehaviour {
  /** 200 by default. */
  readonly status?: number;
  /** Scope of the tokens, whatever was asked for. */
  readonly scope?: string;
  readonly lifeSeconds?: number;
  /** The lifetime that the token itself names, when it is longer. */
  readonly tokenLifeSeconds?: number;
}

/** With a PKCS #12 keystore it speaks TLS. */
export async function startTokenServer(
  clientSecret: string,
  tls?: { readonly pfx: Buffer; readonly passphrase: string },
): Promise<TokenServer> {
  const requests: TokenRequest[] = [];
  const tokens: string[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const { authorization = '' } = request.headers;
    const form = new URLSearchParams(text);
    requests.push({ authorization, form });
    const { status = 200, scope = form.get('scope') ?? '', lifeSeconds = 3600 } = started.behaviour;
    const { tokenLifeSeconds = lifeSeconds } = started.behaviour;
    const isClient = Buffer.from(authorization.slice('Basic '.length), 'base64')
      .toString()
      .endsWith(`:${clientSecret}`);
    response.setHeader('content-type', 'application/json');
    if (status !== 200 || !isClient) {
      response.statusCode = isClient ? status : 401;
      response.end(JSON.stringify({ error: isClient ? 'temporarily_unavailable' : 'invalid_client' }));
      return;
    }
    const token = unsecuredJws(scope, tokenLifeSeconds, tokens.length);
    tokens.push(token);
    response.end(JSON.stringify({ access_token: token, token_type: 'bearer', expires_in: lifeSeconds }));
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    answer(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  };
  const server = tls === undefined ? createHttpServer(listener) : createHttpsServer(tls, listener);
  const started: TokenServer = {
    url: '',
    requests,
    tokens,
    behaviour: {},
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return Object.assign(started, { url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${address.port}/token` });
}

function unsecuredJws(scope: string, lifeSeconds: number, id: number): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Date.now() / 1000;
  const claims = { sub: 'sluice', jti: String(id), iat: now, exp: now + lifeSeconds, scope: scope.split(' ') };
  return `${part({ alg: 'none' })}.${part(claims)}.`;
}
