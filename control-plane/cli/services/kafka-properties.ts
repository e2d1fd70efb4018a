import type { KafkaAddress } from './kafka-wire.ts';

export type KafkaSecurity = 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';
export type SaslMechanism = 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER';

export interface KafkaUser {
  readonly name: string;
  readonly password: string;
}

/** The settings that all brokers of a cluster share. */
export interface ClusterLayout {
  readonly security: KafkaSecurity;
  /** Security protocols of further listeners for clients. */
  readonly otherSecurities?: readonly KafkaSecurity[];
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
  /** One for each of the other securities. */
  readonly otherPorts?: readonly number[];
  readonly internalPort: number;
  /** 0: the broker is no controller. */
  readonly controllerPort: number;
  /** The address that the broker tells its clients, when it is not its own. */
  readonly advertised: KafkaAddress | undefined;
}

const host = '127.0.0.1';

/**
 * The server properties of one broker. Clients use the listener CLIENT with the chosen security, and one `CLIENT_…` for
 * each of the others; brokers among themselves and the launcher use INTERNAL, in the clear and on loopback only.
 */
export function brokerProperties(layout: ClusterLayout, broker: BrokerLayout): Record<string, string> {
  const isController = broker.controllerPort !== 0;
  const others = otherListeners(layout).map((name, index) => `${name}://${host}:${broker.otherPorts?.[index] ?? 0}`);
  const listeners = [`CLIENT://${host}:${broker.clientPort}`, `INTERNAL://${host}:${broker.internalPort}`, ...others];
  const { host: clientHost, port: clientPort } = broker.advertised ?? { host, port: broker.clientPort };
  return {
    'node.id': String(broker.id),
    'process.roles': isController ? 'broker,controller' : 'broker',
    'controller.quorum.voters': layout.brokers
      .filter(({ controllerPort }) => controllerPort !== 0)
      .map(({ id, controllerPort }) => `${id}@${host}:${controllerPort}`)
      .join(','),
    listeners: [...listeners, ...(isController ? [`CONTROLLER://${host}:${broker.controllerPort}`] : [])].join(','),
    'advertised.listeners': [`CLIENT://${clientHost}:${clientPort}`, ...listeners.slice(1)].join(','),
    'listener.security.protocol.map': [
      ...clientListeners(layout).map(({ name, security }) => `${name}:${security}`),
      'INTERNAL:PLAINTEXT',
      'CONTROLLER:PLAINTEXT',
    ].join(','),
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

function otherListeners({ otherSecurities = [] }: ClusterLayout): string[] {
  return otherSecurities.map((security) => `CLIENT_${security}`);
}

function clientListeners(layout: ClusterLayout): { readonly name: string; readonly security: KafkaSecurity }[] {
  const { security, otherSecurities = [] } = layout;
  return [
    { name: 'CLIENT', security },
    ...otherListeners(layout).map((name, index) => ({ name, security: otherSecurities[index] ?? security })),
  ];
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
    // 128 MiB by default: with a small heap the broker runs out of memory.
    'log.cleaner.dedupe.buffer.size': '4194304',
  };
}

function saslProperties(layout: ClusterLayout): Record<string, string> {
  const { mechanisms, users } = layout;
  const properties: Record<string, string> = {};
  for (const { name, security } of clientListeners(layout)) {
    if (!security.startsWith('SASL_')) continue;
    const prefix = `listener.name.${name.toLowerCase()}`;
    properties[`${prefix}.sasl.enabled.mechanisms`] = mechanisms.join(',');
    for (const mechanism of mechanisms) {
      properties[`${prefix}.${mechanism.toLowerCase()}.sasl.jaas.config`] = jaasConfig(mechanism, users);
    }
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

function tlsProperties(layout: ClusterLayout): Record<string, string> {
  const { keystore } = layout;
  const properties: Record<string, string> = {};
  for (const { name, security } of clientListeners(layout)) {
    if (keystore === undefined || !security.endsWith('SSL')) continue;
    const prefix = `listener.name.${name.toLowerCase()}.ssl`;
    properties[`${prefix}.keystore.type`] = 'PKCS12';
    properties[`${prefix}.keystore.location`] = keystore.path;
    properties[`${prefix}.keystore.password`] = keystore.password;
    properties[`${prefix}.key.password`] = keystore.password;
  }
  return properties;
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
export function scramArguments(layout: ClusterLayout): string[] {
  const { mechanisms, users } = layout;
  if (!clientListeners(layout).some(({ security }) => security.startsWith('SASL_'))) return [];
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
