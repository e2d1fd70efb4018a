import { createHttpClient, type HttpAnswer } from '../http-client/http-client.ts';
import { createTokenSource } from '../http-client/token-source.ts';
import type { RegistrySettings } from './encoder.ts';

export interface RegistryHttp {
  /** @throws Error with a message that names no secret when there is no answer in time, or no token to ask with. */
  get(path: string, timeoutMs: number): Promise<HttpAnswer>;
  close(): void;
}

/** Authenticated GET on a registry. */
export function createRegistryHttp(settings: RegistrySettings): RegistryHttp {
  const base = settings.url.replace(/\/+$/, '');
  const client = createHttpClient(base, { sslVerify: settings.sslVerify, keepAlive: true });
  const headers: Record<string, string> = {
    accept: 'application/vnd.schemaregistry.v1+json, application/json',
    ...settings.headers,
  };
  const { authentication } = settings;
  if (authentication.mode === 'basic') {
    const pair = `${authentication.username}:${authentication.password}`;
    headers['authorization'] = `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`;
  }
  const get = (path: string, timeoutMs: number, more: Readonly<Record<string, string>> = {}): Promise<HttpAnswer> =>
    client.send({ url: base + path, method: 'GET', headers: { ...headers, ...more }, timeoutMs });
  if (authentication.mode !== 'oauth2') return { get, close: () => client.close() };

  const tokens = createTokenSource({ settings: authentication.oauth });
  const getWithToken = async (path: string, timeoutMs: number): Promise<{ token: string; answer: HttpAnswer }> => {
    const token = await tokens.get();
    return { token, answer: await get(path, timeoutMs, { authorization: `Bearer ${token}` }) };
  };
  return {
    async get(path, timeoutMs) {
      const { token, answer } = await getWithToken(path, timeoutMs);
      if (answer.status !== 401) return answer;
      // The token may have been withdrawn before its time: one more try with a new one.
      tokens.drop(token);
      return (await getWithToken(path, timeoutMs)).answer;
    },
    close() {
      tokens.close();
      client.close();
    },
  };
}
