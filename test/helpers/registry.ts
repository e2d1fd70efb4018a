/** The registry of this run (`…/apis/ccompat/v7`). */
export function testRegistry(): string {
  const url = process.env['SLUICE_TEST_REGISTRY'];
  if (url === undefined) throw new Error('SLUICE_TEST_REGISTRY is not set; npm test sets it.');
  return url;
}

/** Registers an Avro schema under the subject; resolves to the schema's id. */
export function registerAvro(subject: string, schema: unknown, registry = testRegistry()): Promise<number> {
  return register(subject, { schema: JSON.stringify(schema) }, registry);
}

/** Registers a JSON Schema in the same way. */
export function registerJson(subject: string, schema: unknown, registry = testRegistry()): Promise<number> {
  return register(subject, { schemaType: 'JSON', schema: JSON.stringify(schema) }, registry);
}

/** Registers a schema of any kind, as the registry takes it. */
export async function register(subject: string, registration: object, registry: string): Promise<number> {
  const response = await fetch(`${registry}/subjects/${encodeURIComponent(subject)}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify(registration),
    signal: AbortSignal.timeout(10_000),
  });
  const body = (await response.json()) as { id?: number };
  if (!response.ok || body.id === undefined) throw new Error(`${subject}: ${response.status} ${JSON.stringify(body)}`);
  return body.id;
}
