import { setTimeout as delay } from 'node:timers/promises';
import { createTopic } from '../helpers/kafka.ts';
import { allow, deleteTopic, moveLeaders, revoke } from '../helpers/kafka-admin.ts';
import type { NetworkState, ProduceAction } from '../helpers/tcp-proxy.ts';
import { brokerCount, deliveryTimeoutMs, user } from './rig.ts';
import type { Fault, Stage } from './run-fault.ts';

const partitions = 6;

const everyone = async ({ loads }: Stage, outcome: string, count: number, subject?: number) => {
  await Promise.all(loads(subject).map((load) => load.seen(outcome, count)));
};

/** The last one first: in the short form it is the one that is no controller. */
const brokerOf = ({ rig: { kafka }, round }: Stage) => {
  const broker = kafka.brokers.at(-1 - (round % kafka.brokers.length));
  if (broker === undefined) throw new Error('no broker');
  return broker;
};

export const killed: Fault = {
  name: 'a broker SIGKILLed for 1 s',
  async inflict(stage) {
    const broker = brokerOf(stage);
    await broker.kill('SIGKILL');
    await delay(1_000);
    await broker.start();
  },
};

/** The load are programs with grpc-js: unary calls, and streams of five messages. */
export const killedUnderCalls: Fault = {
  ...killed,
  name: 'a broker SIGKILLed for 1 s, gRPC calls',
  rounds: 2,
  subjects: [{ protocol: 'grpc' }, { name: 'the same, gRPC streams', protocol: 'grpc-stream' }],
};

export function asleep(forMs = 5_000): Fault {
  return {
    name: `a broker SIGSTOPped for ${forMs / 1000} s`,
    async inflict(stage) {
      const broker = brokerOf(stage);
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
  // With one replica the leader goes with it. The move itself lasts tens of milliseconds; the brokers' metadata shows it.
  showsItself: true,
  subjects: [
    { replicationFactor: 1, configs: {} },
    { name: 'the same, idempotent', replicationFactor: 1, configs: {}, idempotent: true },
  ],
  async inflict({ rig: { kafka }, topics }) {
    const ids = kafka.brokers.map(({ id }) => id);
    await Promise.all(topics().map((topic) => moveLeaders(topic, ids, kafka.internalServers)));
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
  subjects: [{}, { name: 'the same, idempotent', idempotent: true }],
  async inflict({ rig: { proxies }, topics }) {
    const rule = (action: ProduceAction | null) => {
      for (const proxy of proxies) {
        for (const topic of topics()) proxy.setRule(topic, action && { action, times: 2 });
      }
    };
    for (const action of cuts) {
      rule(action);
      await delay(250);
    }
    rule(null);
  },
};

/** The second topic demands every replica. */
export const killedWithDemands: Fault = {
  name: 'a broker SIGKILLed and restarted',
  subjects: [
    {},
    {
      name: 'the same, every replica demanded',
      configs: { 'min.insync.replicas': String(brokerCount) },
      proof: 'NOT_ENOUGH_REPLICAS',
    },
    { name: 'the same, idempotent', idempotent: true },
  ],
  async inflict(stage) {
    const broker = brokerOf(stage);
    await broker.kill('SIGKILL');
    await everyone(stage, 'not_sent', 20, 1);
    await broker.start();
  },
};

/** A topic deleted and made again, and permission for another revoked and given again. */
export const topicsLost: Fault = {
  name: 'topics lost',
  subjects: [
    {
      name: 'a topic deleted and made again',
      replicationFactor: 1,
      configs: {},
      proof: 'TOPIC_NOT_FOUND',
    },
    { name: 'permission revoked and given again', prefix: 'private-', proof: 'TOPIC_AUTHORIZATION_FAILED' },
  ],
  sparesOthers: true,
  async prepare({ topics, rig }) {
    for (const topic of topics(1)) await allow({ user, topic }, rig.kafka.internalServers);
  },
  async inflict(stage) {
    const { topics, rig } = stage;
    const brokers = rig.kafka.internalServers;
    const failing = everyone(stage, 'not_sent', 20);
    for (const topic of topics(1)) await revoke({ user, topic }, brokers);
    await Promise.all(topics(0).map((topic) => deleteTopic(topic, brokers)));
    await failing;
    await Promise.all(topics(0).map((name) => createTopic('', { name, partitions, brokers })));
    stage.forget(0);
    for (const topic of topics(1)) await allow({ user, topic }, brokers);
  },
};
