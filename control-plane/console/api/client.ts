import { signal } from '@preact/signals';
import { recordOf, textOf, type Values } from './read.ts';
import { access, refusal, token } from './session.ts';

/** Milliseconds since 1970 at which the control plane stopped answering; undefined while it answers. */
export const unreachableSince = signal<number | undefined>(undefined);

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

const timeoutMsDefault = 15_000;

/** An answer of the Admin API that is not a success. */
export class ApiError extends Error {
  readonly status: number;
  readonly body: Values;

  constructor(status: number, body: Values) {
    super(textOf(body['message']) ?? `The control plane answered ${status}`);
    this.name = 'ApiError';
    this.status = status;
    this.body = body;
  }
}

/** Calls the Admin API with the token. Throws ApiError for an answer that is not a success. */
export async function call(method: string, path: string, options: CallOptions = {}): Promise<Reply> {
  const response = await send(method, path, options);
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true;
  const body: unknown = isJson && text !== '' ? JSON.parse(text) : undefined;
  if (response.ok) return { status: response.status, headers: response.headers, body };
  if (response.status === 401 || response.status === 429) {
    refusal.value = token.value === undefined ? '' : (textOf(recordOf(body)['message']) ?? 'Unauthorized');
    access.value = 'refused';
  }
  throw new ApiError(response.status, recordOf(body));
}

export async function get(path: string, signal?: AbortSignal): Promise<unknown> {
  return (await call('GET', path, { signal })).body;
}

/** Sends a request and notes whether the control plane can be reached. */
export async function send(
  method: string,
  path: string,
  { body, headers, timeoutMs = timeoutMsDefault, signal }: CallOptions = {},
): Promise<Response> {
  const limit = timeoutMs === Number.POSITIVE_INFINITY ? [] : [AbortSignal.timeout(timeoutMs)];
  try {
    const response = await fetch(path, {
      method,
      headers: {
        ...headers,
        ...(token.value === undefined ? {} : { Authorization: `Bearer ${token.value}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([...limit, ...(signal === undefined ? [] : [signal])]),
      credentials: 'omit',
    });
    unreachableSince.value = undefined;
    return response;
  } catch (error) {
    // A call that its page gave up says nothing of the control plane.
    if (signal?.aborted !== true) unreachableSince.value ??= Date.now();
    throw error;
  }
}

/** Returns a fault in words that say what to do. */
export function errorText(error: unknown): string {
  if (error instanceof ApiError) {
    if (error.status === 403) return `${error.message}. Log in with the full token to change things.`;
    return error.message;
  }
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return 'The control plane did not answer in time.';
  if (error instanceof TypeError) return 'The control plane cannot be reached.';
  return error instanceof Error ? error.message : String(error);
}
