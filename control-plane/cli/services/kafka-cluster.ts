import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { classArchiveArguments } from './class-archive.ts';
import { createState, dataDirectory, forgetState, loadState, type SavedState } from './cluster-state.ts';
import { downloadKafka, exists } from './download.ts';
import { startOnFreePorts } from './free-ports.ts';
import { javaCommand } from './java.ts';
import {
  checkLogSays,
  logSize,
  PortTakenError,
  signalProcess,
  startJvm,
  stopProcess,
  waitUntilReady,
  type Lifetime,
  type ProcessRef,
} from './jvm-process.ts';
import {
  brokerProperties,
  propertiesText,
  scramArguments,
  type BrokerLayout,
  type ClusterLayout,
  type KafkaSecurity,
  type KafkaUser,
  type SaslMechanism,
} from './kafka-properties.ts';
import { ensureKeystore, keystorePassword } from './keystore.ts';
import { fetchMetadata, type KafkaAddress } from './kafka-wire.ts';

const run = promisify(execFile);
const startTimeoutMs = 60_000;
const stopGraceMs = 10_000;
const probeTimeoutMs = 3_000;
const host = '127.0.0.1';
/** Kafka's last words of a start that went well. */
const startedWords = 'Kafka Server started';

export interface KafkaClusterOptions {
  /** Data, ports and logs of the cluster. A cluster started again on the same folder has its ports and its data. */
  readonly directory: string;
  /** The folder that holds Kafka's jars or takes their download; `sluice-data/services` by default. */
  readonly downloads?: string;
  /** 1 by default. Three or more: each is a controller too; two: only the first. */
  readonly brokers?: number;
  /** Security of the listener that clients use; PLAINTEXT by default. */
  readonly security?: KafkaSecurity;
  /** Further listeners for clients, each on ports of its own: `servers` names them. Users and mechanisms are the same. */
  readonly otherSecurities?: readonly KafkaSecurity[];
  /** PLAIN by default, where the security is SASL. */
  readonly mechanisms?: readonly SaslMechanism[];
  /** May log in by PLAIN and SCRAM. SCRAM users are written when the folder is new. */
  readonly users?: readonly KafkaUser[];
  /** Switches the StandardAuthorizer on (SASL only) and names its super users. */
  readonly authorizer?: { readonly superUsers: readonly string[] };
  /** The addresses that the brokers tell their clients, one `host:port` a broker; that of a proxy in between. */
  readonly advertised?: readonly string[];
  /** Further server properties; they win. */
  readonly properties?: Readonly<Record<string, string>>;
  readonly jvmArguments?: readonly string[];
  /** Java heap of each broker, 512m by default. */
  readonly heap?: string;
  /** `process` by default. */
  readonly lifetime?: Lifetime;
  /** Ports of a new cluster; free ones by default. When one is taken before it is bound, others are asked for. */
  readonly choosePorts?: (count: number) => Promise<number[]>;
}

export interface KafkaBroker {
  readonly id: number;
  /** Port of the clients' listener. */
  readonly port: number;
  /** The running or last process. */
  readonly pid: number;
  readonly logFile: string;
  /** Sends the signal; after SIGKILL, SIGTERM and SIGINT it resolves when the process has ended. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again on its port and data; resolves when it answers and the cluster knows it. */
  start(): Promise<void>;
  /** In good order: leaders move away first where others can take them. */
  stop(): Promise<void>;
}

export interface KafkaCluster {
  /** `host:port,…` of the clients' listener. */
  readonly bootstrapServers: string;
  /** `host:port,…` of a listener of this security. @throws when there is none */
  servers(security: KafkaSecurity): string;
  /** `host:port,…` of a plaintext listener that needs no login and may do everything, for tests' own administration. */
  readonly internalServers: string;
  readonly brokers: readonly KafkaBroker[];
  /** The self-signed certificate of the brokers (PEM), where the security is TLS. */
  readonly certificatePem: string | undefined;
  /** The processes, to be known again after a restart of the caller. */
  processes(): readonly ProcessRef[];
  stop(): Promise<void>;
}

interface Prepared {
  readonly layout: ClusterLayout;
  readonly jars: string;
  readonly options: KafkaClusterOptions;
}

/** Starts real Kafka brokers (KRaft) on loopback and waits until they answer. */
export async function startKafkaCluster(options: KafkaClusterOptions): Promise<KafkaCluster> {
  const directory = resolve(options.directory);
  if (options.authorizer !== undefined && !options.security?.startsWith('SASL_')) {
    throw new Error('An authorizer needs SASL: without a login every client would be the super user ANONYMOUS.');
  }
  if (options.users?.some(({ name, password }) => /[",=\]\s\\]/.test(name + password))) {
    throw new Error('Names and passwords of users may not hold quotes, commas, equals signs, brackets or white space.');
  }
  await mkdir(directory, { recursive: true });
  const jars = await downloadKafka(options.downloads === undefined ? {} : { directory: options.downloads });
  const { brokers = 1, otherSecurities = [] } = options;
  const others = otherSecurities.length;
  const saved = await loadState(directory, { count: brokers, others });
  if (saved !== undefined) return startSaved(options, { directory, jars, saved });
  const count = brokers * (3 + others);
  return startOnFreePorts({ count, choosePorts: options.choosePorts }, async (ports) => {
    const state = await createState(directory, { count: brokers, others, ports });
    try {
      return await startSaved(options, { directory, jars, saved: state });
    } catch (error) {
      // The files of a cluster that started in part name its ports, which the next attempt changes.
      if (error instanceof PortTakenError) await forgetState(directory, state);
      throw error;
    }
  });
}

async function startSaved(
  options: KafkaClusterOptions,
  { directory, jars, saved }: { directory: string; jars: string; saved: SavedState },
): Promise<KafkaCluster> {
  const { security = 'PLAINTEXT', otherSecurities = [] } = options;
  const isTls = [security, ...otherSecurities].some((name) => name.endsWith('SSL'));
  const keystore = isTls ? await ensureKeystore(directory) : undefined;
  const layout: ClusterLayout = {
    security,
    otherSecurities,
    mechanisms: options.mechanisms ?? ['PLAIN'],
    users: options.users ?? [],
    superUsers: options.authorizer?.superUsers,
    keystore: keystore && { path: keystore.path, password: keystorePassword },
    brokers: saved.brokers.map((broker, index) => ({
      ...broker,
      dataDirectory: dataDirectory(directory, broker.id),
      advertised: parseAddress(options.advertised?.[index]),
    })),
    properties: options.properties ?? {},
  };
  const prepared: Prepared = { layout, jars, options };
  await Promise.all(layout.brokers.map((broker) => format(prepared, broker, saved.clusterId)));
  const brokers = layout.brokers.map((broker) => createBroker(prepared, broker));
  const stop = async () => {
    await Promise.all(brokers.map((broker) => broker.stop()));
  };
  try {
    await Promise.all(brokers.map((broker) => broker.start()));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    bootstrapServers: addresses(layout.brokers.map(({ clientPort }) => clientPort)),
    servers: (wanted) => {
      if (wanted === security) return addresses(layout.brokers.map(({ clientPort }) => clientPort));
      const index = otherSecurities.indexOf(wanted);
      if (index === -1) throw new Error(`The cluster has no listener of security ${wanted}.`);
      return addresses(layout.brokers.map(({ otherPorts }) => otherPorts?.[index] ?? 0));
    },
    internalServers: addresses(layout.brokers.map(({ internalPort }) => internalPort)),
    brokers,
    certificatePem: keystore?.certificatePem,
    processes: () => brokers.map(({ pid, marker }) => ({ pid, marker })),
    stop,
  };
}

interface OwnedBroker extends KafkaBroker {
  readonly marker: string;
}

function createBroker(prepared: Prepared, broker: BrokerLayout): OwnedBroker {
  const { options, jars } = prepared;
  const marker = broker.dataDirectory;
  const logFile = `${broker.dataDirectory}.log`;
  const heap = options.heap ?? '512m';
  let ref: ProcessRef = { pid: 0, marker };
  return {
    id: broker.id,
    port: broker.clientPort,
    marker,
    logFile,
    get pid() {
      return ref.pid;
    },
    kill: (signal) => signalProcess(ref, signal),
    async start() {
      const sinceBytes = await logSize(logFile);
      ref = startJvm({
        marker,
        logFile,
        lifetime: options.lifetime ?? 'process',
        args: [
          `-Xmx${heap}`,
          '-Dorg.slf4j.simpleLogger.showDateTime=true',
          '-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS',
          ...classArchiveArguments(jars),
          ...(options.jvmArguments ?? []),
          '-cp',
          join(jars, '*'),
          'kafka.Kafka',
          propertiesFile(broker),
        ],
      });
      await waitUntilReady({
        what: `Kafka broker ${broker.id}`,
        process: ref,
        logFile,
        timeoutMs: startTimeoutMs,
        async check() {
          await checkBroker(broker);
          // The listeners open one after another: a port of the clients' that is taken shows after it has answered.
          await checkLogSays(logFile, startedWords, sinceBytes);
        },
      });
    },
    stop: () => stopProcess(ref, stopGraceMs),
  };
}

/** The broker answers, and takes itself for a part of the cluster (it is unfenced). */
async function checkBroker(broker: BrokerLayout): Promise<void> {
  const { brokers } = await fetchMetadata({ host, port: broker.internalPort }, probeTimeoutMs);
  if (!brokers.some(({ id }) => id === broker.id)) throw new Error(`broker ${broker.id} is not in the cluster yet`);
}

function propertiesFile(broker: BrokerLayout): string {
  return `${broker.dataDirectory}.properties`;
}

/** Writes the properties afresh and formats the storage where it is new. */
async function format({ layout, jars }: Prepared, broker: BrokerLayout, clusterId: string): Promise<void> {
  const config = propertiesFile(broker);
  await writeFile(config, propertiesText(brokerProperties(layout, broker)), { mode: 0o600 });
  if (await exists(join(broker.dataDirectory, 'meta.properties'))) return;
  const args = ['format', '--cluster-id', clusterId, '--config', config, '--ignore-formatted'];
  const jvm = ['-Xmx128m', '-XX:TieredStopAtLevel=1', ...classArchiveArguments(jars), '-cp', join(jars, '*')];
  try {
    await run(javaCommand(), [...jvm, 'kafka.tools.StorageTool', ...args, ...scramArguments(layout)], {
      timeout: startTimeoutMs,
    });
  } catch (error) {
    // The whole error holds the command line, and with it passwords; the tool's last words are the reason.
    const output = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
    // oxlint-disable-next-line preserve-caught-error
    throw new Error(`Kafka's storage could not be formatted: ${output.trimEnd().split('\n').at(-1)}`);
  }
}

function parseAddress(text: string | undefined): KafkaAddress | undefined {
  if (text === undefined) return undefined;
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}

function addresses(ports: readonly number[]): string {
  return ports.map((port) => `${host}:${port}`).join(',');
}
