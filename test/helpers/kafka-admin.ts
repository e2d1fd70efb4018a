import { Connection, createTopicsV7, deleteTopicsV6, metadataV12 } from '@platformatic/kafka';
import kafkajs, { type Admin } from 'kafkajs';
import { waitFor } from './wait-for.ts';

// Node finds no names for these in the CommonJS module.
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ConfigResourceTypes, Kafka, ResourcePatternTypes } =
  kafkajs;

/** Runs the work with an admin client on a PLAINTEXT listener. */
export async function withAdmin<T>(brokers: string, work: (admin: Admin) => Promise<T>): Promise<T> {
  const kafka = new Kafka({ clientId: 'sluice-test', brokers: brokers.split(','), logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Deletes the topic and waits until no broker names it any more. */
export async function deleteTopic(topic: string, brokers: string): Promise<void> {
  await withAdmin(brokers, async (admin) => {
    await admin.deleteTopics({ topics: [topic] });
    await waitFor(async () => !(await admin.listTopics()).includes(topic), { what: `the end of ${topic}` });
  });
}

/**
 * Deletes the topic (one replica a partition) and makes it again at once, without a wait in between, by way of one broker,
 * PLAINTEXT: others may be stopped. Resolves when that broker names the new topic with all its leaders.
 */
export async function makeAgain(topic: string, partitions: number, broker: string): Promise<void> {
  const colon = broker.lastIndexOf(':');
  const connection = new Connection('sluice-test', { requestTimeout: 20_000 });
  await connection.connect(broker.slice(0, colon), Number(broker.slice(colon + 1)));
  try {
    const described = async () => (await metadataV12.api.async(connection, [topic], false, false)).topics[0];
    const before = (await described())?.topicId;
    await deleteTopicsV6.api.async(connection, [{ name: topic }], 15_000);
    const made = { name: topic, numPartitions: partitions, replicationFactor: 1, assignments: [], configs: [] };
    await createTopicsV7.api.async(connection, [made], 15_000, false);
    const isThere = async () => {
      const now = await described();
      const leaders = now?.partitions.filter(({ leaderId }) => leaderId >= 0) ?? [];
      return now?.topicId !== before && leaders.length === partitions;
    };
    await waitFor(isThere, { what: `the new ${topic}`, pollMs: 5, timeoutMs: 20_000 });
  } finally {
    await connection.close();
  }
}

/** Sets the whole of the topic's own configuration. */
export async function setTopicConfig(
  topic: string,
  configs: Readonly<Record<string, string>>,
  brokers: string,
): Promise<void> {
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
  await withAdmin(brokers, (admin) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }],
    }),
  );
}

export interface TopicAccess {
  readonly user: string;
  readonly topic: string;
  /** The topic's name is a prefix. */
  readonly prefix?: boolean;
  /** WRITE by default, which implies DESCRIBE. */
  readonly operation?: 'WRITE' | 'DESCRIBE' | 'DESCRIBE_CONFIGS';
}

export async function allow(access: TopicAccess, brokers: string): Promise<void> {
  await withAdmin(brokers, (admin) => admin.createAcls({ acl: [aclOf(access)] }));
}

export async function revoke(access: TopicAccess, brokers: string): Promise<void> {
  await withAdmin(brokers, (admin) => admin.deleteAcls({ filters: [aclOf(access)] }));
}

function aclOf({ user, topic, prefix = false, operation = 'WRITE' }: TopicAccess) {
  return {
    resourceType: AclResourceTypes.TOPIC,
    resourceName: topic,
    resourcePatternType: prefix ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
    principal: `User:${user}`,
    host: '*',
    operation: AclOperationTypes[operation],
    permissionType: AclPermissionTypes.ALLOW,
  };
}

/** Moves every partition of the topic (one replica each) to another broker, and waits until it leads there. */
export async function moveLeaders(topic: string, brokerIds: readonly number[], brokers: string): Promise<void> {
  await withAdmin(brokers, async (admin) => {
    const leaders = async () => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      return (topics[0]?.partitions ?? []).map(({ partitionId, leader }) => ({ partitionId, leader }));
    };
    const wanted = new Map(
      (await leaders()).map(({ partitionId, leader }) => [
        partitionId,
        brokerIds[(brokerIds.indexOf(leader) + 1) % brokerIds.length] ?? leader,
      ]),
    );
    await admin.alterPartitionReassignments({
      topics: [
        {
          topic,
          partitionAssignment: [...wanted].map(([partition, leader]) => ({ partition, replicas: [leader] })),
        },
      ],
    });
    await waitFor(
      async () => (await leaders()).every(({ partitionId, leader }) => wanted.get(partitionId) === leader),
      {
        what: `other leaders of ${topic}`,
        timeoutMs: 20_000,
      },
    );
  });
}
