export interface PostAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly ms: number;
  readonly body: {
    readonly message?: string;
    readonly error?: string;
    readonly outcome?: string;
    readonly code?: string;
    readonly retryable?: boolean;
    readonly request_id?: string;
    readonly details?: readonly { readonly pointer?: string; readonly limit?: number }[];
    readonly records?: readonly {
      readonly topic: string;
      readonly partition: number;
      readonly offset: string;
      readonly outcome?: string;
      readonly code?: string;
    }[];
  };
}

/** A JSON POST to the proxy, with how long the answer took. */
export function post(url: string, body: unknown): Promise<PostAnswer> {
  return postRaw(url, JSON.stringify(body), { 'content-type': 'application/json' });
}

/** A POST of these very bytes and headers. */
export async function postRaw(
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>>,
): Promise<PostAnswer> {
  const startedAt = performance.now();
  const response = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(30_000) });
  // A border: tests state what they expect of it.
  const answer = (await response.json()) as PostAnswer['body'];
  return { status: response.status, headers: response.headers, ms: performance.now() - startedAt, body: answer };
}
