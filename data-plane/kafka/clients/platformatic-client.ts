import type { SASLOptions } from '@platformatic/kafka';
import type { KafkaClient } from '../client.ts';
import type { ClusterSettings } from '../producer.ts';
import { BrokersClient } from './brokers-client.ts';
import { answerGraceMs, type KafkaClientOptions } from './kafkajs-client.ts';
import { PlatformaticBrokerConnection, type PlatformaticCluster } from './platformatic-connection.ts';
import { createTokenSource, tlsOptions } from './security.ts';

/** The client on @platformatic/kafka. Connections start at once, in the background. */
export function createPlatformaticClient({ cluster, events }: KafkaClientOptions): KafkaClient {
  const requestTimeoutMs = cluster.requestTimeoutMs + answerGraceMs;
  const shared: PlatformaticCluster = {
    cluster,
    requestTimeoutMs,
    sasl: saslOptions(cluster),
    tls: cluster.tls === null ? null : tlsOptions(cluster.tls),
  };
  return new BrokersClient({
    seeds: cluster.bootstrapServers,
    open: (address, connectionEvents) => new PlatformaticBrokerConnection(shared, address, connectionEvents),
    metadataTimeoutMs: requestTimeoutMs,
    events,
  });
}

function saslOptions({ sasl }: ClusterSettings): SASLOptions | null {
  if (sasl === null) return null;
  if (sasl.mechanism === 'OAUTHBEARER') {
    return { mechanism: sasl.mechanism, token: createTokenSource(sasl), oauthBearerExtensions: { ...sasl.extensions } };
  }
  return { mechanism: sasl.mechanism, username: sasl.username, password: sasl.password };
}
