import { type KafkaCluster, startKafkaCluster } from '../../control-plane/cli/services/kafka-cluster.ts';
import { bootstrapServers, makeKafkaRoute } from '../helpers/admin.ts';
import { Closing } from '../helpers/closing.ts';
import { type ClientName, isLong, testedClients as clients } from '../helpers/kafka-clients.ts';
import { allow } from '../helpers/kafka-admin.ts';
import {
  type ControlPlaneProcess,
  type DataPlaneProcess,
  runControlPlane,
  runDataPlane,
} from '../helpers/sluice-process.ts';
import { startTcpProxy, type TcpProxy } from '../helpers/tcp-proxy.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

/** From a request's arrival to its answer. */
export const deliveryTimeoutMs = 2_000;
/** On a busy machine answers, and the clocks of their readers, are late. */
export const lateMs = 1_000;
/** Topics with this prefix may be written without further permission. */
export const openPrefix = 'open-';
export const user = 'app';
export const password = 'only-for-tests';
/** Of two, only the first is a controller: the other one comes back faster. */
export const brokerCount = isLong ? 3 : 2;

export interface Rig {
  readonly kafka: KafkaCluster;
  /** Before each broker, in the brokers' order; what data planes are told to connect to. */
  readonly proxies: readonly TcpProxy[];
  /** Nodes that live as long as the rig. */
  readonly nodes: ReadonlyMap<ClientName, DataPlaneProcess>;
  node(client: ClientName): DataPlaneProcess;
  /** A node for tests that end it. */
  startNode(client: ClientName, name: string, args?: readonly string[]): Promise<DataPlaneProcess>;
  /** A route `/<name>` into the topic; body as value, `?key=` as key. */
  makeRoute(name: string, topic: string, config?: Readonly<Record<string, unknown>>): Promise<void>;
  close(): Promise<void>;
}

/** Brokers with logins and an authorizer, a proxy before each, a control plane, and a node for each Kafka client. */
export async function startRig(): Promise<Rig> {
  const closing = new Closing();
  try {
    return await assemble(closing);
  } catch (error) {
    await closing.close();
    throw error;
  }
}

async function assemble(closing: Closing): Promise<Rig> {
  const temp = await tempFolder();
  closing.add(() => temp.remove());
  const proxies = await Promise.all(Array.from({ length: brokerCount }, startTcpProxy));
  closing.add(() => Promise.all(proxies.map((proxy) => proxy.close())));
  const kafka = await startKafkaCluster({
    directory: `${temp.path}/kafka`,
    brokers: brokerCount,
    heap: isLong ? '384m' : '256m',
    security: 'SASL_PLAINTEXT',
    users: [{ name: user, password }],
    authorizer: { superUsers: [] },
    advertised: proxies.map(({ address }) => address),
    properties: {
      // A killed broker may come back when the controller has given it up: 9 s by default.
      'broker.session.timeout.ms': isLong ? '3000' : '2000',
      'broker.heartbeat.interval.ms': '400',
    },
  });
  closing.add(() => kafka.stop());
  kafka.brokers.forEach(({ port }, index) => proxies[index]?.setTarget(`127.0.0.1:${port}`));
  await allow({ user, topic: openPrefix, prefix: true }, kafka.internalServers);
  const controlPlane = await runControlPlane({ folder: temp.path });
  closing.add(() => controlPlane.stop());
  const startNode = (client: ClientName, name: string, args: readonly string[] = []) =>
    runNode({ controlPlane, client, folder: `${temp.path}/${name}`, args }, closing);
  const nodes = new Map<ClientName, DataPlaneProcess>();
  await Promise.all(clients.map(async (client) => nodes.set(client, await startNode(client, client))));
  return {
    kafka,
    proxies,
    nodes,
    node(client) {
      const node = nodes.get(client);
      if (node === undefined) throw new Error(`no node with ${client}`);
      return node;
    },
    startNode,
    makeRoute: (name, topic, config = {}) =>
      makeKafkaRoute(controlPlane.admin, {
        name,
        path: `/${name}`,
        config: {
          bootstrap_servers: bootstrapServers(proxies.map(({ address }) => address).join(',')),
          authentication: { strategy: 'sasl', mechanism: 'PLAIN', user, password },
          topic,
          record_value: 'body',
          key_query_arg: 'key',
          delivery_timeout: deliveryTimeoutMs,
          timeout: 1_000,
          producer_request_timeout: 1_500,
          ...config,
        },
      }),
    close: () => closing.close(),
  };
}

interface NodePlan {
  readonly controlPlane: ControlPlaneProcess;
  readonly client: ClientName;
  readonly folder: string;
  readonly args: readonly string[];
}

async function runNode(plan: NodePlan, closing: Closing): Promise<DataPlaneProcess> {
  const { controlPlane, client, folder, args } = plan;
  const node = await runDataPlane({
    folder,
    controlPlane: controlPlane.cluster,
    args: [`--kafka-client=${client}`, ...args],
  });
  closing.add(() => node.stop());
  return node;
}
