import { type KafkaCluster, startKafkaCluster } from '../../control-plane/cli/services/kafka-cluster.ts';
import { Closing } from './closing.ts';
import { tempFolder } from './temp-folder.ts';

/** The login of the shared brokers; the authorizer lets it do nothing but what a test allows. */
export const sharedUser = 'app';
export const sharedPassword = 'right-pAssw0rd';

const closing = new Closing();
let shared: Promise<KafkaCluster> | undefined;

/**
 * Three brokers that the test files of a run share, since a start takes 10 s on two cores: SASL_PLAINTEXT (PLAIN and
 * SCRAM-SHA-512) with an authorizer for `sharedUser`, PLAINTEXT with all rights at `internalServers`. A file that stops a
 * broker starts it again before it ends.
 */
export function sharedBrokers(): Promise<KafkaCluster> {
  return (shared ??= start());
}

/** Called once, at the end of the run. */
export async function stopSharedBrokers(): Promise<void> {
  shared = undefined;
  await closing.close();
}

async function start(): Promise<KafkaCluster> {
  const temp = await tempFolder();
  closing.add(() => temp.remove());
  const cluster = await startKafkaCluster({
    directory: temp.path,
    brokers: 3,
    heap: '256m',
    security: 'SASL_PLAINTEXT',
    mechanisms: ['PLAIN', 'SCRAM-SHA-512'],
    users: [{ name: sharedUser, password: sharedPassword }],
    authorizer: { superUsers: [] },
    // A killed broker may come back when the controller has given it up: 9 s by default.
    properties: { 'broker.session.timeout.ms': '2000', 'broker.heartbeat.interval.ms': '500' },
  });
  closing.add(() => cluster.stop());
  return cluster;
}
