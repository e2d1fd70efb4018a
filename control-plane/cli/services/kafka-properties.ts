import type { KafkaAddress } from './kafka-wire.ts';

export type KafkaSecurity = 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';
export type SaslMechanism = 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER';

export interface KafkaUser {
  readonly name: string;
  readonly password: string;
}

/** What all brokers of a cluster have in common. */
export interface ClusterLayout {
  readonly security: KafkaSecurity;
  readonly mechanisms: readonly SaslMechanism[];
  readonly users: readonly KafkaUser[];
  /** Super users besides the internal listener's; undefined: no authorizer. */
  readonly superUsers: readonly string[] | undefined;
  readonly keystore: { readonly path: string; readonly password: string } | undefined;
  readonly brokers: readonly BrokerLayout[];
  readonly properties: Readonly<Record<string, string>>;
}

export interface BrokerLayout {
  readonly id: number;
  readonly dataDirectory: string;
  readonly clientPort: number;
  readonly internalPort: number;
  /** 0: the broker is no controller. */
  readonly controllerPort: number;
  /** What clients are told to connect to, when it is not the broker itself. */
  readonly advertised: KafkaAddress | undefined;
}

const host = '127.0.0.1';

/**
 * The server properties of one broker. Clients use the listener CLIENT with the chosen security; brokers among
 * themselves and the launcher use INTERNAL, in the clear and on loopback only.
 */
export function brokerProperties(layout: ClusterLayout, broker: BrokerLayout): Record<string, string> {
  const isController = broker.controllerPort !== 0;
  const listeners = [`CLIENT://${host}:${broker.clientPort}`, `INTERNAL://${host}:${broker.internalPort}`];
  const { host: clientHost, port: clientPort } = broker.advertised ?? { host, port: broker.clientPort };
  return {
    'node.id': String(broker.id),
    'process.roles': isController ? 'broker,controller' : 'broker',
    'controller.quorum.voters': layout.brokers
      .filter(({ controllerPort }) => controllerPort !== 0)
      .map(({ id, controllerPort }) => `${id}@${host}:${controllerPort}`)
      .join(','),
    listeners: [...listeners, ...(isController ? [`CONTROLLER://${host}:${broker.controllerPort}`] : [])].join(','),
    'advertised.listeners': `CLIENT://${clientHost}:${clientPort},INTERNAL://${host}:${broker.internalPort}`,
    'listener.security.protocol.map': `CLIENT:${layout.security},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT`,
    'inter.broker.listener.name': 'INTERNAL',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': broker.dataDirectory,
    ...defaults(layout.brokers.length),
    ...saslProperties(layout),
    ...tlsProperties(layout),
    ...authorizerProperties(layout),
    ...layout.properties,
  };
}

function defaults(brokerCount: number): Record<string, string> {
  const replicas = String(Math.min(3, brokerCount));
  return {
    'auto.create.topics.enable': 'false',
    'default.replication.factor': replicas,
    'offsets.topic.replication.factor': replicas,
    // Few partitions of the inner topics: a small machine starts and stops faster.
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': '1',
    'share.coordinator.state.topic.num.partitions': '4',
    'group.initial.rebalance.delay.ms': '0',
  };
}

function saslProperties({ security, mechanisms, users }: ClusterLayout): Record<string, string> {
  if (!security.startsWith('SASL_')) return {};
  const properties: Record<string, string> = {
    'listener.name.client.sasl.enabled.mechanisms': mechanisms.join(','),
  };
  for (const mechanism of mechanisms) {
    properties[`listener.name.client.${mechanism.toLowerCase()}.sasl.jaas.config`] = jaasConfig(mechanism, users);
  }
  return properties;
}

function jaasConfig(mechanism: SaslMechanism, users: readonly KafkaUser[]): string {
  const security = 'org.apache.kafka.common.security';
  const plainUsers = users.map(({ name, password }) => ` user_${name}="${password}"`).join('');
  // The users of SCRAM are in the cluster's metadata, written when the storage is formatted.
  const scram = `${security}.scram.ScramLoginModule required;`;
  const configs: Record<SaslMechanism, string> = {
    PLAIN: `${security}.plain.PlainLoginModule required${plainUsers};`,
    'SCRAM-SHA-256': scram,
    'SCRAM-SHA-512': scram,
    // Without a validator among the extra properties the broker takes unsecured (unsigned) tokens.
    OAUTHBEARER: `${security}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
  };
  return configs[mechanism];
}

function tlsProperties({ keystore }: ClusterLayout): Record<string, string> {
  if (keystore === undefined) return {};
  const prefix = 'listener.name.client.ssl';
  return {
    [`${prefix}.keystore.type`]: 'PKCS12',
    [`${prefix}.keystore.location`]: keystore.path,
    [`${prefix}.keystore.password`]: keystore.password,
    [`${prefix}.key.password`]: keystore.password,
  };
}

function authorizerProperties({ superUsers }: ClusterLayout): Record<string, string> {
  if (superUsers === undefined) return {};
  return {
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'allow.everyone.if.no.acl.found': 'false',
    // The brokers and the launcher come over INTERNAL and have no name.
    'super.users': ['ANONYMOUS', ...superUsers].map((name) => `User:${name}`).join(';'),
  };
}

/** The arguments of StorageTool that write the SCRAM users into the metadata of a fresh cluster. */
export function scramArguments({ security, mechanisms, users }: ClusterLayout): string[] {
  if (!security.startsWith('SASL_')) return [];
  return mechanisms
    .filter((mechanism) => mechanism.startsWith('SCRAM-'))
    .flatMap((mechanism) =>
      users.flatMap(({ name, password }) => ['--add-scram', `${mechanism}=[name=${name},password=${password}]`]),
    );
}

/** Java's properties format, as far as values here need it. */
export function propertiesText(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n`)
    .join('');
}
