/** The registry of this run (`…/apis/ccompat/v7`). */
export function testRegistry(): string {
  const url = process.env['SLUICE_TEST_REGISTRY'];
  if (url === undefined) throw new Error('SLUICE_TEST_REGISTRY is not set; npm test sets it.');
  return url;
}

/** Registers an Avro schema under the subject; resolves to the schema's id. */
export async function registerAvro(subject: string, schema: unknown, registry = testRegistry()): Promise<number> {
  const response = await fetch(`${registry}/subjects/${encodeURIComponent(subject)}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema: JSON.stringify(schema) }),
    signal: AbortSignal.timeout(10_000),
  });
  const body = (await response.json()) as { id?: number };
  if (!response.ok || body.id === undefined) throw new Error(`${subject}: ${response.status} ${JSON.stringify(body)}`);
  return body.id;
}
