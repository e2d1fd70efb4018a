const requestTimeoutMs = 15_000;

/** The Admin API answered something else than success. */
export class RefusedError extends Error {
  readonly reply: { readonly status: number; readonly text: string };

  constructor(message: string, reply: RefusedError['reply']) {
    super(message);
    this.name = 'RefusedError';
    this.reply = reply;
  }
}

export interface AdminClient {
  /** Resolves to the answer's body; rejects, with the Admin API's own words, unless the status is 2xx. */
  request(method: 'GET' | 'PUT', path: string, body?: unknown): Promise<unknown>;
  /** Resolves to any answer, whatever its status. */
  exchange(request: AdminExchange): Promise<AdminReply>;
}

export interface AdminExchange {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** 15 s when not given. */
  readonly timeoutMs?: number;
}

export interface AdminReply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Makes the client of the Admin API that the command line uses. */
export function createAdminClient({ url, token }: { readonly url: string; readonly token?: string }): AdminClient {
  const exchange: AdminClient['exchange'] = async ({ method, path, headers, body, timeoutMs = requestTimeoutMs }) => {
    const response = await fetch(new URL(path, url), {
      method,
      headers: { ...(token === undefined ? {} : { 'kong-admin-token': token }), ...headers },
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return {
    exchange,
    async request(method, path, body) {
      const content =
        body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
      const { status, text } = await exchange({ method, path, ...content });
      if (status < 200 || status > 299)
        throw new RefusedError(`${method} ${path}: ${status} ${text}`, { status, text });
      const answer: unknown = JSON.parse(text);
      return answer;
    },
  };
}

/** Says in one line why a call failed, with its cause: `fetch failed` alone says nothing. */
export function callFault(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
