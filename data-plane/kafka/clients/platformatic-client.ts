import type { KafkaClient } from '../kafka-client.ts';
import { BrokersClient } from './brokers-client.ts';
import { answerGraceMs, type KafkaClientOptions } from './kafkajs-client.ts';
import { PlatformaticBrokerConnection, type PlatformaticCluster } from './platformatic-connection.ts';
import { platformaticSasl, tlsOptions } from './security-options.ts';

/** The client on @platformatic/kafka. Connections start at once, in the background. */
export function createPlatformaticClient({ cluster, events }: KafkaClientOptions): KafkaClient {
  const requestTimeoutMs = cluster.requestTimeoutMs + answerGraceMs;
  const shared: PlatformaticCluster = {
    cluster,
    requestTimeoutMs,
    sasl: cluster.sasl === null ? null : platformaticSasl(cluster.sasl),
    tls: cluster.tls === null ? null : tlsOptions(cluster.tls),
  };
  return new BrokersClient({
    cluster,
    open: (address, connectionEvents) => new PlatformaticBrokerConnection(shared, address, connectionEvents),
    answerTimeoutMs: requestTimeoutMs,
    events,
  });
}
