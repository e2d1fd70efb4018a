import type { Logger } from '../../../shared/log.ts';
import type { KafkaClient, KafkaClientEvents } from '../kafka-client.ts';
import type { ClusterSettings } from '../producer-types.ts';
import { BrokersClient } from './brokers-client.ts';
import { type KafkajsCluster, KafkajsBrokerConnection } from './kafkajs-connection.ts';
import { kafkajs } from './kafkajs-internals.ts';
import { kafkajsSasl, tlsOptions } from './security-options.ts';

/** Time that the client waits for an answer beyond the broker's own time limit. */
export const answerGraceMs = 1000;

export interface KafkaClientOptions {
  readonly cluster: ClusterSettings;
  readonly logger: Logger;
  readonly events: KafkaClientEvents;
}

/** The default client. Connections start at once, in the background. */
export function createKafkajsClient({ cluster, logger, events }: KafkaClientOptions): KafkaClient {
  const requestTimeoutMs = cluster.requestTimeoutMs + answerGraceMs;
  const shared: KafkajsCluster = {
    cluster,
    requestTimeoutMs,
    logger: createKafkajsLogger(logger),
    sasl: cluster.sasl === null ? null : kafkajsSasl(cluster.sasl),
    ssl: cluster.tls === null ? null : tlsOptions(cluster.tls),
  };
  return new BrokersClient({
    cluster,
    open: (address, connectionEvents) => new KafkajsBrokerConnection(shared, address, connectionEvents),
    answerTimeoutMs: requestTimeoutMs,
    events,
  });
}

/** kafkajs logs every failed attempt as an error; transitions are logged by the producer, so its lines are for debugging. */
function createKafkajsLogger(logger: Logger): object {
  return kafkajs.createLogger({
    level: logger.enabled('debug') ? 4 : 0,
    // Only the message and the broker: its other fields can hold requests and answers of the login.
    logCreator: () => (line: { namespace: string; log: { message: string; broker?: string } }) =>
      logger.debug('kafka_client', line.log.message, { part: line.namespace, broker: line.log.broker }),
  });
}
