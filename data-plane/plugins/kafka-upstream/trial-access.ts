import { AsyncLocalStorage } from 'node:async_hooks';
import type { KafkaRecord } from '../../kafka/kafka-client.ts';
import type { ProducerLease } from '../../kafka/producer-lease.ts';
import type { Answer, Exchange } from '../../plugin-api/exchange.ts';
import type { Trial } from '../../plugin-api/trial.ts';

type Access = (exchange: Exchange) => Promise<Answer>;

/**
 * Makes the access of trials: the same as of other requests, over a producer that notes records for the trial in whose
 * turn it is called, and queues and counts none.
 */
export function trialAccess(
  producer: ProducerLease,
  clusterName: () => string,
  compile: (noting: ProducerLease) => Access,
): (exchange: Exchange, trial: Trial) => Promise<Answer> {
  const trials = new AsyncLocalStorage<Trial>();
  const note = (topic: string, record: KafkaRecord): void =>
    trials.getStore()?.note({ topic, record, cluster: clusterName(), partition: producer.partitionOf(topic, record) });
  const access = compile({
    ...producer,
    enqueue(topic, record) {
      note(topic, record);
      return { outcome: 'accepted', topic };
    },
    enqueueAll(records) {
      for (const { topic, record } of records) note(topic, record);
      return Promise.resolve(null);
    },
    publish: never,
    publishAll: never,
    countRefused: () => undefined,
  });
  return (exchange, trial) => trials.run(trial, () => access(exchange));
}

function never(): never {
  throw new Error('A trial sends no record');
}
