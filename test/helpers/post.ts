export interface PostAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly ms: number;
  readonly body: {
    readonly message?: string;
    readonly outcome?: string;
    readonly code?: string;
    readonly retryable?: boolean;
    readonly details?: readonly { readonly pointer?: string }[];
    readonly records?: readonly { readonly topic: string; readonly partition: number; readonly offset: string }[];
  };
}

/** A JSON POST to the proxy, with how long the answer took. */
export async function post(url: string, body: unknown): Promise<PostAnswer> {
  const startedAt = performance.now();
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  // A border: tests state what they expect of it.
  const answer = (await response.json()) as PostAnswer['body'];
  return { status: response.status, headers: response.headers, ms: performance.now() - startedAt, body: answer };
}
