import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Registry } from 'prom-client';
import { downloadKafka } from '../../../../control-plane/cli/services/download.ts';
import { javaCommand } from '../../../../control-plane/cli/services/java.ts';
import { type KafkaCluster, startKafkaCluster } from '../../../../control-plane/cli/services/kafka-cluster.ts';
import type { ClusterSettings, ProducerLimits, Sasl, Verdict } from '../../../../data-plane/kafka/producer-types.ts';
import { Producers, type KafkaClientName } from '../../../../data-plane/kafka/producers.ts';
import { createLogger } from '../../../../shared/log.ts';
import { createTopic } from '../../../helpers/kafka.ts';
import { tempFolder } from '../../../helpers/temp-folder.ts';
import { testCluster, testLimits } from '../fake-kafka-client.ts';

const run = promisify(execFile);

export const clientNames = ['kafkajs', 'platformatic'] as const;
/** Planted: none of these may ever be seen in a log, an answer or a metric. */
export const secrets = {
  password: 'planted-password-7f3a',
  wrongPassword: 'planted-wrong-password-91c2',
  clientSecret: 'planted-client-secret-e4d8',
  wrongClientSecret: 'planted-wrong-client-secret-0b6e',
} as const;
export const keystorePassphrase = 'loopback-only';
/** How long a login by SCRAM-SHA-512 is good for. */
export const sessionMs = 2500;
const oauthLogin = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required';

/** One broker for all suites: every mechanism over SASL_SSL and SASL_PLAINTEXT, and TLS without a login. */
export interface SecuredKafka {
  readonly cluster: KafkaCluster;
  readonly folder: string;
  readonly ca: string;
  readonly topic: string;
  close(): Promise<void>;
}

export async function startSecuredKafka(): Promise<SecuredKafka> {
  const temp = await tempFolder();
  const cluster = await startKafkaCluster({
    directory: temp.path,
    heap: '256m',
    security: 'SASL_SSL',
    otherSecurities: ['SASL_PLAINTEXT', 'SSL'],
    mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'],
    users: [{ name: 'sluice', password: secrets.password }],
    properties: {
      'delegation.token.secret.key': 'only-for-this-broker',
      'listener.name.client_sasl_plaintext.scram-sha-512.connections.max.reauth.ms': String(sessionMs),
      'listener.name.client_sasl_plaintext.oauthbearer.sasl.jaas.config': `${oauthLogin} unsecuredLoginStringClaim_sub="broker" unsecuredValidatorRequiredScope="kafka";`,
    },
  });
  const topic = await createTopic('secured', { brokers: cluster.internalServers, partitions: 2 });
  return {
    cluster,
    folder: temp.path,
    ca: cluster.certificatePem ?? '',
    topic,
    close: async () => {
      await cluster.stop();
      await temp.remove();
    },
  };
}

export interface OpenedProducer {
  /** One record; resolves with what became of it and how long that took. */
  send(topic: string, value?: string): Promise<{ readonly verdict: Verdict; readonly tookMs: number }>;
  /** Log lines so far, parsed. */
  events(): readonly {
    readonly event: string;
    readonly level: string;
    readonly cluster?: string;
    readonly msg: string;
  }[];
  output(): string;
  state(): string | undefined;
  close(): Promise<void>;
}

export function openProducer(options: {
  readonly kafkaClient: KafkaClientName;
  readonly servers: string;
  readonly label?: string;
  readonly cluster?: Partial<ClusterSettings>;
  readonly limits?: Partial<ProducerLimits>;
  readonly deliveryTimeoutMs?: number;
}): OpenedProducer {
  const lines: string[] = [];
  const metrics = new Registry();
  const producers = new Producers({
    kafkaClient: options.kafkaClient,
    producerMemoryMaxBytes: 100_000_000,
    logger: createLogger({ level: 'debug', format: 'json', write: (line) => lines.push(line) }),
    metrics,
  });
  const colon = options.servers.lastIndexOf(':');
  const lease = producers.acquire({
    label: () => options.label ?? 'payments',
    topics: [],
    cluster: {
      ...testCluster,
      bootstrapServers: [{ host: options.servers.slice(0, colon), port: Number(options.servers.slice(colon + 1)) }],
      connectTimeoutMs: 5000,
      requestTimeoutMs: 5000,
      ...options.cluster,
    },
    limits: { ...testLimits, ...options.limits },
  });
  return {
    async send(topic, value = 'v') {
      const startMs = performance.now();
      const record = { key: null, value: Buffer.from(value), headers: [] };
      const verdict = await lease.publish(topic, record, startMs + (options.deliveryTimeoutMs ?? 10_000));
      return { verdict, tookMs: performance.now() - startMs };
    },
    // A border: lines of our own logger.
    events: () => lines.map((line) => JSON.parse(line) as { event: string; level: string; msg: string }),
    output: () => lines.join(''),
    state: () => producers.clusters()[0]?.state,
    async close() {
      lease.release();
      await producers.close(performance.now() + 500);
    },
  };
}

export function passwordLogin(
  mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512',
  password: string = secrets.password,
): Sasl {
  return mechanism === 'PLAIN'
    ? { mechanism, username: 'sluice', password }
    : { mechanism, username: 'sluice', password, tokenauth: false };
}

export function tokenLogin(tokenEndpointUrl: string, changes: object = {}): Sasl {
  return {
    mechanism: 'OAUTHBEARER',
    tokenEndpointUrl,
    tokenEndpointTlsVerify: true,
    clientId: 'sluice',
    clientSecret: secrets.clientSecret,
    scopes: ['kafka', 'other'],
    extensions: { traceId: 'abc123', logicalCluster: 'lkc 1' },
    ...changes,
  };
}

/** Kafka's own tool makes a delegation token for the user: its id and its HMAC are what tokenauth logs in with. */
export async function createDelegationToken(kafka: SecuredKafka): Promise<{ id: string; hmac: string }> {
  const login = 'org.apache.kafka.common.security.scram.ScramLoginModule required';
  const config = join(kafka.folder, 'token-tool.properties');
  const lines = [
    'security.protocol=SASL_PLAINTEXT',
    'sasl.mechanism=SCRAM-SHA-256',
    `sasl.jaas.config=${login} username="sluice" password="${secrets.password}";`,
  ];
  await writeFile(config, lines.join('\n'), { mode: 0o600 });
  const { stdout } = await run(
    javaCommand(),
    [
      '-Xmx128m',
      '-XX:TieredStopAtLevel=1',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
      '-cp',
      join(await downloadKafka(), '*'),
      'org.apache.kafka.tools.DelegationTokenCommand',
      `--bootstrap-server=${kafka.cluster.servers('SASL_PLAINTEXT')}`,
      '--create',
      '--max-life-time-period=-1',
      `--command-config=${config}`,
    ],
    { timeout: 60_000 },
  );
  const row = stdout.split('\n').find((line) => line.includes('User:sluice')) ?? '';
  const [id = '', hmac = ''] = row.trim().split(/\s+/);
  if (hmac === '') throw new Error(`no delegation token in: ${stdout}`);
  return { id, hmac };
}
