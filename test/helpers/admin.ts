/** Small calls to the Admin API, as curl would make them. */
export async function admin(base: string, method: string, path: string, body?: unknown): Promise<AdminAnswer> {
  const response = await fetch(`${base}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    // A border: tests state what they expect of it.
    body: (text === '' ? null : JSON.parse(text)) as AdminAnswer['body'],
  };
}

export interface AdminAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>> & {
    readonly id?: string;
    readonly data?: readonly Readonly<Record<string, unknown>>[];
  };
}

/** Calls `admin` and fails with the answer's body unless the status is 2xx. */
export async function adminOk(
  base: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<AdminAnswer['body']> {
  const answer = await admin(base, method, path, body);
  if (answer.status < 200 || answer.status > 299) {
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
  return answer.body;
}

/** A route without a service whose kafka-upstream plugin has this configuration, applied on every connected node. */
export async function makeKafkaRoute(
  base: string,
  options: { name: string; path: string; config: Readonly<Record<string, unknown>> },
): Promise<void> {
  await adminOk(base, 'PUT', `/routes/${options.name}`, { name: options.name, paths: [options.path] });
  const body = { name: 'kafka-upstream', instance_name: options.name, config: options.config };
  await adminOk(base, 'POST', `/routes/${options.name}/plugins?wait=applied&timeout=10s`, body);
}

/** Kong's form of a `host:port` list. */
export function bootstrapServers(addresses: string): { host: string; port: number }[] {
  return addresses.split(',').map((address) => {
    const colon = address.lastIndexOf(':');
    return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
  });
}
