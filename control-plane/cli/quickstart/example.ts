import { firstAddress, type ServiceAddresses } from '../services/services.ts';
import { createTopic } from '../services/kafka-wire.ts';
import type { AdminClient } from '../admin-client.ts';

export const exampleTopic = 'orders';
const subject = 'orders-value';
const partitions = 12;
const requestTimeoutMs = 15_000;

const orderSchema = {
  type: 'record',
  name: 'Order',
  namespace: 'sluice.example',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'item', type: 'string' },
    { name: 'quantity', type: 'int' },
    { name: 'price', type: 'double' },
    { name: 'customer', type: ['null', 'string'], default: null },
  ],
};

/** The topic and the schema of the example; what is there already stays as it is. */
export async function prepareExample({ kafka, registry }: ServiceAddresses): Promise<void> {
  await createTopic({
    address: firstAddress(kafka),
    topic: exampleTopic,
    partitions,
    timeoutMs: requestTimeoutMs,
  });
  const response = await fetch(`${registry}/subjects/${subject}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema: JSON.stringify(orderSchema) }),
    signal: AbortSignal.timeout(requestTimeoutMs),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`The schema registry did not take ${subject}: ${response.status} ${answer}`);
}

/** The route `POST /orders` and its plugin, by name: a second start finds and renews them. */
export async function configureExample(admin: AdminClient, { kafka, registry }: ServiceAddresses): Promise<void> {
  await admin.request('PUT', '/routes/orders', { name: 'orders', methods: ['POST'], paths: ['/orders'] });
  await admin.request('PUT', '/plugins/orders', {
    name: 'kafka-upstream',
    instance_name: 'orders',
    route: { name: 'orders' },
    config: {
      bootstrap_servers: kafka.split(',').map(firstAddress),
      topic: exampleTopic,
      record_value: 'body',
      schema_registry: {
        confluent: { url: registry, value_schema: { subject_name: subject, schema_version: 'latest' } },
      },
    },
  });
}

export interface Addresses extends ServiceAddresses {
  /** `http://127.0.0.1:8000` */
  readonly proxies: readonly string[];
  /** `https://127.0.0.1:8443`, with a self-signed certificate. */
  readonly proxiesTls: readonly string[];
  readonly admin: string;
  readonly statuses: readonly string[];
  readonly controlPlaneStatus: string;
  readonly data: string;
  /** A file of shell variables that hold these addresses. */
  readonly addressesFile: string;
}

/** Writes the text that is printed when all is up: every address, a request that works and one that does not. */
export function readyText(addresses: Addresses): string {
  const { proxies, proxiesTls, statuses, admin, controlPlaneStatus, kafka, registry, data, addressesFile } = addresses;
  const nodes = proxies.map(
    (proxy, index) =>
      `  data plane ${index + 1}     ${proxy}   ${proxiesTls[index] ?? ''}   status ${statuses[index] ?? ''}/status`,
  );
  const good = '{"id":"order-1","item":"umbrella","quantity":2,"price":19.9}';
  const bad = '{"id":"order-2","item":"umbrella","quantity":"two","price":19.9}';
  return `
Sluice is up. Ctrl-C stops all that was started here.

${nodes.join('\n')}
  Admin API        ${admin}   status ${controlPlaneStatus}/status
  console          ${admin}/console/
  Kafka            ${kafka}   topic ${exampleTopic}
  schema registry  ${registry}   subject ${subject}
  data and logs    ${data}

Three things to try:

1. Send an order; expect 200 with "outcome":"acked", its partition and offset:

  ${curl(proxies[0] ?? '', good)}

2. Send one that does not fit the schema; expect 422 that names /quantity, and nothing in the topic:

  ${curl(proxies[0] ?? '', bad)}

3. Open the console, change the route \`orders\`, and watch the change reach the data plane:

  ${admin}/console/

The commands of README.md and docs/ work in another terminal once it has these addresses and the command line:

  . ${addressesFile}
  sluice nodes
`;
}

function curl(proxy: string, body: string): string {
  return `curl -i ${proxy}/orders -H 'content-type: application/json' -d '${body}'`;
}
