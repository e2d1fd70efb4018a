import { setTimeout as delay } from 'node:timers/promises';
import { createTopic } from '../helpers/kafka.ts';
import { allow, deleteTopic, moveLeaders, revoke } from '../helpers/kafka-admin.ts';
import type { NetworkState, ProduceAction } from '../helpers/tcp-proxy.ts';
import { deliveryTimeoutMs, user } from './rig.ts';
import type { Fault, Stage } from './run-fault.ts';

const partitions = 6;

const everyone = async ({ loads }: Stage, outcome: string, count: number) => {
  await Promise.all(loads.map((load) => load.seen(outcome, count)));
};

const brokerOf = ({ rig: { kafka } }: Stage, index: number) => {
  const broker = kafka.brokers[index % kafka.brokers.length];
  if (broker === undefined) throw new Error('no broker');
  return broker;
};

export function killed(index = 0): Fault {
  return {
    name: 'a broker SIGKILLed and restarted',
    async inflict(stage) {
      const broker = brokerOf(stage, index);
      await broker.kill('SIGKILL');
      await delay(1_000);
      await broker.start();
    },
  };
}

export function asleep(forMs = 5_000, index = 1): Fault {
  return {
    name: `a broker SIGSTOPped for ${forMs / 1000} s`,
    async inflict(stage) {
      const broker = brokerOf(stage, index);
      await broker.kill('SIGSTOP');
      try {
        await delay(forMs);
      } finally {
        await broker.kill('SIGCONT');
      }
    },
  };
}

export const restarted: Fault = {
  name: 'every broker restarted in turn, in good order',
  rounds: 1,
  async inflict(stage) {
    for (const broker of stage.rig.kafka.brokers) {
      await broker.stop();
      await broker.start();
    }
  },
  // In good order means that hardly anybody notices: slow answers are enough.
};

export const allKilled: Fault = {
  name: 'every broker SIGKILLed and restarted',
  rounds: 2,
  async inflict(stage) {
    const { brokers } = stage.rig.kafka;
    const failing = everyone(stage, 'not_sent', 20);
    await Promise.all(brokers.map((broker) => broker.kill('SIGKILL')));
    await failing;
    await Promise.all(brokers.map((broker) => broker.start()));
  },
};

export const leadersMoved: Fault = {
  name: 'leaders moved to other brokers',
  // With one replica the leader goes with it. The move itself lasts tens of milliseconds.
  topic: { partitions, replicationFactor: 1, configs: {} },
  async inflict({ rig: { kafka }, topics }) {
    const ids = kafka.brokers.map(({ id }) => id);
    await Promise.all(topics.map((topic) => moveLeaders(topic, ids, kafka.internalServers)));
  },
};

function network(name: string, state: NetworkState, forMs: number): Fault {
  return {
    name,
    async inflict({ rig: { proxies } }) {
      for (const proxy of proxies) proxy.setNetwork(state);
      try {
        await delay(forMs);
      } finally {
        for (const proxy of proxies) proxy.setNetwork('open');
      }
    },
  };
}

export const cut = network('network cut for 2.5 s', 'closed', deliveryTimeoutMs + 500);
export const stalled = network('network silent for 3 s', 'stalled', deliveryTimeoutMs + 1_000);
export const slow = network('network slow by 2 x 150 ms for 2 s', { delayMs: 150 }, 2_000);

const cuts: readonly ProduceAction[] = [
  'cut_before',
  'cut_half',
  'cut_after',
  'cut_response',
  'swallow',
  { delayResponseMs: 1_000 },
];

export const requestsCut: Fault = {
  name: 'connections cut within Produce requests',
  async inflict({ rig: { proxies }, topics }) {
    for (const action of cuts) {
      for (const proxy of proxies) proxy.setRules(topics.map((topic) => ({ topic, action, times: 2 })));
      await delay(250);
    }
    for (const proxy of proxies) proxy.setRules([]);
  },
};

export const notEnoughReplicas: Fault = {
  name: 'fewer replicas than demanded',
  topic: { partitions, replicationFactor: 3, configs: { 'min.insync.replicas': '3' } },
  proof: 'NOT_ENOUGH_REPLICAS',
  rounds: 2,
  async inflict(stage) {
    const broker = brokerOf(stage, 2);
    await broker.stop();
    await everyone(stage, 'not_sent', 20);
    await broker.start();
  },
};

export const deleted: Fault = {
  name: 'a topic deleted and made again',
  topic: { partitions, replicationFactor: 1, configs: {} },
  proof: 'TOPIC_NOT_FOUND',
  sparesOthers: true,
  async inflict(stage) {
    const { topics, rig } = stage;
    const brokers = rig.kafka.internalServers;
    await Promise.all(topics.map((topic) => deleteTopic(topic, brokers)));
    await everyone(stage, 'not_sent', 20);
    stage.forget();
    await Promise.all(topics.map((name) => createTopic('', { name, partitions, brokers })));
  },
};

export const revoked: Fault = {
  name: 'permission revoked and given again',
  topic: { prefix: 'private-' },
  proof: 'TOPIC_AUTHORIZATION_FAILED',
  sparesOthers: true,
  async prepare({ topics, rig }) {
    for (const topic of topics) await allow({ user, topic }, rig.kafka.internalServers);
  },
  async inflict(stage) {
    const { topics, rig } = stage;
    for (const topic of topics) await revoke({ user, topic }, rig.kafka.internalServers);
    await everyone(stage, 'not_sent', 20);
    for (const topic of topics) await allow({ user, topic }, rig.kafka.internalServers);
  },
};
